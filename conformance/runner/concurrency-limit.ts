/**
 * Limits how many tapes run at once: fewer while the target is slow. Otherwise the suite could overload a target on a
 * small machine, and report late replies as faults.
 */
import type { PacedClock } from './paced-clock.ts';

/**
 * A tick (a ping with its answer) that takes longer than this, in milliseconds, halves the number of tapes. This is less
 * than a short heartbeat interval.
 */
const SLOW_MS = 700;
/** How many tapes may run at once before the first tick has shown how quick the target is. */
const FIRST = 2;
/** A tick that takes at most this long, in milliseconds, allows one more tape. */
const QUICK_MS = 300;

export class ConcurrencyLimit {
  readonly #most: number;
  readonly #waiting: (() => void)[] = [];
  #allowed: number;
  #inside = 0;

  /** @param most how many tapes may run at once while the target answers quickly */
  constructor(most: number, clock: Pick<PacedClock, 'onTick'>) {
    this.#most = most;
    this.#allowed = Math.min(most, FIRST);
    clock.onTick((ms) => this.#tick(ms));
  }

  #tick(ms: number): void {
    if (ms > SLOW_MS) this.#allowed = Math.max(1, Math.floor(this.#allowed / 2));
    else if (ms <= QUICK_MS) this.#allowed = Math.min(this.#most, this.#allowed + 1);
    this.#admit();
  }

  #admit(): void {
    while (this.#inside < this.#allowed) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#inside += 1;
      next();
    }
  }

  /** Runs the work as soon as the limit allows it. */
  async run(work: () => Promise<void>): Promise<void> {
    await new Promise<void>((enter) => {
      this.#waiting.push(enter);
      this.#admit();
    });
    try {
      await work();
    } finally {
      this.#inside -= 1;
      this.#admit();
    }
  }
}
