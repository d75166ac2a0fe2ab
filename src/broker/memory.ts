/**
 * The broker for a single process, with the history of all streams in memory. This store is also the mirror that {@link Broker} requires. A
 * publish is atomic, because no other code runs between its steps.
 */
import type { EventTable } from '../catalogue/event-table.ts';
import type { Budget } from '../replay/budget.ts';
import type {
  Broker,
  BrokerHealth,
  BrokerLimits,
  BrokerListener,
  EventDraft,
  EventRecord,
  FollowedStream,
  NodeAnswers,
  Position,
  PublishResult,
  Snapshot,
  SourceLoss,
  StreamInfo,
} from './broker.ts';
import { recordFromDraft } from './event-encoding.ts';
import { growingIds } from './event-id.ts';
import { MemoryStreams } from './memory-streams.ts';
import type { MemoryStream } from './memory-streams.ts';
import { RememberedPublications } from './remembered-publications.ts';
import { selectedNames } from './stream-selectors.ts';

/** How long a sweep may drop streams in one turn of the event loop, in milliseconds. */
const SWEEP_MS = 2;

export interface MemoryBrokerOptions {
  readonly limits: BrokerLimits;
  /** The replay policy of each event. It determines which events are kept for warm replays after history has dropped them (RPL-3). */
  readonly events: EventTable;
  /** Returns the time in milliseconds since 1970. Even if the clock is set back, `emittedAt` never decreases. */
  readonly now?: () => number;
  /** Creates a ULID for the given time. */
  readonly newId?: (nowMs: number) => string;
  /**
   * Interval at which old events and expired session streams are dropped, in milliseconds. By default a quarter of the TTL, at most 30 s.
   */
  readonly sweepIntervalMs?: number;
}

export class MemoryBroker implements Broker {
  readonly kind = 'memory';
  readonly #now: () => number;
  readonly #newId: (nowMs: number) => string;
  readonly #streams: MemoryStreams;
  readonly #sweepIntervalMs: number;
  readonly #remembered: RememberedPublications;
  /** For each followed selector, the number of its followers. */
  readonly #follows = new Map<string, number>();
  #closed = false;
  /** A sweep that is not finished and continues in the next turn of the event loop. */
  #sweep: Iterator<undefined> | undefined;
  #listener: BrokerListener | undefined;
  #sweeper: NodeJS.Timeout | undefined;

  constructor(options: MemoryBrokerOptions) {
    this.#now = options.now ?? Date.now;
    this.#newId = options.newId ?? growingIds();
    this.#remembered = new RememberedPublications(options.limits);
    this.#sweepIntervalMs = options.sweepIntervalMs ?? Math.min(30_000, options.limits.sessionTtlMs / 4);
    this.#streams = new MemoryStreams({
      ...options,
      process: this.#newId(this.#now()),
      onEnded: (stream) => {
        if (this.#follows.size > 0) this.#listener?.onEnded(stream);
      },
    });
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

    const stream = this.#streams.use(draft.stream, now);
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
    this.#streams.use(stream, this.#now()).attached += 1;
    return Promise.resolve();
  }

  detach(name: string): void {
    const stream = this.#streams.get(name);
    if (stream === undefined || stream.attached === 0) return;
    stream.attached -= 1;
    this.#streams.markUsed(stream, this.#now());
    if (stream.attached === 0 && this.#streams.isBlank(stream)) this.#streams.drop(stream);
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
    for (const name of selectedNames(selectors, this.#streams.names())) {
      const stream = this.#streams.get(name);
      if (stream === undefined || stream.sequenceId === 0) continue;
      if (!this.#streams.expire(stream, now)) yield { stream: name, snapshot: stream.history.snapshot() };
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
    this.#streams.expire(stream, this.#now());
    return stream.history.snapshot();
  }

  announce(loss: SourceLoss): Promise<void> {
    const stream = this.#streams.use(loss.stream, this.#now());
    stream.history.lose(loss.paths);
    if (stream.attached > 0 || this.#follows.size > 0) this.#listener?.onSourceLoss(loss);
    return Promise.resolve();
  }

  /** The memory broker has no other nodes. */
  askNodes(): Promise<NodeAnswers> {
    return Promise.resolve({ answers: [], missing: [] });
  }

  budgets(): Readonly<Record<string, Budget>> {
    return { ...this.#streams.budgets, idempotencyKeys: this.#remembered.budget };
  }

  health(): BrokerHealth {
    return { kind: 'memory', connected: true, lagMs: 0 };
  }

  streams(): readonly StreamInfo[] {
    return [...this.#streams.all()].map((stream) => ({
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

  /** Drops everything that is too old, all in this turn of the event loop. */
  sweep(): void {
    const sweep = this.#aged();
    while (sweep.next().done !== true);
  }

  /**
   * Called at each interval while the broker is started: drops everything that is too old. If there are many streams, this takes several
   * turns of the event loop.
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
    for (const name of [...this.#streams.names()]) {
      const stream = this.#streams.get(name);
      if (stream !== undefined) this.#streams.expire(stream, now);
      yield;
      if (this.#closed) return;
    }
    yield* this.#remembered.forgetAged(now);
  }

  #append(stream: MemoryStream, draft: EventDraft, now: number): EventRecord {
    const emittedAtMs = Math.max(stream.emittedAtMs, now);
    const record = recordFromDraft(
      {
        stream: stream.name,
        epoch: stream.epoch,
        sequenceId: stream.sequenceId + 1,
        eventId: this.#newId(now),
        event: draft.event,
        emittedAtMs,
      },
      draft,
    );
    // The stream's counter is increased only after encoding, because a payload that cannot be encoded must not use up a sequenceId.
    if (stream.sequenceId === 0) this.#streams.admit(stream, draft.source.principal);
    this.#streams.append(stream, record, emittedAtMs);
    return record;
  }
}
