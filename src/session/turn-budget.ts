/**
 * The time that commands may take in one turn of the event loop. One read of a socket can contain thousands of commands, and `ws`
 * hands over all of them at once. Commands that wait only for promises also finish in the same turn.
 */
export class TurnBudget {
  readonly #limitMs: number;
  /** Time of the first command of this turn on the performance clock, in milliseconds. */
  #startedAt: number | undefined;

  constructor(limitMs: number) {
    this.#limitMs = limitMs;
  }

  /** Called when a command starts. */
  start(): void {
    if (this.#startedAt !== undefined) return;
    this.#startedAt = performance.now();
    setImmediate(() => (this.#startedAt = undefined));
  }

  /** Whether further commands must wait for the next turn of the event loop. */
  get over(): boolean {
    return this.#startedAt !== undefined && performance.now() - this.#startedAt >= this.#limitMs;
  }
}

/** Resolves after other sockets have been read and written. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
