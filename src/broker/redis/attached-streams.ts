/**
 * The streams that a node mirrors: those that are attached, and those that a follow covers. Each stream has only one subscription and one
 * mirror. A stream is mirrored for `LINGER_MS` longer after its last detach, because clients often reconnect at once.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { covers } from '../../catalogue/event-pattern.ts';
import { ProtocolError } from '../../errors.ts';
import { Budget } from '../../replay/budget.ts';
import { RecencyMap } from '../../replay/recency-map.ts';
import { shrinkHistories } from '../history-budget.ts';
import { BROKER_RETRY_MS, StreamUnread, UNKNOWN_POSITION } from '../broker.ts';
import type { FollowedStream, Position, Snapshot, StreamInfo, StreamLoss } from '../broker.ts';
import { AttachedStream } from './attached-stream.ts';
import type { AttachedStreamContext } from './attached-stream.ts';
import type { Reading } from './completeness.ts';
import { NOT_FOUND } from './first-delivery.ts';
import type { Found } from './first-delivery.ts';
import { FollowedStreams, followedStreams } from './followed-streams.ts';
import { parseState } from './line.ts';
import { StreamExpired } from './mirror-source.ts';
import { StreamChannels } from './stream-channels.ts';
import { HEADS_PER_READ, portions, readHeads } from './stream-heads.ts';
import { TaskQueue } from './task-queue.ts';

export type AttachedStreamsOptions = Omit<
  AttachedStreamContext,
  'budget' | 'channels' | 'reads' | 'questions' | 'isFollowed' | 'isNew'
>;

/** The head of a stream that is only followed is compared at every tenth call of `lookAtHeads`, which is once in ten seconds. */
const FOLLOWED_TURNS = 10;
/** How long a stream is still mirrored after its last detach, in milliseconds. */
export const LINGER_MS = 5_000;
/** How long to wait for a message in transit before the log is read instead, in milliseconds. */
const PATIENCE_MS = 20;
/** Maximum number of concurrent reads. Each reply has about 1 MiB at most. */
const READS = 32;
/** Maximum number of streams that are opened, or whose epoch is settled with the other nodes, at a time. */
const QUESTIONS = 256;
const UNREAD = {
  stream: 'A stream cannot be read from Redis yet; retrying',
  states: 'The states of the streams cannot be read from Redis yet; retrying',
  index: 'The index of streams in Redis cannot be read or updated yet; retrying',
} as const;

export class AttachedStreams {
  readonly #options: AttachedStreamsOptions;
  readonly #context: AttachedStreamContext;
  /** The memory of all mirrors of this node. */
  readonly budget: Budget;
  readonly follows: FollowedStreams;
  /** Streams by name. The oldest entry is the least recently used stream. */
  readonly #streams = new RecencyMap<string, AttachedStream>();
  readonly #channels: StreamChannels;
  #begun = 0;
  #looks = 0;
  #looking: Promise<void> | undefined;

  constructor(options: AttachedStreamsOptions) {
    this.#options = options;
    this.budget = new Budget(options.limits.historyBudgetBytes);
    this.#channels = new StreamChannels(options);
    this.follows = new FollowedStreams({
      index: options.index,
      lingerMs: LINGER_MS,
      isMirrored: (stream) => this.#streams.has(stream),
      mirror: (stream, found) => this.#mirror(stream, found),
      missed: (stream) => this.#reportMissed(stream),
      missedUnnamed: (pattern) => this.#reportUnnamed(pattern),
      sync: (selector, since) => this.#syncCovered(selector, since),
    });
    this.#context = {
      ...options,
      budget: this.budget,
      channels: this.#channels,
      reads: new TaskQueue(READS),
      questions: new TaskQueue(QUESTIONS),
      isFollowed: (stream) => this.follows.covers(stream),
      isNew: (stream) => this.follows.isNew(stream),
    };
  }

  async attach(stream: string): Promise<void> {
    const attached = this.#streams.use(stream) ?? this.#begin(stream);
    attached.attach();
    try {
      await this.#loadAttached(attached);
    } catch (error) {
      attached.detach();
      this.#releaseUnloaded(attached);
      if (this.follows.isNew(stream) && this.#streams.has(stream)) throw new StreamUnread(stream, error);
      throw unavailable('the history of the stream could not be read from Redis', error);
    }
  }

  detach(stream: string): void {
    this.#streams.use(stream)?.detach();
  }

  snapshot(stream: string): Snapshot {
    const attached = this.#streams.get(stream);
    const history = attached?.history;
    if (attached === undefined || attached.count === 0 || history === undefined) {
      throw new Error(`stream ${stream} is not attached`);
    }
    history.expire(Date.now());
    return history.snapshot();
  }

  headOf(stream: string): Position | undefined {
    return this.#streams.get(stream)?.history?.snapshot().head;
  }

  /** The streams with events that this node mirrors and that one of the selectors covers. */
  followed(selectors: readonly string[]): Iterable<FollowedStream> {
    return followedStreams(selectors, {
      names: this.#streams.keys(),
      historyOf: (stream) => this.#streams.get(stream)?.history,
    });
  }

  async sync(stream: string): Promise<void> {
    const attached = this.#streams.get(stream);
    if (attached === undefined) throw new Error(`stream ${stream} is not attached`);
    try {
      const text = await this.#options.connection.get(this.#options.keys.of(stream).meta);
      if (text !== null && attached.covers(parseState(text))) return;
      if (text !== null) await delay(PATIENCE_MS);
      if (text === null || !attached.covers(parseState(text))) await attached.catchUp();
    } catch (error) {
      throw unavailable('the head of the stream could not be read from Redis', error);
    }
  }

  infos(): readonly StreamInfo[] {
    const infos: StreamInfo[] = [];
    for (const { name, count, history } of this.#streams.values()) {
      if (count === 0 || history === undefined) continue;
      const { events, bytes } = history;
      infos.push({ stream: name, head: history.snapshot().head, historyEvents: events, historyBytes: bytes });
    }
    return infos;
  }

  /** Handles a message on the channel of a stream. */
  receive(channel: string, text: string): void {
    const stream = this.#options.keys.streamOf(channel);
    if (stream !== undefined) this.#streams.use(stream)?.receive(text);
  }

  /** Must be called when messages may be missed from now on, because a connection for subscriptions was lost. */
  subscriptionsLost(): void {
    this.#channels.forgetAll();
  }

  /** Must be called each time the connection for subscriptions is new: it has no subscriptions, and messages may have been missed. */
  async resubscribe(): Promise<void> {
    this.#channels.forgetAll();
    await this.#channels.reconcile();
    this.#compare([...this.#streams.values()]).catch((error: unknown) => this.#warn('states', error));
  }

  /** Brings all mirrors up to date. If a stream cannot be read, this is only logged. @throws {Error} if Redis does not answer */
  async catchUpAll(): Promise<void> {
    await this.#compare([...this.#streams.values()]);
  }

  /** Called at each interval: compares mirrors with their streams, drops old events and unused mirrors, and renews TTLs. */
  lookAtHeads(): void {
    this.#looks += 1;
    this.#release();
    shrinkHistories(this.budget, this.#streams);
    this.#channels
      .reconcile()
      .catch((error: unknown) => this.#options.log.warn({ err: error }, 'Could not subscribe in Redis; retrying'));
    if (this.#looking !== undefined) return;
    this.#looking = this.#look()
      .catch((error: unknown) => this.#warn('states', error))
      .finally(() => (this.#looking = undefined));
  }

  close(): void {
    for (const attached of this.#streams.values()) this.#drop(attached);
  }

  #begin(stream: string, found: Found = NOT_FOUND): AttachedStream {
    this.#begun += 1;
    const attached = new AttachedStream(stream, this.#context, { turn: this.#begun, ...found });
    this.#streams.set(stream, attached);
    return attached;
  }

  #mirror(stream: string, found?: Found): void {
    if (this.#streams.has(stream)) return;
    const attached = this.#begin(stream, found);
    attached.load().catch((error: unknown) => {
      if (this.#streams.get(stream) !== attached) return;
      if (error instanceof StreamExpired) this.#end(attached);
      // After any other error, the next call of `lookAtHeads` reads the stream again.
      else this.#warn('stream', error, { stream });
    });
  }

  #reportMissed(stream: string): void {
    const loss: StreamLoss = { stream, from: UNKNOWN_POSITION, to: UNKNOWN_POSITION, reason: 'broker_lost' };
    this.#options.log.warn({ stream }, 'A stream appeared and ended while this node could not reach Redis');
    const attached = this.#streams.get(stream);
    if (attached !== undefined) return attached.missRun();
    this.#options.listener()?.onLoss(loss);
    this.#options.listener()?.onEnded(stream);
  }

  #reportUnnamed(pattern: string): void {
    const text =
      'Streams of this pattern may have appeared and ended without being noticed, and Redis no longer has their names';
    this.#options.log.warn({ pattern }, text);
    this.#options.listener()?.onUnnamedLoss(pattern);
  }

  /** Loads the stream, and creates it if necessary. A load that a follow started creates no stream: then the stream is loaded again. */
  async #loadAttached(attached: AttachedStream): Promise<void> {
    try {
      await attached.load();
    } catch (error) {
      if (!(error instanceof StreamExpired)) throw error;
      await attached.load();
    }
  }

  #release(): void {
    for (const attached of this.#streams.values())
      if (attached.count === 0 && !attached.wasLeftWithin(LINGER_MS) && !this.follows.covers(attached.name))
        this.#drop(attached);
  }

  /** Drops the mirror of a stream that could not be read, if the stream is neither attached nor followed. */
  #releaseUnloaded(attached: AttachedStream): void {
    if (attached.count === 0 && !attached.isLoaded && !this.follows.covers(attached.name)) this.#drop(attached);
  }

  #drop(attached: AttachedStream): void {
    if (this.#streams.get(attached.name) === attached) this.#streams.delete(attached.name);
    attached.close();
  }

  async #look(): Promise<void> {
    const steps = [this.#options.index.enterOwed(), this.#options.index.sweep(), this.follows.look()];
    await Promise.all(steps.map((step) => step.catch((error: unknown) => this.#warn('index', error))));
    const due = [...this.#streams.values()].filter(
      // A node may follow ten thousand streams. Those without subscribers are therefore compared in turns.
      ({ count, isLoaded, turn }) => count > 0 || !isLoaded || turn % FOLLOWED_TURNS === this.#looks % FOLLOWED_TURNS,
    );
    for (const { history } of due) history?.expire(Date.now());
    await this.#readHeads(due, (attached, text, reading) => {
      // Not awaited: questions to the other nodes about one stream must not delay the other streams.
      const settling = Promise.all([this.#settle(attached, text, reading), attached.renew()]);
      settling.catch((error: unknown) => this.#warn('stream', error, { stream: attached.name }));
    });
  }

  /**
   * Resolves once the mirrors of these streams have everything that Redis had at this call. If a stream cannot be read, the next call of
   * `lookAtHeads` reads it again; subscribers then receive the missed events, or a loss. @throws {Error} if Redis does not answer
   */
  async #compare(streams: readonly AttachedStream[], patienceMs = 0): Promise<void> {
    const settling: Promise<void>[] = [];
    const failures = new Map<AttachedStream, unknown>();
    await this.#readHeads(streams, (attached, text, reading) => {
      const settled = this.#settle(attached, text, reading, patienceMs);
      settling.push(settled.catch((error: unknown) => void failures.set(attached, error)));
    });
    await Promise.all(settling);
    await this.#checkRedisAnswers([...failures.keys()]);
    for (const [{ name }, error] of failures) this.#warn('stream', error, { stream: name });
  }

  /** Reads the states of streams that could not be loaded. @throws {Error} if Redis does not answer at all */
  async #checkRedisAnswers(unread: readonly AttachedStream[]): Promise<void> {
    const names = unread.map(({ name }) => name);
    await readHeads(this.#options, names);
  }

  async #readHeads(
    streams: readonly AttachedStream[],
    use: (attached: AttachedStream, text: string | undefined, reading: Reading) => void,
  ): Promise<void> {
    const { fence } = this.#options;
    for (const portion of portions(streams, HEADS_PER_READ)) {
      const moment = { since: performance.now(), losses: this.#channels.connectionLosses };
      const reading = { moment, departures: fence.departures };
      const names = portion.map(({ name }) => name);
      const texts = await readHeads(this.#options, names);
      for (const [at, attached] of portion.entries()) use(attached, texts[at], reading);
    }
  }

  /** Brings a mirror up to date with the state of its stream in Redis. If the stream has expired, the mirror is dropped. */
  async #settle(attached: AttachedStream, text: string | undefined, reading: Reading, patienceMs = 0): Promise<void> {
    if (this.#streams.get(attached.name) !== attached) return;
    if (text === undefined && attached.hasExpired) return this.#end(attached);
    if (!attached.isLoaded) {
      attached.glimpse(text);
      return attached.load();
    }
    if (patienceMs > 0 && text !== undefined && !attached.covers(parseState(text))) await delay(patienceMs);
    if (await attached.isCurrent(text, reading)) return;
    attached.suspectSilence();
    await attached.catchUp();
  }

  /** Drops the mirror of an expired stream, and reports its end (MUL-6). If the mirror may lack events, a loss is reported first. */
  #end(attached: AttachedStream): void {
    const { name, count, mayMiss, unreadLoss } = attached;
    if (count > 0) return;
    const isLost = this.follows.isNew(name) && mayMiss;
    const hadEvents = (this.headOf(name)?.sequenceId ?? 0) > 0;
    this.#drop(attached);
    if (isLost) {
      this.#options.log.warn({ ...unreadLoss }, 'A stream expired before it could be read');
      this.#options.listener()?.onLoss(unreadLoss);
    }
    if (isLost || hadEvents) this.#options.listener()?.onEnded(name);
  }

  /**
   * Resolves once the mirrors of the streams that the selector covers have every event that was published before `since`. A stream that
   * cannot be read is left out. Its followers receive a loss once it can be read. @throws {Error} if Redis does not answer
   */
  async #syncCovered(selector: string, since: number): Promise<void> {
    const covered = [...this.#streams.values()].filter(({ name }) => covers(selector, name));
    // A failed load is ignored here: `lookAtHeads` tries again, and logs the reason.
    await Promise.allSettled(covered.map((attached) => attached.load()));
    await this.#checkRedisAnswers(covered.filter(({ isLoaded }) => !isLoaded));
    await this.#compare(
      covered.filter(({ isLoaded, completeness }) => isLoaded && completeness.since < since),
      PATIENCE_MS,
    );
    for (const attached of covered) attached.leaveBehind();
  }

  #warn(what: keyof typeof UNREAD, error: unknown, details: { readonly stream?: string } = {}): void {
    this.#options.log.warn({ err: error, ...details }, UNREAD[what]);
  }
}

function unavailable(message: string, cause: unknown): ProtocolError {
  return new ProtocolError('broker_unavailable', message, { retryAfterMs: BROKER_RETRY_MS, cause });
}
