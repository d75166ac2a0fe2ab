/**
 * The broker for a single process, with the history of all streams in memory. The mirror of {@link Broker} is the store itself. A publish
 * is atomic, because no other code runs between its steps.
 *
 * Epochs have the form `<process>.<drops>`. The first part is random for each process, because a restart loses all counters (STR-3). The
 * second part is the number of streams dropped so far, so that a dropped stream never starts again with its old epoch. Dropping a stream
 * without events needs no new epoch, because its counter is 0 before and after.
 */
import { Budget } from '../replay/budget.ts';
import { shrinkHistories } from '../replay/history-budget.ts';
import { StreamHistory } from '../replay/history.ts';
import type { EventTable } from '../catalogue/event-table.ts';
import type {
  Broker,
  BrokerHealth,
  BrokerLimits,
  BrokerListener,
  EventDraft,
  FollowedStream,
  NodeAnswers,
  EventRecord,
  Position,
  PublishResult,
  Snapshot,
  SourceLoss,
  StreamInfo,
} from './broker.ts';
import { ProtocolError } from '../errors.ts';
import { historyBounds, isSessionStream } from './history-bounds.ts';
import { recordFromDraft } from './event-encoding.ts';
import { growingIds } from './event-id.ts';
import { RememberedPublications } from './remembered-publications.ts';
import { selectedNames } from './stream-selectors.ts';

/** How long a sweep may drop streams in one turn of the event loop, in milliseconds. */
const SWEEP_MS = 2;

export interface MemoryBrokerOptions {
  readonly limits: BrokerLimits;
  /** Determines which events are retained per key or name (RPL-3). */
  readonly events: EventTable;
  /** The clock, in milliseconds since 1970. The clock may be set back; `emittedAt` still never decreases. */
  readonly now?: () => number;
  /** Creates a ULID for the given time. */
  readonly newId?: (nowMs: number) => string;
  /** How often old events and expired session streams are dropped, in milliseconds. By default a quarter of the TTL, at most 30 s. */
  readonly sweepIntervalMs?: number;
}

interface MemoryStream {
  readonly name: string;
  /** The principal that first published on the stream. Undefined for a stream without events; such a stream is soon dropped. */
  owner: string | undefined;
  readonly epoch: string;
  readonly history: StreamHistory;
  sequenceId: number;
  emittedAtMs: number;
  /** The time of the last publish or attachment. The TTL of session streams is counted from it. */
  usedAtMs: number;
  attached: number;
}

export class MemoryBroker implements Broker {
  readonly kind = 'memory';
  readonly #limits: BrokerLimits;
  readonly #events: EventTable;
  readonly #now: () => number;
  readonly #newId: (nowMs: number) => string;
  readonly #budgets: Readonly<Record<'historyBudgetBytes' | 'streamsPerNode' | 'idempotencyKeys', Budget>>;
  readonly #sweepIntervalMs: number;
  readonly #process: string;
  /** Streams by name. The least recently used stream is first. */
  readonly #streams = new Map<string, MemoryStream>();
  readonly #remembered: RememberedPublications;
  /** For each followed selector, the number of its followers. */
  readonly #follows = new Map<string, number>();
  #lives = 0;
  #closed = false;
  /** A sweep that continues in the next turn of the event loop. */
  #sweep: Iterator<undefined> | undefined;
  #listener: BrokerListener | undefined;
  #sweeper: NodeJS.Timeout | undefined;

  constructor(options: MemoryBrokerOptions) {
    this.#limits = options.limits;
    this.#events = options.events;
    this.#now = options.now ?? Date.now;
    this.#newId = options.newId ?? growingIds();
    const { historyBudgetBytes, streamsPerNode } = options.limits;
    this.#remembered = new RememberedPublications(options.limits);
    this.#budgets = {
      historyBudgetBytes: new Budget(historyBudgetBytes),
      streamsPerNode: new Budget(streamsPerNode),
      idempotencyKeys: this.#remembered.budget,
    };
    this.#sweepIntervalMs = options.sweepIntervalMs ?? Math.min(30_000, options.limits.sessionTtlMs / 4);
    this.#process = this.#newId(this.#now());
  }

  start(listener: BrokerListener): Promise<void> {
    this.#listener = listener;
    this.#closed = false;
    this.#sweeper = setInterval(() => this.#sweepInPortions(), this.#sweepIntervalMs);
    this.#sweeper.unref();
    listener.onHealth(this.health());
    return Promise.resolve();
  }

  async publish(draft: EventDraft): Promise<PublishResult> {
    const now = this.#now();
    const first = this.#remembered.recall(draft, now);
    if (first !== undefined) return { ...first, duplicate: true };

    const stream = this.#stream(draft.stream, now);
    const record = this.#append(stream, draft, now);
    const result = {
      stream: record.stream,
      epoch: record.epoch,
      sequenceId: record.sequenceId,
      eventId: record.eventId,
      duplicate: false,
    };
    this.#remembered.remember(draft, result, now);
    if (stream.attached > 0 || this.#follows.size > 0) this.#listener?.onEvent(record);
    return result;
  }

  attach(stream: string): Promise<void> {
    const now = this.#now();
    // Attaching a stream must not drop a stream with events. Only a publish drops streams to make room.
    const attached = this.#known(stream, now) ?? this.#create(stream, now);
    attached.attached += 1;
    return Promise.resolve();
  }

  detach(name: string): void {
    const stream = this.#streams.get(name);
    if (stream === undefined || stream.attached === 0) return;
    stream.attached -= 1;
    stream.usedAtMs = this.#now();
    const blank = stream.sequenceId === 0 && stream.history.snapshot().losses.length === 0;
    if (stream.attached === 0 && blank) this.#drop(stream);
  }

  follow(selector: string): Promise<void> {
    this.#follows.set(selector, (this.#follows.get(selector) ?? 0) + 1);
    return Promise.resolve();
  }

  unfollow(selector: string): void {
    const left = (this.#follows.get(selector) ?? 0) - 1;
    if (left > 0) this.#follows.set(selector, left);
    else this.#follows.delete(selector);
  }

  *followed(selectors: readonly string[]): Generator<FollowedStream> {
    const now = this.#now();
    for (const name of selectedNames(selectors, this.#streams.keys())) {
      const stream = this.#streams.get(name);
      if (stream === undefined || stream.sequenceId === 0) continue;
      if (!this.#expire(stream, now)) yield { stream: name, snapshot: stream.history.snapshot() };
    }
  }

  headOf(name: string): Position | undefined {
    const stream = this.#streams.get(name);
    return stream === undefined ? undefined : { epoch: stream.epoch, sequenceId: stream.sequenceId };
  }

  /** Resolves at once: each event is passed to `onEvent` before its publish resolves. */
  sync(): Promise<void> {
    return Promise.resolve();
  }

  snapshot(name: string): Snapshot {
    const stream = this.#streams.get(name);
    if (stream === undefined || stream.attached === 0) throw new Error(`stream ${name} is not attached`);
    this.#expire(stream, this.#now());
    return stream.history.snapshot();
  }

  announce(loss: SourceLoss): Promise<void> {
    const stream = this.#stream(loss.stream, this.#now());
    stream.history.lose(loss.paths);
    if (stream.attached > 0 || this.#follows.size > 0) this.#listener?.onSourceLoss(loss);
    return Promise.resolve();
  }

  /** The memory broker has no other nodes. */
  askNodes(): Promise<NodeAnswers> {
    return Promise.resolve({ answers: [], missing: [] });
  }

  budgets(): Readonly<Record<string, Budget>> {
    return this.#budgets;
  }

  health(): BrokerHealth {
    return { kind: 'memory', connected: true, lagMs: 0 };
  }

  streams(): readonly StreamInfo[] {
    return [...this.#streams.values()].map((stream) => ({
      stream: stream.name,
      head: { epoch: stream.epoch, sequenceId: stream.sequenceId },
      historyEvents: stream.history.events,
      historyBytes: stream.history.bytes,
    }));
  }

  close(): Promise<void> {
    clearInterval(this.#sweeper);
    this.#closed = true;
    this.#listener = undefined;
    return Promise.resolve();
  }

  /** Drops everything that is too old, at once. */
  sweep(): void {
    const sweep = this.#aged();
    while (sweep.next().done !== true);
  }

  /**
   * Drops everything that is too old at each interval while the broker is started. Many streams are spread over several turns of the event
   * loop.
   */
  #sweepInPortions(): void {
    if (this.#sweep === undefined) this.#continue(this.#aged());
  }

  #continue(sweep: Iterator<undefined>): void {
    const until = performance.now() + SWEEP_MS;
    this.#sweep = sweep;
    while (sweep.next().done !== true)
      if (performance.now() > until) return void setImmediate(() => this.#continue(sweep));
    this.#sweep = undefined;
  }

  /** Drops everything that is too old, as a generator that yields after each stream and each key. Ends when the broker is closed. */
  *#aged(): Generator<undefined, void, void> {
    const now = this.#now();
    for (const name of [...this.#streams.keys()]) {
      const stream = this.#streams.get(name);
      if (stream !== undefined) this.#expire(stream, now);
      yield;
      if (this.#closed) return;
    }
    yield* this.#remembered.forgetAged(now);
  }

  #append(stream: MemoryStream, draft: EventDraft, now: number): EventRecord {
    const record = recordFromDraft(
      {
        stream: stream.name,
        epoch: stream.epoch,
        sequenceId: stream.sequenceId + 1,
        eventId: this.#newId(now),
        event: draft.event,
        emittedAtMs: Math.max(stream.emittedAtMs, now),
      },
      draft,
    );
    // The position is assigned after encoding, because a payload that cannot be encoded must not use up a sequenceId.
    if (stream.sequenceId === 0) {
      this.#makeRoom(stream);
      this.#own(stream, draft.source.principal);
    }
    stream.sequenceId += 1;
    stream.emittedAtMs = Math.max(stream.emittedAtMs, now);
    stream.history.append(record);
    shrinkHistories(this.#budgets.historyBudgetBytes, () => this.#streams.values());
    return record;
  }

  /** Finds a stream and marks it as used. @returns undefined if the stream does not exist */
  #known(name: string, now: number): MemoryStream | undefined {
    const known = this.#streams.get(name);
    if (known === undefined || this.#expire(known, now)) return undefined;
    known.usedAtMs = now;
    this.#streams.delete(name);
    this.#streams.set(name, known);
    return known;
  }

  #stream(name: string, now: number): MemoryStream {
    const known = this.#known(name, now);
    return known ?? this.#create(name, now);
  }

  #create(name: string, now: number): MemoryStream {
    const epoch = `${this.#process}.${this.#lives}`;
    const history = new StreamHistory({
      bounds: historyBounds(name, this.#limits),
      events: this.#events,
      after: { epoch, sequenceId: 0 },
      budget: this.#budgets.historyBudgetBytes,
    });
    const stream: MemoryStream = {
      name,
      owner: undefined,
      epoch,
      history,
      sequenceId: 0,
      emittedAtMs: 0,
      usedAtMs: now,
      attached: 0,
    };
    this.#streams.set(name, stream);
    return stream;
  }

  /**
   * Drops a session stream, with its epoch, if it had no traffic for its TTL (RPL-5). If the stream is attached, only its history is
   * dropped: the counter is kept, so that live subscribers need no gap.
   * @returns true if the stream was dropped
   */
  #expire(stream: MemoryStream, now: number): boolean {
    stream.history.expire(now);
    const silentMs = now - stream.usedAtMs;
    if (!isSessionStream(stream.name) || silentMs < this.#limits.sessionTtlMs || stream.attached > 0) return false;
    this.#forget(stream);
    return true;
  }

  /**
   * Makes room for a new stream by dropping the least recently used session stream of the principal that has the most streams. `main` and
   * workspaces are never dropped.
   * @throws {ProtocolError} `limit_exceeded` if no stream can be dropped
   */
  #makeRoom(newcomer: MemoryStream): void {
    const streams = this.#budgets.streamsPerNode;
    if (streams.used < streams.limit) return;
    const { heaviest } = streams;
    let victim: MemoryStream | undefined;
    for (const stream of this.#streams.values()) {
      if (stream.attached > 0 || stream.owner === undefined || !isSessionStream(stream.name)) continue;
      victim ??= stream;
      if (stream.owner !== heaviest) continue;
      victim = stream;
      break;
    }
    if (victim === undefined) {
      if (newcomer.attached === 0) this.#drop(newcomer);
      const details = { limit: 'streamsPerNode', maximum: streams.limit };
      throw new ProtocolError(
        'limit_exceeded',
        `This node has reached its limit of ${streams.limit} streams, so ${newcomer.name} cannot be created.`,
        {
          details,
        },
      );
    }
    streams.dropped += 1;
    this.#forget(victim);
  }

  #own(stream: MemoryStream, principal: string): void {
    stream.owner = principal;
    this.#budgets.streamsPerNode.count(principal, 1);
  }

  #forget(stream: MemoryStream): void {
    this.#drop(stream);
    if (stream.sequenceId === 0) return;
    this.#lives += 1;
    if (this.#follows.size > 0) this.#listener?.onEnded(stream.name);
  }

  #drop(stream: MemoryStream): void {
    this.#streams.delete(stream.name);
    stream.history.close();
    if (stream.owner !== undefined) this.#budgets.streamsPerNode.count(stream.owner, -1);
  }
}
