import type { EventSpec } from '../catalogue/catalogue.ts';

/**
 * Counts the memory of the history of one stream on one node, in bytes (estimated). A replay keeps this object instead of the history:
 * otherwise a queued replay would keep all events of a history in memory that the node has dropped.
 */
export class StreamMemory {
  /** Memory of the events in history and of the retained events. */
  weight = 0;
  /** Lowest sequenceId in history. */
  floor: number;
  /** Whether the node has dropped the whole history. */
  closed = false;
  #dropped = 0;
  /** The part of `#dropped` that was dropped at the end of the history. */
  #last = 0;
  /** The rest of `#dropped`, by event. All custom events share one entry. Created at the first drop, because most streams drop nothing. */
  #byEvent: Map<EventSpec, number> | undefined;

  constructor(floor: number) {
    this.floor = floor;
  }

  /** Whether an event that was appended to the history is still in it. A retained event may be in memory although it is not in history. */
  has(sequenceId: number): boolean {
    return !this.closed && sequenceId >= this.floor;
  }

  /**
   * Memory of all events that were dropped so far. A dropped event is neither in history nor retained. The value only grows.
   * @param specs counts only events of these kinds; all events if undefined
   */
  dropped(specs?: ReadonlySet<EventSpec>): number {
    if (specs === undefined) return this.#dropped;
    let bytes = this.#last;
    for (const spec of specs) bytes += this.#byEvent?.get(spec) ?? 0;
    return bytes;
  }

  add(weight: number): void {
    this.weight += weight;
  }

  /** Counts one event as dropped. */
  drop(weight: number, spec: EventSpec): void {
    this.weight -= weight;
    this.#dropped += weight;
    this.#byEvent ??= new Map();
    this.#byEvent.set(spec, (this.#byEvent.get(spec) ?? 0) + weight);
  }

  /** Counts all events as dropped, because the node has dropped the whole history. */
  close(): void {
    this.#dropped += this.weight;
    this.#last += this.weight;
    this.weight = 0;
    this.closed = true;
  }
}
