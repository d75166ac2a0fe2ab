/**
 * The replayable part of a stream. It consists of two parts. The history contains the newest events without a hole, limited by count, bytes
 * and age (RPL-5). In addition, some events are retained after the history has dropped them. A warm picture, which shows the current state
 * to a new subscriber, still needs them (RPL-3): the newest event of each name with the replay policy `latest`, and the newest event of
 * each key with `latest-per-key`.
 *
 *     retained: newest per key            history: floor … head
 *     ─ ─ ─ ● ─ ─ ● ─ ● ─ ─ ─ ─ ─ ─ ─ ─ ─ ●●●●●●●●●●●●●●●●●●●
 */
import type { Budget } from './budget.ts';
import { EventLog } from './event-log.ts';
import { Losses } from './losses.ts';
import { RecencyMap } from './recency-map.ts';
import type { EventTable } from '../catalogue/event-table.ts';
import type { EventRecord, KeptLoss, Position, Snapshot } from './record.ts';
import { StreamMemory } from './stream-memory.ts';
import { keyOf } from './warm.ts';

export interface HistoryBounds {
  readonly events: number;
  readonly bytes: number;
  /** Maximum age of an event, in milliseconds since it was emitted. */
  readonly ageMs: number;
  /** After this time without a new event, in milliseconds, all events are dropped, including the retained events (RPL-5). */
  readonly silenceMs: number;
  /** Maximum number of keys whose newest events are retained outside of history. */
  readonly keys: number;
  /** Maximum encoded size of the retained events, in bytes. */
  readonly keyBytes: number;
}

export interface StreamHistoryOptions {
  readonly bounds: HistoryBounds;
  readonly events: EventTable;
  /** The position directly before the first event that will be appended. */
  readonly after: Position;
  /** When the newest event at or before `after` was emitted, in milliseconds since 1970; Infinity, the default, if there is none. */
  readonly newestAtMs?: number;
  /** Retained events at or before `after`, in ascending order. */
  readonly retained?: readonly EventRecord[];
  readonly keysEvicted?: boolean;
  readonly losses?: Losses;
  /** The budget that this history shares with others. */
  readonly budget?: Budget;
}

interface SnapshotSource extends Pick<Snapshot, 'head' | 'floor' | 'keysEvicted' | 'since' | 'memory'> {
  readonly readRetained: (floor: number) => readonly EventRecord[];
  readonly readLosses: (floor: number) => readonly KeptLoss[];
}

/** The state of a history at one moment. The retained events are sorted only when they are read. */
class HistorySnapshot implements Snapshot {
  readonly head: Position;
  readonly floor: number;
  readonly keysEvicted: boolean;
  readonly since: Snapshot['since'];
  readonly memory: StreamMemory;
  readonly #source: SnapshotSource;
  #retained: readonly EventRecord[] | undefined;

  constructor(source: SnapshotSource) {
    this.head = source.head;
    this.floor = source.floor;
    this.keysEvicted = source.keysEvicted;
    this.since = source.since;
    this.memory = source.memory;
    this.#source = source;
  }

  get retained(): readonly EventRecord[] {
    return (this.#retained ??= this.#source.readRetained(this.floor));
  }

  get losses(): readonly KeptLoss[] {
    return this.#source.readLosses(this.floor);
  }
}

/** For each key, the newest event of each name. The least recently updated key is the oldest. */
type Retained = RecencyMap<string, Map<string, EventRecord>>;

export class StreamHistory {
  readonly #bounds: HistoryBounds;
  readonly #events: EventTable;
  readonly #retained: Retained = new RecencyMap();
  readonly #losses: Losses;
  readonly #budget: Budget | undefined;
  /** Estimated memory of the events in history and of the retained events, in bytes, by principal. */
  readonly #weights = new Map<string, number>();
  #keysEvicted: boolean;
  readonly #log = new EventLog();
  #bytes = 0;
  #retainedBytes = 0;
  #head: Position;
  /** When the newest event was emitted, in milliseconds since 1970. Not updated if `silenceMs` is infinite. */
  #newestAtMs: number;
  readonly memory: StreamMemory;

  constructor(options: StreamHistoryOptions) {
    this.#bounds = options.bounds;
    this.#events = options.events;
    this.#head = { epoch: options.after.epoch, sequenceId: options.after.sequenceId };
    this.memory = new StreamMemory(options.after.sequenceId + 1);
    this.#newestAtMs = options.newestAtMs ?? Infinity;
    this.#keysEvicted = options.keysEvicted ?? false;
    this.#losses = options.losses ?? new Losses();
    this.#budget = options.budget;
    for (const record of options.retained ?? []) {
      this.#count(record);
      this.#retain(record);
    }
  }

  /** Number of events in history. */
  get events(): number {
    return this.#log.length;
  }

  /** Encoded size of the events in history, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Encoded size of the retained events, in bytes. */
  get retainedBytes(): number {
    return this.#retainedBytes;
  }

  /** The principals whose events are in history or retained. */
  get principals(): Iterable<string> {
    return this.#weights.keys();
  }

  /** Estimated memory of the events that a principal has published and that are in history or retained, in bytes. */
  weightOf(principal: string): number {
    return this.#weights.get(principal) ?? 0;
  }

  get head(): Position {
    return this.#head;
  }

  /** Lowest sequenceId in history. If history is empty, the sequenceId of the head plus 1. */
  get floor(): number {
    return this.memory.floor;
  }

  /**
   * Appends an event. @throws {Error} if the event does not directly follow the head, because history would then have a hole
   */
  append(record: EventRecord): void {
    const { epoch, sequenceId } = this.#head;
    if (record.epoch !== epoch || record.sequenceId !== sequenceId + 1) {
      throw new Error(`${record.stream}: ${record.epoch}:${record.sequenceId} does not follow ${epoch}:${sequenceId}.`);
    }
    if (this.#bounds.silenceMs < Infinity) this.#endSilence(Date.parse(record.emittedAt));
    this.#head = { epoch, sequenceId: record.sequenceId };
    this.#log.append(record);
    this.#bytes += record.bytes;
    this.#count(record);
    this.#retain(record);
    while (this.events > this.#bounds.events || (this.#bytes > this.#bounds.bytes && this.events > 1))
      this.#dropOldest();
  }

  /** Drops events in history that are older than the maximum age. Drops all events if there was no new one for `silenceMs`. */
  expire(nowMs: number): void {
    this.#dropIfSilent(nowMs);
    for (let { oldest } = this.#log; oldest !== undefined; { oldest } = this.#log) {
      if (nowMs - Date.parse(oldest.emittedAt) <= this.#bounds.ageMs) return;
      this.#dropOldest();
    }
  }

  /**
   * If an event follows a long silence, all earlier events are dropped, even if the history was not read in between. Redis does the same
   * with its log.
   */
  #endSilence(atMs: number): void {
    this.#dropIfSilent(atMs);
    this.#newestAtMs = atMs;
  }

  #dropIfSilent(nowMs: number): void {
    if (nowMs - this.#newestAtMs <= this.#bounds.silenceMs) return;
    while (this.shrink());
    this.#keysEvicted = true;
  }

  /** Records a source loss at the position of the current head. @param paths directories to read again */
  lose(paths: readonly string[]): void {
    this.#losses.add({ ...this.#head, paths });
  }

  /** Returns the current state. The lists of events and losses are created only when they are read, because few callers need them. */
  snapshot(): Snapshot {
    return new HistorySnapshot({
      head: this.#head,
      floor: this.floor,
      keysEvicted: this.#keysEvicted,
      memory: this.memory,
      since: (sequenceId) => this.#log.after(Math.max(0, sequenceId - this.floor + 1)),
      readRetained: (floor) => this.#retainedBelow(floor),
      readLosses: (floor) => this.#losses.within(this.#head.epoch, floor),
    });
  }

  #dropOldest(): void {
    const oldest = this.#log.dropOldest();
    if (oldest === undefined) return;
    this.memory.floor = oldest.sequenceId + 1;
    this.#bytes -= oldest.bytes;
    if (!this.#isRetained(oldest)) this.#uncount(oldest);
  }

  #retain(record: EventRecord): void {
    const { replay } = this.#events.of(record.event);
    const key = keyOf(record, replay);
    if (key === undefined) {
      if (record.sequenceId < this.floor) this.#uncount(record);
      return;
    }
    const byName = this.#retained.get(key) ?? new Map<string, EventRecord>();
    if (replay.clears === true) {
      this.#forgetKey(key, byName);
      return;
    }
    const before = byName.get(record.event);
    byName.set(record.event, record);
    if (before !== undefined) this.#release(before);
    this.#retainedBytes += record.bytes;
    this.#retained.set(key, byName);
    while (this.#retained.size > this.#bounds.keys || this.#retainedBytes > this.#bounds.keyBytes)
      if (this.#retained.size === 1 || !this.#evictKey()) break;
  }

  #forgetKey(key: string, byName: ReadonlyMap<string, EventRecord>): void {
    this.#retained.delete(key);
    for (const record of byName.values()) this.#release(record);
  }

  /** Removes a record from the retained events. The record may still be in history. */
  #release(record: EventRecord): void {
    this.#retainedBytes -= record.bytes;
    if (record.sequenceId < this.floor) this.#uncount(record);
  }

  #isRetained(record: EventRecord): boolean {
    const key = keyOf(record, this.#events.of(record.event).replay);
    return key !== undefined && this.#retained.get(key)?.get(record.event) === record;
  }

  #count({ source: { principal }, weight }: EventRecord): void {
    this.#budget?.count(principal, weight);
    this.#weights.set(principal, this.weightOf(principal) + weight);
    this.memory.add(weight);
  }

  /** Must be called for an event that is neither in history nor retained any more. */
  #uncount({ event, source: { principal }, weight }: EventRecord): void {
    this.#budget?.count(principal, -weight);
    const left = this.weightOf(principal) - weight;
    if (left > 0) this.#weights.set(principal, left);
    else this.#weights.delete(principal);
    this.memory.drop(weight, this.#events.of(event));
  }

  /**
   * Drops the oldest event. If history is empty, drops the retained events of the least recently updated key. @returns false if there is
   * nothing to drop
   */
  shrink(): boolean {
    if (this.events === 0) return this.#evictKey();
    this.#dropOldest();
    return true;
  }

  #evictKey(): boolean {
    const { oldest } = this.#retained;
    if (oldest === undefined) return false;
    this.#forgetKey(...oldest);
    this.#keysEvicted = true;
    return true;
  }

  /** Must be called after the last use: returns all memory of this history to the budget. */
  close(): void {
    for (const [principal, weight] of this.#weights) this.#budget?.count(principal, -weight);
    this.#weights.clear();
    this.memory.close();
  }

  #retainedBelow(floor: number): readonly EventRecord[] {
    if (floor <= 1) return [];
    const older: EventRecord[] = [];
    for (const byName of this.#retained.values())
      for (const record of byName.values()) if (record.sequenceId < floor) older.push(record);
    return older.toSorted((a, b) => a.sequenceId - b.sequenceId);
  }
}
