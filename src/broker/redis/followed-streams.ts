/** The selectors (names or patterns) that a node follows, and the streams that it knows because of them. */
import { BROKER_RETRY_MS } from '../broker.ts';
import { ProtocolError } from '../../errors.ts';
import { covers } from '../../catalogue/event-pattern.ts';
import type { FollowedStream } from '../broker.ts';
import { SelectorMap, selectedNames } from '../stream-selectors.ts';
import type { MirrorHistory } from './mirror.ts';
import type { StreamIndex } from './stream-index.ts';

interface Follow {
  readonly selector: string;
  count: number;
  /** Whether every stream that existed when it began is loaded. A stream that appears later is delivered from its first event. */
  established: boolean;
  ready: Promise<void>;
}

export interface FollowedStreamsOptions {
  readonly index: StreamIndex;
  /** Mirrors a stream if this node does not mirror it yet. */
  readonly mirror: (stream: string) => void;
  /** Resolves when all streams that the selector covers and this node mirrors are loaded; undefined if they are. */
  readonly loading: (selector: string) => Promise<unknown> | undefined;
}

export class FollowedStreams {
  readonly #options: FollowedStreamsOptions;
  readonly #follows = new SelectorMap<Follow>();

  constructor(options: FollowedStreamsOptions) {
    this.#options = options;
  }

  /** @throws {ProtocolError} `broker_unavailable` */
  async follow(selector: string): Promise<void> {
    const follow = this.#follows.get(selector) ?? this.#begin(selector);
    follow.count += 1;
    try {
      await follow.ready;
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
    if (follow === undefined) return;
    follow.count -= 1;
    if (follow.count === 0) this.#follows.delete(selector);
  }

  /** Whether a follow covers the stream. */
  covers(stream: string): boolean {
    return this.#follows.covering(stream).length > 0;
  }

  /** Whether a stream that this node begins to mirror now is new to a follow, so that all its events must be delivered. */
  isNew(stream: string): boolean {
    return this.#follows.covering(stream).some(({ established }) => established);
  }

  /** Another node, or this one, has created a stream. */
  appeared(stream: string): void {
    if (this.covers(stream)) this.#options.mirror(stream);
  }

  /** Mirrors streams whose announcement was lost. */
  async look(): Promise<void> {
    if (this.#follows.size === 0) return;
    for (const stream of await this.#options.index.news()) this.appeared(stream);
  }

  #begin(selector: string): Follow {
    const follow: Follow = { selector, count: 0, established: false, ready: Promise.resolve() };
    this.#follows.set(selector, follow);
    follow.ready = this.#load(follow);
    return follow;
  }

  async #load(follow: Follow): Promise<void> {
    const { index, mirror, loading } = this.#options;
    for (const stream of await index.all()) if (covers(follow.selector, stream)) mirror(stream);
    // Streams that appear meanwhile are awaited, too: they are loaded as history, and would otherwise be missed.
    for (let pending = loading(follow.selector); pending !== undefined; pending = loading(follow.selector))
      await pending;
    follow.established = true;
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
