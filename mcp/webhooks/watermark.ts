/**
 * Determines the cursor that a client may store (SEP-3415, *Webhook event delivery*). The delivery of every event up to this cursor has
 * ended: the event was acknowledged, or all attempts failed. Deliveries can end in any order. Therefore the cursor does not advance past
 * the oldest delivery that is still in progress.
 */

interface Entry {
  readonly cursor: string;
  isSettled: boolean;
}

export class Watermark {
  #cursor: string;
  readonly #underWay: Entry[] = [];

  constructor(cursor: string) {
    this.#cursor = cursor;
  }

  get cursor(): string {
    return this.#cursor;
  }

  /** Number of deliveries that are in progress, or that have ended while an older delivery is still in progress. */
  get size(): number {
    return this.#underWay.length;
  }

  /**
   * Records that a delivery begins. @param cursor the position of the event. @returns a function that must be called when the event has
   * been acknowledged, or when all attempts to deliver it have failed
   */
  begin(cursor: string): () => void {
    const entry: Entry = { cursor, isSettled: false };
    this.#underWay.push(entry);
    return () => {
      entry.isSettled = true;
      while (this.#underWay[0]?.isSettled === true) this.#cursor = this.#underWay.shift()?.cursor ?? this.#cursor;
    };
  }

  /** Records that everything up to a position was read. Has no effect while a delivery is in progress, because its event is earlier. */
  advance(cursor: string): void {
    if (this.#underWay.length === 0) this.#cursor = cursor;
  }
}
