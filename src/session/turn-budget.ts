/**
 * The time that commands may take before everybody else has a turn. One read of a socket can hold thousands of them, `ws` hands over
 * all of it at once, and what waits only for promises goes on in the same turn of the event loop.
 */
export class TurnBudget {
  readonly #limitMs: number;
  /** When the first command of this turn began, by the performance clock. */
  #startedAt: number | undefined;

  constructor(limitMs: number) {
    this.#limitMs = limitMs;
  }

  /** A command begins. */
  start(): void {
    if (this.#startedAt !== undefined) return;
    this.#startedAt = performance.now();
    setImmediate(() => (this.#startedAt = undefined));
  }

  /** Whether what comes now should wait for the next turn of the event loop. */
  get over(): boolean {
    return this.#startedAt !== undefined && performance.now() - this.#startedAt >= this.#limitMs;
  }
}

/** Resolves when sockets have been read and written once more. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
