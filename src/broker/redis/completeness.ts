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
   * Whether this node may have missed events of a stream that has no keys any more, because a connection was lost after the stream was last
   * read. The keys may be gone before their TTL has passed, because Redis deleted or evicted them.
   */
  get mayMiss(): boolean {
    return this.#ttlMs > 0 && this.#last.losses !== this.#losses();
  }
}
