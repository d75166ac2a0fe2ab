/** The moment at which a mirror was last known to have every event of its stream. */

/** The facts of a read that must be known before it is sent. */
export interface Moment {
  /** By the performance clock. */
  readonly since: number;
  /** How many connections of the subscriber were lost before. */
  readonly losses: number;
}

export interface CompletenessOptions {
  /** How long an event keeps its stream, in milliseconds; 0 for a stream that does not expire. */
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

  /** The mirror has every event that was published before the moment. */
  confirm(moment: Moment): void {
    if (moment.since > this.#last.since) this.#last = moment;
  }

  /** As of this time, by the performance clock, the mirror has every event of the stream. */
  get since(): number {
    return this.#last.since;
  }

  /**
   * Whether events may have been published and have expired without this node: a connection was lost, and the stream was not read for as
   * long as an event keeps it.
   */
  get mayMiss(): boolean {
    const { since, losses } = this.#last;
    return this.#ttlMs > 0 && losses !== this.#losses() && performance.now() - since > this.#ttlMs;
  }
}
