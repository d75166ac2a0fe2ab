/**
 * Yields to the event loop regularly, so that a tight publish loop cannot starve socket writes. With the memory broker, publishing never
 * waits for I/O. Without the pacer, a host program that publishes ten thousand events in a row blocks all socket writes until it has
 * finished. Then clients that read fast are disconnected as slow clients (observed after 7,800 events).
 */
export class PublishPacer {
  readonly #perTurn: number;
  #left: number;
  #next: Promise<void> | undefined;

  /** @param options.perTurn the number of calls that may resolve in one turn of the event loop */
  constructor(options: { readonly perTurn: number }) {
    this.#perTurn = options.perTurn;
    this.#left = options.perTurn;
  }

  /** Resolves at once if fewer than `perTurn` calls have resolved in this turn, otherwise in a later turn. Calls resolve in their order. */
  async wait(): Promise<void> {
    while (this.#left === 0) await this.#next;
    this.#left -= 1;
    this.#next ??= new Promise((resolve) => {
      setImmediate(() => {
        this.#left = this.#perTurn;
        this.#next = undefined;
        resolve();
      });
    });
  }
}
