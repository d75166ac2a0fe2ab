/**
 * Determines the cursor that a client may store: a position up to which every event was acknowledged, or all attempts to deliver it
 * have failed (SEP-3415, *Webhook event delivery*). Deliveries can end in any order. Therefore the cursor does not advance past the oldest delivery that is still in progress.
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

  /** Number of deliveries that are in progress, or that have ended after an older one that is still in progress. */
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

  /** Records that everything up to a position was read, and that no event of it needs a delivery. */
  advance(cursor: string): void {
    if (this.#underWay.length === 0) this.#cursor = cursor;
  }
}
