/**
 * What all send queues of a node hold together. Each queue has a bound of its own, but ten thousand clients that stop reading
 * could each fill theirs (BCK-2).
 */
export class SendQueueBudget {
  readonly limit: number;
  #used = 0;
  #reported = false;
  /** Connections that were closed because the queues together passed the limit. */
  dropped = 0;
  readonly #onExceeded: () => void;

  /**
   * @param onExceeded called once in a turn of the event loop, after the sockets have been given what is due: a burst that the
   *   sockets take is no reason to close anything
   */
  constructor(limit: number, onExceeded: () => void) {
    this.limit = limit;
    this.#onExceeded = onExceeded;
  }

  get used(): number {
    return this.#used;
  }

  get exceeded(): boolean {
    return this.#used > this.limit;
  }

  /** Counts bytes that a queue takes in, or gives away where the number is negative. */
  add(bytes: number): void {
    this.#used += bytes;
    if (!this.exceeded || this.#reported) return;
    this.#reported = true;
    // The flush of this turn was scheduled when the first of these bytes came, so that it runs before.
    setImmediate(() => {
      this.#reported = false;
      if (this.exceeded) this.#onExceeded();
    });
  }
}
