/**
 * The limit on the bytes of all send queues of a node together. It is needed in addition to the limit of each queue, because ten thousand
 * clients that stop reading could each fill their queue (BCK-2).
 */
export class SendQueueBudget {
  readonly limit: number;
  #used = 0;
  #reported = false;
  /** Number of connections that were closed because all queues together exceeded the limit. */
  dropped = 0;
  readonly #onExceeded: () => void;

  /**
   * @param onExceeded called at most once per turn of the event loop, if the limit is still exceeded after the queues have been written.
   * Therefore a burst that the sockets accept closes no connection
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

  /** Counts bytes that were added to a queue. The number is negative for bytes that left a queue. */
  add(bytes: number): void {
    this.#used += bytes;
    if (!this.exceeded || this.#reported) return;
    this.#reported = true;
    // The flush of this turn was scheduled when the first of these bytes was queued, so it runs before this check.
    setImmediate(() => {
      this.#reported = false;
      if (this.exceeded) this.#onExceeded();
    });
  }
}
