/** The moment at which a mirror was last known to have every event of its stream. */

/** Values that are recorded before a read is sent. */
export interface Moment {
  /** The time, by the performance clock. */
  readonly since: number;
  /** How many connections of the subscriber had been lost by then. */
  readonly losses: number;
}

export interface CompletenessOptions {
  /** How long a stream is kept after its last event, in milliseconds; 0 for a stream that does not expire. */
  readonly ttlMs: number;
  /** How many connections of the subscriber were lost so far. */
  readonly losses: () => number;
}

export class Completeness {
  readonly #ttlMs: number;
  readonly #losses: () => number;
  #last: Moment = { since: Number.NEGATIVE_INFINITY, losses: 0 };

  constructor({ ttlMs, losses }: CompletenessOptions) {
    this.#ttlMs = ttlMs;
    this.#losses = losses;
  }

  now(): Moment {
    return { since: performance.now(), losses: this.#losses() };
  }

  /** Must be called when the mirror has every event that was published before the moment. */
  confirm(moment: Moment): void {
    if (moment.since > this.#last.since) this.#last = moment;
  }

  /** As of this time, by the performance clock, the mirror has every event of the stream. */
  get since(): number {
    return this.#last.since;
  }

  /**
   * Whether events may have been published without this node, if the stream has no keys any more: a connection was lost, and the stream was
   * not read since. Even within the TTL of an event, the keys may have been deleted or evicted, which cannot be reported from an expiry.
   */
  get mayMiss(): boolean {
    return this.#ttlMs > 0 && this.#last.losses !== this.#losses();
  }
}
