/**
 * The events that one replay still has to send. A replay keeps these events in memory until the reader accepts them, even if history drops
 * them. The budget of history does not count dropped events: one slow reader could keep a whole history, and ten readers that start one
 * after another could keep ten. Therefore dropped events that a replay keeps count as queued (BCK-2) if the history has dropped much since
 * the replay began:
 *
 *     history   when the replay began:  ●●●●●●●●●●●●●●●●
 *               some time later:              ●●●●●●●●●●●●●●●●                  dropped at most a quarter of what it has: not counted
 *               a long time later:                     ●●●●●●●●●●●●●●●●         dropped more: counted
 *
 * All replays that are not counted together keep at most a quarter as much memory as the histories, whatever their number and events: all
 * dropped events that they keep were dropped since the oldest of these replays began, and that is at most a quarter of the history.
 */
import type { EventSpec } from '../catalogue/catalogue.ts';
import type { EventParts, EventRecord } from './record.ts';
import type { StreamMemory } from './stream-memory.ts';

/** Maximum size of a part that is made of single events, in bytes. A part is counted only until its first event is taken. */
const PART_BYTES = 64 * 1024;
/** What a history may drop before the events of a replay count, as a share of what the history has. */
const TOLERANCE = 0.25;
/** The most memory that uncounted replays can together keep in addition to the histories, as a share of the memory of the histories. */
export const MOST_EXCESS = TOLERANCE;

/** The events that a replay has chosen, in ascending order. */
export interface ChosenEvents {
  readonly records: readonly EventRecord[];
  /** Their kinds; all custom events are one kind. */
  readonly specs: ReadonlySet<EventSpec>;
}

export class PendingEvents {
  readonly #memory: StreamMemory;
  /** The newest part first, so that the oldest can be removed in constant time. */
  #parts: (readonly EventRecord[])[];
  /** The events to count if history drops them; undefined for all. */
  #specs: ReadonlySet<EventSpec> | undefined;
  /** What the history had dropped when the replay began. */
  readonly #droppedThen: number;
  /** The part of `#droppedThen` that is of the kinds `#specs`. */
  #ownDroppedThen: number;

  /**
   * @param parts events of the history, as it is now
   * @param memory the memory of the history
   */
  constructor(parts: EventParts, memory: StreamMemory) {
    this.#memory = memory;
    this.#parts = parts.filter((part) => part.length > 0).toReversed();
    this.#droppedThen = memory.dropped();
    this.#ownDroppedThen = this.#droppedThen;
  }

  /** All parts, the oldest first. They stay pending. */
  get parts(): EventParts {
    return this.#parts.toReversed();
  }

  /** Whether nothing is pending. Once this is true, it stays true. */
  get isEmpty(): boolean {
    return this.#parts.length === 0;
  }

  /** Removes the oldest part. @returns undefined if nothing is pending */
  take(): readonly EventRecord[] | undefined {
    return this.#parts.pop();
  }

  /** Replaces the pending events by those that will be sent. From then on, only dropped events of the kinds in `specs` count. */
  replace({ records, specs }: ChosenEvents): void {
    // What was dropped since the beginning of the replay still counts, because it may be one of `records`.
    const dropped = this.#memory.dropped() - this.#droppedThen;
    this.#parts = partsOf(records).toReversed();
    this.#specs = specs;
    this.#ownDroppedThen = this.#memory.dropped(specs) - dropped;
  }

  /**
   * The memory that the pending events need in addition to the history, in bytes. 0 while the history has dropped little since the replay
   * began. An upper bound, because some of the pending events that are older than the history may still be retained.
   * @param limit if the memory is larger than this, the result is any number above `limit`; so few events are examined
   */
  excessBytes(limit: number): number {
    const dropped = this.#memory.dropped();
    if (dropped - this.#droppedThen <= this.#memory.weight * TOLERANCE) return 0;
    const older = this.#bytesOlderThanHistory(limit);
    return older === 0 ? 0 : Math.min(older, this.#memory.dropped(this.#specs) - this.#ownDroppedThen);
  }

  /** The memory of the pending events that are not in history, in bytes; above `limit`, not all of them are added up. */
  #bytesOlderThanHistory(limit: number): number {
    let bytes = 0;
    for (let at = this.#parts.length - 1; at >= 0; at -= 1)
      for (const { sequenceId, weight } of this.#parts[at] ?? []) {
        if (bytes > limit || this.#memory.has(sequenceId)) return bytes;
        bytes += weight;
      }
    return bytes;
  }
}

function partsOf(records: readonly EventRecord[]): (readonly EventRecord[])[] {
  const parts: EventRecord[][] = [];
  let last: EventRecord[] = [];
  let bytes = Infinity;
  for (const record of records) {
    if (bytes + record.bytes > PART_BYTES) {
      last = [];
      parts.push(last);
      bytes = 0;
    }
    last.push(record);
    bytes += record.bytes;
  }
  return parts;
}
