/**
 * Implements a {@link StreamsSubscription}: receives the server's messages about all of its streams and decides with their cursors which
 * events are new.
 *
 * Part of the client runtime: imports nothing from outside this directory.
 */
import type { ClientGapReason } from './cursor.ts';
import type { ReplayMode } from './server-subscription.ts';
import type { SubscriptionPlace } from './errors.ts';
import { FeedBase } from './feed-base.ts';
import type { FeedBaseOptions } from './feed-base.ts';
import type { ReplayEnd } from './feed-port.ts';
import { StreamCursors } from './stream-cursors.ts';
import type { Moves } from './stream-cursors.ts';
import { covers, fitInto } from './streams-request.ts';
import type { StreamsRequest } from './streams-request.ts';
import type { StreamsReplay } from './streams-subscription.ts';
import { isObject, isStrings, readPosition } from './wire.ts';
import type { EventPrefix, Frame, Position, StreamPosition } from './wire.ts';

export interface StreamsFeedOptions extends FeedBaseOptions, StreamsRequest {
  /** Returns the size of the largest command that the server accepts, in bytes. */
  readonly roomBytes: () => number;
}

export class StreamsFeed extends FeedBase<Moves, StreamsReplay> {
  readonly #request: StreamsFeedOptions;
  readonly #cursors: StreamCursors;
  /** The newest position of each stream that the server has reported. */
  readonly #heads = new Map<string, Position>();
  #selectors: readonly string[];

  constructor(options: StreamsFeedOptions) {
    const { streams, replay } = options;
    const positions = replay.mode === 'resume' ? replay.positions : undefined;
    const reader = readerAt(positions);
    super(options, reader, joinInto(reader));
    this.#request = options;
    this.#selectors = streams;
    this.#cursors = new StreamCursors(positions);
  }

  /** The names and patterns of the streams, as one text for error messages and lifecycle events. */
  get stream(): string {
    return this.#selectors.join(', ');
  }

  get streams(): readonly string[] {
    return this.#selectors;
  }

  /** A subscription to several streams has one position for each stream: see `positions`. */
  get position(): undefined {
    return undefined;
  }

  get positions(): readonly StreamPosition[] | undefined {
    const { reached } = this;
    if (reached?.isComplete !== true) return undefined;
    return [...reached.streams].flatMap(([stream, at]) => (at === undefined ? [] : [{ stream, ...at }]));
  }

  get lag(): number | undefined {
    const { positions } = this;
    if (positions === undefined) return undefined;
    const read = new Map(positions.map((each) => [each.stream, each]));
    let lag = 0;
    for (const [stream, { epoch, sequenceId }] of this.#heads) {
      const from = read.get(stream);
      lag += Math.max(0, sequenceId - (from?.epoch === epoch ? from.sequenceId : 0));
    }
    return lag;
  }

  // ---- calls from the connection

  event(data: Frame['data'], prefix: EventPrefix): void {
    const { fresh, gap } = this.#cursors.accept(prefix);
    if (!prefix.isReplay) this.#head(prefix.stream, prefix);
    this.reportOwn(prefix.stream, gap);
    if (fresh) this.push(data);
    else this.drop(prefix);
  }

  positionsReceived(data: Frame['data']): void {
    for (const [stream, position] of readPositions(data.positions)) {
      this.#head(stream, position);
      this.reportOwn(stream, this.#cursors.place(stream, position));
    }
    for (const stream of isStrings(data.ended) ? data.ended : []) {
      this.#heads.delete(stream);
      this.#cursors.end(stream);
    }
    this.moved();
  }

  /** If the `stream` of a gap is a pattern, the server could not name the streams. Such a gap moves no position (MUL-9). */
  override gap(data: Frame['data']): void {
    const isUnnamed = typeof data.stream === 'string' && data.stream.endsWith('*');
    super.gap(isUnnamed ? { ...data, from: undefined, to: undefined } : data);
  }

  replayComplete({ count, truncated }: ReplayEnd): void {
    if (this.#cursors.complete()) this.subscribeAgain();
    else this.caught({ count, truncated });
  }

  heartbeat(positions: ReadonlyMap<string, Position>): void {
    for (const [stream, position] of positions) {
      if (!this.live || !covers(this.#selectors, stream)) continue;
      this.#head(stream, position);
      this.reportOwn(stream, this.#cursors.heartbeat(stream, position));
    }
    this.#cursors.prove();
    this.moved();
  }

  lossFound(): void {
    this.#cursors.rewind();
  }

  // ---- used by the base class

  protected get live(): boolean {
    return this.#cursors.live;
  }

  protected forget(reason: ClientGapReason): void {
    this.#cursors.forget(reason);
  }

  protected skip(stream: string, from: Position, to: Position): boolean {
    return this.#cursors.skip(stream, from, to);
  }

  protected nextSubscribe(): { readonly asked: ReplayMode; readonly data: Frame['data'] } {
    const { streams, replay, roomBytes } = this.#request;
    const { positions } = this.#cursors;
    const common = { ...this.common(), streams };
    if (positions !== undefined) {
      const { named, left } = fitInto(roomBytes(), positions, common);
      this.#cursors.leaveOut(left);
      return { asked: 'resume', data: { ...common, replay: { mode: 'resume', positions: named } } };
    }
    // After the positions were discarded, a resume becomes a warm replay.
    const mode = replay.mode === 'none' ? 'none' : 'warm';
    return { asked: mode, data: { ...common, replay: { mode } } };
  }

  protected subscribed(asked: ReplayMode, data: Frame['data']): void {
    if (isStrings(data.streams)) this.#selectors = data.streams;
    const gaps = this.#cursors.start(asked);
    this.confirmed(data, isObject(data.recovery) ? data.recovery : {});
    for (const { stream, ...gap } of gaps) this.reportOwn(stream, gap);
    if (asked === 'none') this.caught({ count: 0, truncated: false });
  }

  protected mark(): Moves | undefined {
    return this.#cursors.takeMoves();
  }

  protected readPlace(): SubscriptionPlace {
    return { subscriptionId: this.id, positions: this.positions };
  }

  protected receivedPlace(): SubscriptionPlace {
    return { subscriptionId: this.id, positions: this.#cursors.positions ?? this.positions };
  }

  #head(stream: string, { epoch, sequenceId }: Position): void {
    this.#heads.set(stream, { epoch, sequenceId });
  }
}

function readerAt(positions: readonly StreamPosition[] | undefined): Moves {
  const streams = new Map((positions ?? []).map(({ stream, epoch, sequenceId }) => [stream, { epoch, sequenceId }]));
  return { streams, isComplete: positions !== undefined };
}

/** Returns a function that adds newer position changes to older ones. It removes streams that have ended from the reader's positions. */
function joinInto(reader: Moves): (older: Moves, newer: Moves) => Moves {
  return (older, newer) => {
    for (const [stream, position] of newer.streams)
      if (position === undefined && older === reader) older.streams.delete(stream);
      else older.streams.set(stream, position);
    older.isComplete ||= newer.isComplete;
    return older;
  };
}

function* readPositions(value: unknown): Generator<[string, Position]> {
  for (const each of Array.isArray(value) ? (value as unknown[]) : []) {
    const position = readPosition(each);
    if (position !== undefined && isObject(each) && typeof each.stream === 'string') yield [each.stream, position];
  }
}
