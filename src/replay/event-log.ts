/**
 * The events of a history, in segments of about 64 KiB. A list that was read from the log shares the full segments of the log. Therefore a
 * replay of a long history copies only few entries:
 *
 *     the log:              [1 … 170] [171 … 340] [341 … 510] [511 … 600]      the last segment is not full yet
 *     the events after 200:          [201 … 340] [341 … 510] [511 … 600]       the third segment is shared, the others are copied
 */
import type { EventParts, EventRecord } from './record.ts';

/** Size of a segment in bytes. If all events of a segment match a filter, their frames fit into one write (flush-scheduler.ts). */
const SEGMENT_BYTES = 63 * 1024;
/** An estimate of the bytes that a frame has in addition to the body of its event. */
const ENVELOPE_BYTES = 112;

/**
 * Empty lists, which are never changed. All logs share them, because most streams have few events, and their logs should need little
 * memory.
 */
const NONE: EventRecord[] = [];
const NO_SEGMENTS: EventRecord[][] = [];

export class EventLog {
  /** What is left of the oldest segment, the newest event first. Empty if none of its events was dropped. No list shares this array. */
  #oldest = NONE;
  /** The full segments. Their events are never changed, because lists share them. */
  #full = NO_SEGMENTS;
  /** The events after the full segments. */
  #last = NONE;
  /** Estimated size of the frames of `#last`. */
  #lastBytes = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  get oldest(): EventRecord | undefined {
    return this.#oldest.at(-1) ?? this.#full[0]?.[0] ?? this.#last[0];
  }

  get newest(): EventRecord | undefined {
    return this.#last.at(-1) ?? this.#full.at(-1)?.at(-1) ?? this.#oldest[0];
  }

  append(record: EventRecord): void {
    const bytes = record.bytes + ENVELOPE_BYTES;
    this.#length += 1;
    if (this.#last.length > 0 && this.#lastBytes + bytes <= SEGMENT_BYTES) {
      this.#last.push(record);
      this.#lastBytes += bytes;
      return;
    }
    if (this.#last.length > 0) this.#keepFull(this.#last);
    this.#last = [record];
    this.#lastBytes = bytes;
  }

  /** Keeps a copy of the segment, because the array of a growing list has unused places. */
  #keepFull(segment: readonly EventRecord[]): void {
    if (this.#full === NO_SEGMENTS) this.#full = [segment.slice()];
    else this.#full.push(segment.slice());
  }

  /** Removes the oldest event, and every reference of the log to it. @returns undefined if there is no event */
  dropOldest(): EventRecord | undefined {
    if (this.#oldest.length === 0) this.#oldest = this.#removeSegment().toReversed();
    const dropped = this.#oldest.pop();
    if (dropped !== undefined) this.#length -= 1;
    return dropped;
  }

  #removeSegment(): readonly EventRecord[] {
    const full = this.#full.shift();
    if (full !== undefined) return full;
    const last = this.#last;
    this.#last = NONE;
    return last;
  }

  /** The events without the oldest `skipped` ones. Later changes of the log do not change the result. */
  after(skipped: number): EventParts {
    const parts: (readonly EventRecord[])[] = [];
    let left = skipped;
    for (const segment of [this.#oldest.toReversed(), ...this.#full, this.#last.slice()]) {
      if (left < segment.length) parts.push(left > 0 ? segment.slice(left) : segment);
      left = Math.max(0, left - segment.length);
    }
    return parts;
  }
}
