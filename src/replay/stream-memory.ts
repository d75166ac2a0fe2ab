import type { EventSpec } from '../catalogue/catalogue.ts';

/** Counts the memory of the history of one stream on one node, in bytes (estimated). */
export class StreamMemory {
  /** Memory of the events in history and of the retained events. */
  weight = 0;
  #dropped = 0;
  /** The part of `#dropped` that was dropped at the end of the history. */
  #last = 0;
  /** The rest of `#dropped`, by event. All custom events share one entry. Created at the first drop, because most streams drop nothing. */
  #byEvent: Map<EventSpec, number> | undefined;

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

  /** Counts all events as dropped, because the history has ended. */
  dropAll(): void {
    this.#dropped += this.weight;
    this.#last += this.weight;
    this.weight = 0;
  }
}

/** The history from which the events of a replay were selected. */
export interface ReplayedHistory {
  /** Lowest sequenceId in history. */
  readonly floor: number;
  /** Whether the node has dropped the whole history. */
  readonly closed: boolean;
  readonly memory: Pick<StreamMemory, 'weight' | 'dropped'>;
}
