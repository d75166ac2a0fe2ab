/**
 * Which cursor a client may keep: a position before which every event was acknowledged or given up (SEP-3415, *Webhook event
 * delivery*). Deliveries end in any order, so the cursor waits for the oldest one that is under way.
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

  /** Number of deliveries that are under way, or wait for an older one. */
  get size(): number {
    return this.#underWay.length;
  }

  /** @param cursor the position of the event. @returns a function to call when the event was acknowledged or given up */
  begin(cursor: string): () => void {
    const entry: Entry = { cursor, isSettled: false };
    this.#underWay.push(entry);
    return () => {
      entry.isSettled = true;
      while (this.#underWay[0]?.isSettled === true) this.#cursor = this.#underWay.shift()?.cursor ?? this.#cursor;
    };
  }

  /** Everything up to a position was read, and nothing of it is under way. */
  advance(cursor: string): void {
    if (this.#underWay.length === 0) this.#cursor = cursor;
  }
}
