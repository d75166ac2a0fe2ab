/**
 * Determines the cursor that a client may store: a position before which every event was acknowledged or given up
 * (SEP-3415, *Webhook event delivery*). Deliveries end in any order, so the cursor waits for the oldest delivery in
 * progress.
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

  /** Number of deliveries that are in progress, or have ended and wait for an older delivery. */
  get size(): number {
    return this.#underWay.length;
  }

  /**
   * @param cursor the position of the event. @returns a function to call when the event has been acknowledged or given
   * up
   */
  begin(cursor: string): () => void {
    const entry: Entry = { cursor, isSettled: false };
    this.#underWay.push(entry);
    return () => {
      entry.isSettled = true;
      while (this.#underWay[0]?.isSettled === true) this.#cursor = this.#underWay.shift()?.cursor ?? this.#cursor;
    };
  }

  /** Records that everything up to a position was read, and that it needs no delivery. */
  advance(cursor: string): void {
    if (this.#underWay.length === 0) this.#cursor = cursor;
  }
}
