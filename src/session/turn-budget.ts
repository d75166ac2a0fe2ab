/**
 * The time that commands may take before everybody else has a turn. One read of a socket can hold thousands of them, and `ws` hands
 * over all of it at once.
 */
export class TurnBudget {
  readonly #limitMs: number;
  #spentMs = 0;
  #resetting = false;

  constructor(limitMs: number) {
    this.#limitMs = limitMs;
  }

  /** Whether what comes now should wait for the next turn of the event loop. */
  get over(): boolean {
    return this.#spentMs >= this.#limitMs;
  }

  /** Counts milliseconds of work against the present turn. */
  spend(ms: number): void {
    this.#spentMs += ms;
    if (this.#resetting) return;
    this.#resetting = true;
    setImmediate(() => {
      this.#spentMs = 0;
      this.#resetting = false;
    });
  }
}

/** Resolves when sockets have been read and written once more. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
