/** The moment at which a mirror was last known to have every event of its stream. */

/** When a read from Redis began: values that are recorded before the command is sent. */
export interface Moment {
  /** The time, by the performance clock. */
  readonly since: number;
  /** The value of {@link CompletenessOptions.losses} at that time. */
  readonly losses: number;
}

/** Values that are recorded before the command that reads a stream's state is sent. */
export interface Reading {
  readonly moment: Moment;
  /** The value of `EpochFence.departures` before the read was sent. */
  readonly departures: number;
}

export interface CompletenessOptions {
  /** How long a stream is kept after its last event, in milliseconds; 0 for a stream that does not expire. */
  readonly ttlMs: number;
  /** Returns a number that increases each time subscriptions are lost. */
  readonly losses: () => number;
  /** The time since which this node receives all messages of the stream, by the performance clock; undefined if it may miss messages. */
  readonly subscribedAt: () => number | undefined;
}

/** The `losses` of a moment at which messages could be missed. The function `losses` never returns this value. */
const MISSING = -1;

export class Completeness {
  readonly #options: CompletenessOptions;
  #last: Moment = { since: Number.NEGATIVE_INFINITY, losses: MISSING };

  constructor(options: CompletenessOptions) {
    this.#options = options;
  }

  now(): Moment {
    return { since: performance.now(), losses: this.#options.losses() };
  }

  /** Must be called when the mirror has every event that was published before this moment. */
  confirm(moment: Moment): void {
    if (moment.since <= this.#last.since) return;
    const subscribedAt = this.#options.subscribedAt();
    const isSubscribed = subscribedAt !== undefined && subscribedAt <= moment.since;
    this.#last = isSubscribed ? moment : { since: moment.since, losses: MISSING };
  }

  /** The mirror has every event that was published before this time, by the performance clock. */
  get since(): number {
    return this.#last.since;
  }

  /**
   * Whether this node may have missed events of a stream whose keys are gone. True if the node has not read the stream since its last
   * subscription to the stream. The age of the last event does not matter, because Redis may delete or evict keys before their TTL has
   * passed. False for a stream without TTL.
   */
  get mayMiss(): boolean {
    return this.#options.ttlMs > 0 && this.#last.losses !== this.#options.losses();
  }
}
