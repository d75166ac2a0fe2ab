/** The selectors (names or patterns of streams) that a node follows. A node mirrors every stream that one of its selectors covers. */
import { BROKER_RETRY_MS } from '../broker.ts';
import { ProtocolError } from '../../errors.ts';
import { covers } from '../../catalogue/event-pattern.ts';
import type { FollowedStream } from '../broker.ts';
import { SelectorMap, selectedNames } from '../stream-selectors.ts';
import type { MirrorHistory } from './mirror.ts';
import { SharedRuns } from './shared-runs.ts';
import { appearanceAt } from './appearance.ts';
import type { Announced } from './appearance.ts';
import type { Found } from './first-delivery.ts';
import type { Entry } from './index-pages.ts';
import type { StreamIndex } from './stream-index.ts';

interface Follow {
  readonly selector: string;
  count: number;
  /** The time of the last unfollow, by the performance clock. */
  leftAt: number;
  /**
   * Whether all streams that existed when the follow began are loaded. A stream that appears later is delivered from its first event.
   */
  established: boolean;
  ready: Promise<void>;
  /** Each run reads the streams and the events that this node may have missed so far. */
  readonly syncs: SharedRuns;
}

export interface FollowedStreamsOptions {
  readonly index: StreamIndex;
  /** How long a follow is kept after its last follower has left, in milliseconds. Clients often reconnect at once. */
  readonly lingerMs: number;
  readonly isMirrored: (stream: string) => boolean;
  /** Mirrors a stream if this node does not mirror it yet. */
  readonly mirror: (stream: string, found?: Found) => void;
  /** Called if the stream was created and expired again before this node learned of it. */
  readonly missed: (stream: string) => void;
  /** Called if streams of this pattern may have been created and expired again unnoticed, and Redis no longer has their names. */
  readonly missedUnnamed: (pattern: string) => void;
  /**
   * Waits until the mirrors of the selected streams have every event that was published before `since`, a time of the performance clock.
   */
  readonly sync: (selector: string, since: number) => Promise<void>;
}

export class FollowedStreams {
  readonly #options: FollowedStreamsOptions;
  readonly #follows = new SelectorMap<Follow>();

  constructor(options: FollowedStreamsOptions) {
    this.#options = options;
  }

  /** Begins to follow the selector, or counts one more follower. @throws {ProtocolError} `broker_unavailable` */
  async follow(selector: string): Promise<void> {
    const known = this.#follows.get(selector);
    const follow = known ?? this.#begin(selector);
    follow.count += 1;
    try {
      await follow.ready;
      // The client may have received events from another node that have not arrived at this node yet.
      if (known !== undefined) await follow.syncs.run();
    } catch (error) {
      this.unfollow(selector);
      throw new ProtocolError('broker_unavailable', 'the streams could not be read from Redis', {
        retryAfterMs: BROKER_RETRY_MS,
        cause: error,
      });
    }
  }

  unfollow(selector: string): void {
    const follow = this.#follows.get(selector);
    if (follow === undefined || follow.count === 0) return;
    follow.count -= 1;
    follow.leftAt = performance.now();
    if (follow.count === 0 && !follow.established) this.#follows.delete(selector);
  }

  /** Whether a followed selector covers the stream. */
  covers(stream: string): boolean {
    return this.#follows.covering(stream).length > 0;
  }

  /**
   * For a stream that is not loaded yet: whether it is new to its followers, so that its events must be delivered. It is new if a follow
   * that covers it has already loaded all streams that existed when the follow began.
   */
  isNew(stream: string): boolean {
    return this.#follows.covering(stream).some(({ established }) => established);
  }

  /** Must be called when the announcement of a stream was received. */
  appeared({ stream, appearance, place, epoch }: Announced): void {
    if (place !== undefined && this.#follows.size > 0) this.#options.index.noteAnnounced(place);
    if (this.covers(stream)) this.#options.mirror(stream, { appearance, place, epoch });
  }

  /** Called at each interval: mirrors streams whose announcement was lost, and ends follows that have had no followers for `lingerMs`. */
  async look(): Promise<void> {
    const { index, lingerMs } = this.#options;
    for (const { selector, count, leftAt } of this.#follows.values())
      if (count === 0 && performance.now() - leftAt > lingerMs) this.#follows.delete(selector);
    if (this.#follows.size === 0) index.untrack();
    else await this.#readIndexChanges();
  }

  #begin(selector: string): Follow {
    const syncs = new SharedRuns(() => this.#sync(selector));
    const follow: Follow = { selector, count: 0, leftAt: 0, established: false, ready: Promise.resolve(), syncs };
    this.#follows.set(selector, follow);
    follow.ready = this.#establish(follow);
    return follow;
  }

  /**
   * Loads all existing streams that the selector covers. Does not wait for a stream that appears during this time. If such a stream is
   * loaded before this method ends, its events are history. Otherwise it is delivered from its first event.
   */
  async #establish(follow: Follow): Promise<void> {
    const { index, sync } = this.#options;
    const { selector } = follow;
    const since = performance.now();
    await index.track();
    if (!selector.endsWith('*')) await this.#mirrorNamed(selector);
    else for await (const entries of index.all()) await this.#mirrorExisting(selector, entries);
    await sync(selector, since);
    follow.established = true;
  }

  async #sync(selector: string): Promise<void> {
    const since = performance.now();
    if (selector.endsWith('*')) await this.#readIndexChanges();
    else await this.#mirrorNamed(selector);
    await this.#options.sync(selector, since);
  }

  /** Mirrors the stream if it exists. If it does not exist, {@link appeared} mirrors it later. */
  async #mirrorNamed(stream: string): Promise<void> {
    const { index, isMirrored, mirror } = this.#options;
    if (!isMirrored(stream) && (await index.existing([stream])).has(stream)) mirror(stream);
  }

  /**
   * Mirrors the streams of these entries that still exist, and removes the other entries from the index.
   */
  async #mirrorExisting(selector: string, entries: readonly Entry[]): Promise<void> {
    const { index, isMirrored, mirror } = this.#options;
    const unknown = entries.filter(({ stream }) => covers(selector, stream) && !isMirrored(stream));
    const found = await index.existing(unknown.map(({ stream }) => stream));
    for (const { stream, place } of unknown)
      if (found.has(stream)) mirror(stream, { appearance: appearanceAt(place), place, epoch: undefined });
    await index.remove(unknown.filter(({ stream }) => !found.has(stream)));
  }

  async #readIndexChanges(): Promise<void> {
    const { entries, missed, hasUnnamed } = await this.#options.index.changes();
    for (const stream of new Set(missed)) if (this.isNew(stream)) this.#options.missed(stream);
    if (hasUnnamed) this.#reportUnnamed();
    for (const { stream, place } of entries)
      if (this.covers(stream))
        this.#options.mirror(stream, { appearance: appearanceAt(place), place, epoch: undefined });
  }

  /**
   * Reports for each follow that streams may have been missed. A follow of one name needs no report if its stream is mirrored: the mirror
   * finds out what was lost.
   */
  #reportUnnamed(): void {
    const { isMirrored, missed, missedUnnamed } = this.#options;
    for (const { selector, established } of [...this.#follows.values()])
      if (established && selector.endsWith('*')) missedUnnamed(selector);
      else if (established && !isMirrored(selector)) missed(selector);
  }
}

/** The streams with events that one of the selectors covers. */
export function* followedStreams(
  selectors: readonly string[],
  mirrored: { readonly names: Iterable<string>; readonly historyOf: (stream: string) => MirrorHistory | undefined },
): Generator<FollowedStream> {
  for (const stream of selectedNames(selectors, mirrored.names)) {
    const history = mirrored.historyOf(stream);
    history?.expire(Date.now());
    const snapshot = history?.snapshot();
    if (snapshot !== undefined && snapshot.head.sequenceId > 0) yield { stream, snapshot };
  }
}
