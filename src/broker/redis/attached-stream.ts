/** One stream that this node mirrors. The stream has or just had subscribers here, or this node follows its name or a matching pattern. */
import type { EventTable } from '../../catalogue/event-table.ts';
import type { Budget } from '../../replay/budget.ts';
import { StreamHistory } from '../../replay/history.ts';
import type { BrokerLimits, BrokerListener, BrokerLog, Position, StreamLoss } from '../broker.ts';
import { UNKNOWN_POSITION } from '../broker.ts';
import { historyBounds } from '../history-bounds.ts';
import { Completeness } from './completeness.ts';
import { FirstDelivery } from './first-delivery.ts';
import type { Found } from './first-delivery.ts';
import type { Reading } from './completeness.ts';
import type { RedisConnection } from './connection.ts';
import type { EpochFence } from './fence/epoch-fence.ts';
import type { KnownPlace } from './fence/knowledge.ts';
import type { RedisKeys } from './keys.ts';
import { isBlank, parsePublished, parseState } from './line.ts';
import type { Line, StreamState } from './line.ts';
import { StreamMirror } from './mirror.ts';
import type { MirrorHistory } from './mirror.ts';
import { mirrorSource } from './mirror-source.ts';
import { SourceLosses } from './source-losses.ts';
import type { StreamChannels } from './stream-channels.ts';
import type { StreamIndex } from './stream-index.ts';
import type { TaskQueue } from './task-queue.ts';

/** What all mirrored streams of a node share. */
export interface AttachedStreamContext {
  readonly connection: RedisConnection;
  readonly keys: RedisKeys;
  readonly fence: EpochFence;
  readonly index: StreamIndex;
  readonly limits: BrokerLimits;
  readonly events: EventTable;
  /** TTL of a stream's keys in milliseconds; 0 if they do not expire. */
  readonly ttlOf: (stream: string) => number;
  /** TTL of the keys of a stream without events, in milliseconds. Used for streams for which `ttlOf` returns 0. */
  readonly blankTtlMs: number;
  readonly listener: () => BrokerListener | undefined;
  readonly log: BrokerLog;
  readonly budget: Budget;
  readonly channels: StreamChannels;
  /** Limits the number of concurrent reads; see mirror-source.ts. */
  readonly reads: TaskQueue;
  readonly questions: TaskQueue;
  /** Whether a selector that this node follows covers the stream. */
  readonly isFollowed: (stream: string) => boolean;
  /**
   * Whether a follow covers the stream and has already loaded all streams that existed when the follow began. If so, a stream that is not
   * loaded yet is new to the followers: its events must be delivered, and not only kept as history.
   */
  readonly isNew: (stream: string) => boolean;
}

/** A stream without keys counts as expired after this fraction of its TTL. It is less than 1 because the clocks of the servers differ. */
const EXPIRY_TOLERANCE = 0.9;

export class AttachedStream {
  readonly name: string;
  /** Serial number of this stream on this node. It determines at which intervals the head of the stream is compared (`lookAtHeads`). */
  readonly turn: number;
  readonly completeness: Completeness;
  readonly #context: AttachedStreamContext;
  readonly #mirror: StreamMirror;
  readonly #losses: SourceLosses;
  readonly #first: FirstDelivery;
  /** Whether this node has read the stream's entry in the index. */
  readonly #isEntered: boolean;
  #startedAs: 'known' | 'new' = 'known';
  #state: StreamState | undefined;
  #loading: Promise<void> | undefined;
  #isLoaded = false;
  #isClosed = false;
  /** Whether a message has arrived since {@link suspectSilence} was last called. */
  #hasReceived = true;
  #count = 0;
  /** The time of the last detach, by the performance clock. */
  #leftAt = Number.NEGATIVE_INFINITY;
  /** When the TTL was last renewed, by the performance clock. */
  #renewedAt = 0;

  constructor(name: string, context: AttachedStreamContext, { turn, ...found }: Found & { readonly turn: number }) {
    this.name = name;
    this.turn = turn;
    this.#context = context;
    this.#first = new FirstDelivery(name, found);
    this.#isEntered = found.appearance !== undefined;
    const { connection, keys, log } = context;
    this.#losses = new SourceLosses({
      stream: name,
      epoch: () => this.#mirror.head?.epoch,
      onOtherEpoch: () => this.catchUpUnasked(),
      read: (from) => connection.range(keys.of(name).losses, from),
      report: ({ paths }) => this.#listener()?.onSourceLoss({ stream: name, paths }),
      log,
    });
    this.completeness = new Completeness({
      ttlMs: context.ttlOf(name),
      losses: () => context.channels.connectionLosses,
      subscribedAt: () => context.channels.subscribedAt(name),
    });
    this.#mirror = this.#createMirror();
  }

  /** How often the stream is attached on this node. Follows are not counted. */
  get count(): number {
    return this.#count;
  }

  /** The history of the mirror. Undefined until the stream has been read. */
  get history(): MirrorHistory | undefined {
    return this.#mirror.history;
  }

  get isLoaded(): boolean {
    return this.#isLoaded;
  }

  /** Records a state of this stream that was read while the stream was not loaded yet. @throws {Error} if the text is not a valid state */
  glimpse(text: string | undefined): void {
    const state = text === undefined ? undefined : parseState(text);
    if (state !== undefined && !isBlank(state)) this.#mirror.see(state.epoch);
  }

  /** Called when all streams of a pattern were read. If reading this one has failed, events before its first read count as lost. */
  leaveBehind(): void {
    if (!this.#isLoaded && !this.#context.isNew(this.name)) this.#first.appearance = 'found';
  }

  /** Reports the loss of all events of a run of the stream that began and expired before this node learned of it. */
  missRun(): void {
    const { head } = this.#mirror;
    if (head === undefined) return this.#first.missRun();
    const to = { epoch: head.epoch, sequenceId: head.sequenceId };
    this.#reportLosses([{ stream: this.name, from: UNKNOWN_POSITION, to, reason: 'epoch_changed' }]);
  }

  /** Whether the mirror may lack events of the stream. */
  get mayMiss(): boolean {
    return !this.#isLoaded || this.completeness.mayMiss;
  }

  /** The loss to report if the stream has expired before this node has read it to its end. */
  get unreadLoss(): StreamLoss {
    const { head, unread = UNKNOWN_POSITION.epoch } = this.#mirror;
    const { epoch, sequenceId } = head ?? { epoch: unread, sequenceId: 0 };
    return { stream: this.name, from: { epoch, sequenceId }, to: UNKNOWN_POSITION, reason: 'broker_lost' };
  }

  attach(): void {
    this.#count += 1;
  }

  detach(): void {
    if (this.#count === 0) return;
    this.#count -= 1;
    this.#leftAt = performance.now();
  }

  /** Whether the last detach was at most this many milliseconds ago. */
  wasLeftWithin(ms: number): boolean {
    return performance.now() - this.#leftAt <= ms;
  }

  /** Ends the mirror. No event or loss of the stream is delivered afterwards. */
  close(): void {
    this.#isClosed = true;
    this.#context.channels.close(this.name);
    this.#mirror.history?.close();
  }

  /**
   * Resolves once this node is subscribed to the channel of the stream and has read the stream. After a failure, a later call continues
   * with the state reached so far, so events that arrived meanwhile are neither lost nor delivered again. @throws {Error} if the stream
   * could not be read from Redis
   */
  load(): Promise<void> {
    if (this.#isLoaded) return Promise.resolve();
    this.#loading ??= this.#load().finally(() => (this.#loading = undefined));
    return this.#loading;
  }

  /** Subscribes first, and then reads. Therefore an event that is published in between is in the log, or arrives as a message. */
  async #load(): Promise<void> {
    const { index, channels } = this.#context;
    await channels.open(this.name);
    await this.catchUp();
    const state = this.#state;
    if (state === undefined) throw new Error(`the state of stream ${this.name} was not read`);
    await this.#losses.load(state, () => this.#startedAs === 'new' || this.#context.isNew(this.name));
    if (!this.#isEntered && !isBlank(state)) await index.enterFound(this.name, state);
    this.#isLoaded = true;
  }

  async catchUp(): Promise<void> {
    const moment = this.completeness.now();
    await this.#mirror.catchUp();
    this.completeness.confirm(moment);
  }

  catchUpUnasked(): void {
    this.catchUp().catch((error: unknown) => {
      this.#context.log.warn(
        { err: error, stream: this.name },
        'The log of a stream cannot be read from Redis yet; retrying',
      );
    });
  }

  /** Handles a message on the stream's channel: events, `!` (epoch changed) or a source loss. keys.ts describes the forms. */
  receive(text: string): void {
    this.#hasReceived = true;
    if (text === '!') {
      this.catchUpUnasked();
    } else if (text.startsWith('?')) {
      this.#losses.receive(text);
    } else {
      const { incarnation, lines } = parsePublished(text);
      for (const line of lines) this.#mirror.receive(line, incarnation);
    }
  }

  /** Whether the mirror is in the epoch of the position and has every event up to it. */
  covers(position: Position): boolean {
    return this.#mirror.covers(position);
  }

  /** Compares the mirror with a state of the stream in Redis. @returns false if the log must be read */
  async isCurrent(text: string | undefined, { moment, departures }: Reading): Promise<boolean> {
    const { fence } = this.#context;
    const state = text === undefined ? undefined : parseState(text);
    if (state === undefined) return false;
    await this.#losses.look(state, moment.since);
    if (!this.covers(state) || (await fence.isSuspicious(this.name, state))) return false;
    fence.adopt(this.name, state, departures);
    this.completeness.confirm(moment);
    if (state.sequenceId === 0) await this.#keepBlank();
    return true;
  }

  /**
   * Must be called when the stream has events that the mirror lacks. If no message has arrived since the previous call, the subscription
   * may have been lost without an error, so this node subscribes to the stream again.
   */
  suspectSilence(): void {
    if (!this.#hasReceived) this.#context.channels.forget(this.name);
    this.#hasReceived = false;
  }

  /** Renews the TTL of the stream's position and source losses while the stream is attached. */
  async renew(): Promise<void> {
    const { connection, keys, ttlOf } = this.#context;
    const ttl = ttlOf(this.name);
    if (ttl === 0 || this.#count === 0 || performance.now() - this.#renewedAt <= ttl / 4) return;
    this.#renewedAt = performance.now();
    const { meta, losses } = keys.of(this.name);
    await connection.expire([meta, losses], ttl);
  }

  /** Whether a stream without keys has expired. False if Redis lost the keys, or if an event of a newer epoch was received. */
  get hasExpired(): boolean {
    const { head } = this.#mirror;
    return head === undefined
      ? this.#count === 0
      : this.#mirror.unread === undefined && this.#hadExpired(head, undefined);
  }

  /**
   * Whether the stream expired before its next event. If there is no next event: whether the stream has expired by now. An attached stream
   * does not expire. A stream without events counts as expired, because a node cannot miss any event of this stream.
   */
  #hadExpired(head: KnownPlace, next: Line | undefined): boolean {
    if (this.#count > 0) return false;
    const ttl = this.#context.ttlOf(this.name);
    return head.sequenceId === 0 || (ttl > 0 && (next?.at ?? Date.now()) - head.at > ttl * EXPIRY_TOLERANCE);
  }

  /**
   * Renews the TTL of the keys of a stream without events while the stream is attached. The script (lua/open.lua) renews the TTL only if
   * the stream still has no events.
   */
  async #keepBlank(): Promise<void> {
    const { fence, blankTtlMs, ttlOf } = this.#context;
    const due = performance.now() - this.#renewedAt > blankTtlMs / 4;
    if (this.#count === 0 || !due || ttlOf(this.name) > 0) return;
    this.#renewedAt = performance.now();
    await fence.open(this.name);
  }

  /** The listener for events and losses of the stream. Undefined if the stream is neither attached nor followed on this node. */
  #listener(): BrokerListener | undefined {
    const { listener, isFollowed } = this.#context;
    if (this.#isClosed || (this.#count === 0 && !isFollowed(this.name))) return undefined;
    return listener();
  }

  #createMirror(): StreamMirror {
    const { name } = this;
    const { fence, index, isFollowed, limits, events, budget, log } = this.#context;
    return new StreamMirror({
      stream: name,
      deliverAfter: (state, unread) => this.#deliverAfter(state, unread),
      hasExpired: (head, next) => this.#hadExpired(head, next) && !this.completeness.mayMiss,
      source: mirrorSource(name, {
        ...this.#context,
        run: (queue, task) => this.#enqueue(queue, task),
        beforeOpen: async () =>
          isFollowed(name) && this.#mirror.head === undefined ? this.#first.find(index) : undefined,
        // A stream that is only followed, and was never loaded, must not be created by reading it.
        mayCreate: () => this.#count > 0 || this.#mirror.head !== undefined,
      }),
      createHistory: (seed) =>
        new StreamHistory({ bounds: historyBounds(name, limits), events, budget, ...seed, losses: this.#losses.kept }),
      onEvent: (record) => this.#listener()?.onEvent(record),
      onLoss: (loss) => {
        log.warn({ ...loss }, 'Events were lost between Redis and this node');
        this.#listener()?.onLoss(loss);
      },
      onEnded: () => this.#listener()?.onEnded(name),
      onKnown: (place) => fence.know(name, place),
      onRead: ({ state, departures }) => {
        if (state === undefined) return;
        this.#state = state;
        fence.adopt(name, state, departures);
        void this.#losses.look(state);
      },
      accepts: (incarnation) => fence.accepts(name, incarnation),
    });
  }

  /** Queues a command of the mirror. The command is not sent if the mirror is closed, because it could create the stream again. */
  #enqueue<T>(queue: TaskQueue, task: () => Promise<T>): Promise<T> {
    return queue.run(this.#count > 0 ? 'subscribed' : 'followed', () => {
      if (this.#isClosed) throw new Error(`stream ${this.name} is no longer mirrored`);
      return task();
    });
  }

  /** The position after which events are delivered. Undefined if the stream is not new to its followers. */
  #deliverAfter(state: StreamState, unread: string | undefined): Position | undefined {
    if (!this.#context.isNew(this.name)) return undefined;
    this.#startedAs = 'new';
    const { after, losses } = this.#first.begin(state, unread);
    this.#reportLosses(losses);
    return after;
  }

  #reportLosses(losses: readonly StreamLoss[]): void {
    for (const loss of losses) this.#listener()?.onLoss(loss);
  }
}
