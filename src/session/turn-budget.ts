/**
 * The time that commands and requests of all clients together may take before everybody else has a turn. One read of a socket can
 * hold thousands of commands, `ws` hands over all of them at once, many connections can be read in one turn, and what waits only for
 * promises goes on in the same turn of the event loop.
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

  /**
   * Resolves when work may begin, in a later turn if the time of this one is used up, and counts from then on. Work that waits is
   * admitted in order of arrival, as far as the time of each turn allows.
   */
  async admit(): Promise<void> {
    while (this.over) await nextTurn();
    this.start();
  }

  /** Whether further work must wait for a later turn of the event loop. */
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
