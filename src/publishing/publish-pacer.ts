/**
 * Shares the event loop between who works in a loop of awaits and everybody else. On the memory broker a publish waits for
 * nothing: a host that publishes ten thousand events one after the other would keep every socket from being written until it
 * is through, and readers as fast as any would be closed as slow consumers (observed after 7,800 events).
 */
export class PublishPacer {
  readonly #perTurn: number;
  #left: number;
  #next: Promise<void> | undefined;

  /** @param options.perTurn how much may be done in one turn of the event loop */
  constructor(options: { readonly perTurn: number }) {
    this.#perTurn = options.perTurn;
    this.#left = options.perTurn;
  }

  /** Resolves when it is one's turn: mostly at once, in the order of the calls. */
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
