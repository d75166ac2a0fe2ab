/**
 * The events that one replay still has to send. A replay keeps these events in memory until the reader accepts them, even if history drops
 * them. The budget of history does not count dropped events: one slow reader could keep a whole history, and ten readers that start one
 * after another could keep ten. Therefore the events of a replay count as queued (BCK-2) if the history has dropped much since the replay
 * began:
 *
 *     history   when the replay began:  ●●●●●●●●●●●●●●●●
 *               some time later:              ●●●●●●●●●●●●●●●●                  dropped less than a quarter of what it has: not counted
 *               a long time later:                     ●●●●●●●●●●●●●●●●         dropped more: counted
 *
 * All replays that are not counted together keep at most about half as much memory as the histories. Their number does not matter: of two
 * replays of the same events, the older one already keeps every dropped event that the younger one keeps.
 */
import type { EventSpec } from '../catalogue/catalogue.ts';
import type { EventParts, EventRecord } from './record.ts';
import type { ReplayedHistory } from './stream-memory.ts';

/** Maximum size of a part that is made of single events, in bytes. A part is counted only until its first event is taken. */
const PART_BYTES = 64 * 1024;
/** What a history may drop before the events of a replay count, as a share of what the history has. */
const TOLERANCE = 0.25;
/**
 * The most memory that uncounted replays can together keep in addition to the histories, as a share of the memory of the histories. The
 * factor is 2, because resumes and warm pictures can keep different events.
 */
export const MOST_EXCESS = 2 * TOLERANCE;

/** The events that a replay has chosen, in ascending order. */
export interface ChosenEvents {
  readonly records: readonly EventRecord[];
  /** Their kinds; all custom events are one kind. */
  readonly specs: ReadonlySet<EventSpec>;
  /** The number of kinds, divided by the number of all kinds. */
  readonly share: number;
}

export class PendingEvents {
  readonly #history: ReplayedHistory;
  /** The newest part first, so that the oldest can be removed in constant time. */
  #parts: (readonly EventRecord[])[];
  /** The events to count if history drops them; undefined for all. */
  #specs: ReadonlySet<EventSpec> | undefined;
  #share = 1;
  /** The memory of the history when the replay began. */
  readonly #weightThen: number;
  /** What the history had dropped before. */
  #droppedThen: number;

  /** @param parts events of the history, as it is now */
  constructor(parts: EventParts, history: ReplayedHistory) {
    this.#history = history;
    this.#parts = parts.filter((part) => part.length > 0).toReversed();
    this.#weightThen = history.memory.weight;
    this.#droppedThen = history.memory.dropped();
  }

  /** All parts, the oldest first. They stay pending. */
  get parts(): EventParts {
    return this.#parts.toReversed();
  }

  /** Removes the oldest part. @returns undefined if nothing is pending */
  take(): readonly EventRecord[] | undefined {
    return this.#parts.pop();
  }

  /**
   * Replaces the pending events by those that will be sent. From then on, only dropped events of the kinds in `specs` count. Replays with
   * different kinds can keep different parts of the same history, so a replay gets only the share of the tolerance for its kinds.
   */
  replace({ records, specs, share }: ChosenEvents): void {
    const { memory } = this.#history;
    // What was dropped since the beginning of the replay still counts, because it may be one of `records`.
    const dropped = memory.dropped() - this.#droppedThen;
    this.#parts = partsOf(records).toReversed();
    this.#specs = specs;
    this.#share = share;
    this.#droppedThen = memory.dropped(specs) - dropped;
  }

  /**
   * The memory that the pending events need in addition to the history, in bytes. An upper bound; 0 while the history has dropped little
   * since the replay began.
   */
  get excessBytes(): number {
    const { floor, closed, memory } = this.#history;
    const oldest = this.#parts.at(-1)?.[0];
    if (oldest === undefined || (!closed && oldest.sequenceId >= floor)) return 0;
    const dropped = memory.dropped(this.#specs) - this.#droppedThen;
    return dropped > memory.weight * TOLERANCE * this.#share ? Math.min(dropped, this.#weightThen) : 0;
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
