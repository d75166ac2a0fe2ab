/**
 * The streams of the memory broker: when a stream begins, expires, or is dropped to make room for another one.
 *
 * Epochs have the form `<process>.<drops>`. The first part is random for each process, because a restart loses all counters (STR-3). The
 * second part is the number of streams dropped so far, so that a dropped stream never starts again with its old epoch. Dropping a stream
 * without events and source losses needs no new epoch, because its counter is 0 before and after.
 */
import type { EventTable } from '../catalogue/event-table.ts';
import { ProtocolError } from '../errors.ts';
import { Budget } from '../replay/budget.ts';
import { shrinkHistories } from './history-budget.ts';
import { RecencyMap } from '../replay/recency-map.ts';
import { StreamHistory } from '../replay/history.ts';
import type { BrokerLimits, EventRecord } from './broker.ts';
import { historyBounds, isSessionStream } from './history-bounds.ts';

export interface MemoryStream {
  readonly name: string;
  /** The principal that first published on the stream. Undefined while the stream has no events. */
  owner: string | undefined;
  readonly epoch: string;
  readonly history: StreamHistory;
  sequenceId: number;
  emittedAtMs: number;
  /** The time of the last publish, attach or detach. The TTL of a session stream begins at this time. */
  usedAtMs: number;
  attached: number;
}

export interface MemoryStreamsOptions {
  readonly limits: BrokerLimits;
  readonly events: EventTable;
  /** The first part of each epoch. */
  readonly process: string;
  /** Called when a stream with events was dropped. */
  readonly onEnded: (stream: string) => void;
}

export class MemoryStreams {
  readonly #options: MemoryStreamsOptions;
  readonly budgets: Readonly<Record<'historyBudgetBytes' | 'streamsPerNode', Budget>>;
  /** Streams by name. The oldest entry is the least recently used stream. */
  readonly #streams = new RecencyMap<string, MemoryStream>();
  #drops = 0;

  constructor(options: MemoryStreamsOptions) {
    this.#options = options;
    const { historyBudgetBytes, streamsPerNode } = options.limits;
    this.budgets = {
      historyBudgetBytes: new Budget(historyBudgetBytes),
      streamsPerNode: new Budget(streamsPerNode),
    };
  }

  names(): MapIterator<string> {
    return this.#streams.keys();
  }

  all(): Iterable<MemoryStream> {
    return this.#streams.values();
  }

  /** Returns a stream without checking whether it has expired. */
  get(name: string): MemoryStream | undefined {
    return this.#streams.get(name);
  }

  /** Whether the stream has had neither an event nor a source loss that a resume must report. */
  isBlank({ sequenceId, history }: MemoryStream): boolean {
    return sequenceId === 0 && history.snapshot().losses.length === 0;
  }

  /** Finds or creates a stream, and marks it as used. */
  use(name: string, now: number): MemoryStream {
    const known = this.#streams.get(name);
    if (known === undefined || this.expire(known, now)) return this.#create(name, now);
    this.markUsed(known, now);
    return known;
  }

  markUsed(stream: MemoryStream, now: number): void {
    stream.usedAtMs = now;
    this.#streams.use(stream.name);
  }

  /**
   * Makes room for a stream by dropping other streams. Must be called just before the first event of the stream is appended. A client can
   * create empty streams by attaching them, and no stream may be dropped to make room for an empty stream.
   * @throws {ProtocolError} `limit_exceeded` if no stream can be dropped
   */
  admit(stream: MemoryStream, owner: string): void {
    this.#makeRoom(stream);
    stream.owner = owner;
    this.budgets.streamsPerNode.count(owner, 1);
  }

  /** Appends an event, and drops old events if the budget is exceeded. */
  append(stream: MemoryStream, record: EventRecord, emittedAtMs: number): void {
    stream.sequenceId += 1;
    stream.emittedAtMs = emittedAtMs;
    stream.history.append(record);
    shrinkHistories(this.budgets.historyBudgetBytes, this.#streams);
  }

  /**
   * Drops a session stream and ends its epoch, if nothing has used the stream for its TTL (RPL-5). If the stream is attached, only its
   * history is dropped. Its epoch and its counter are kept, so that live subscribers need no gap.
   * @returns true if the stream was dropped
   */
  expire(stream: MemoryStream, now: number): boolean {
    stream.history.expire(now);
    const silentMs = now - stream.usedAtMs;
    const { sessionTtlMs } = this.#options.limits;
    if (!isSessionStream(stream.name) || silentMs < sessionTtlMs || stream.attached > 0) return false;
    this.#end(stream);
    return true;
  }

  /** Removes a stream and its history, without reporting its end. */
  drop(stream: MemoryStream): void {
    this.#streams.delete(stream.name);
    stream.history.close();
    if (stream.owner !== undefined) this.budgets.streamsPerNode.count(stream.owner, -1);
  }

  #create(name: string, now: number): MemoryStream {
    const { events, limits, process } = this.#options;
    const epoch = `${process}.${this.#drops}`;
    const history = new StreamHistory({
      bounds: historyBounds(name, limits),
      events,
      after: { epoch, sequenceId: 0 },
      budget: this.budgets.historyBudgetBytes,
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
   * Makes room for a new stream by dropping the least recently used session stream of the principal that has the most streams. `main` and
   * workspaces are never dropped.
   */
  #makeRoom(newcomer: MemoryStream): void {
    const streams = this.budgets.streamsPerNode;
    if (streams.used < streams.limit) return;
    const { heaviest } = streams;
    let victim: MemoryStream | undefined;
    for (const [, stream] of this.#streams.byAge()) {
      if (stream.attached > 0 || stream.owner === undefined || !isSessionStream(stream.name)) continue;
      victim ??= stream;
      if (stream.owner !== heaviest) continue;
      victim = stream;
      break;
    }
    if (victim === undefined) {
      if (newcomer.attached === 0 && this.isBlank(newcomer)) this.drop(newcomer);
      const fault = `This node has reached its limit of ${streams.limit} streams, so ${newcomer.name} cannot be created.`;
      const text = `${fault} The operator can raise streamsPerNode.`;
      throw new ProtocolError('limit_exceeded', text, { details: { limit: 'streamsPerNode', maximum: streams.limit } });
    }
    streams.dropped += 1;
    this.#end(victim);
  }

  #end(stream: MemoryStream): void {
    this.drop(stream);
    if (this.isBlank(stream)) return;
    this.#drops += 1;
    if (stream.sequenceId > 0) this.#options.onEnded(stream.name);
  }
}
