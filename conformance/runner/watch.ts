/** Watches the runner itself. A check that timed out while the runner was starved says nothing about the server. */
const PERIOD_MS = 20;
const TOLD_MS = 250;

interface Stall {
  readonly from: number;
  readonly to: number;
}

export class SelfWatch {
  readonly #now: () => number;
  readonly #onStall: (ms: number) => void;
  readonly #stalls: Stall[] = [];
  readonly #timer: NodeJS.Timeout;
  #last: number;

  /** `onStall` is told of every stall that is long enough to be noticed elsewhere. */
  constructor(now: () => number, onStall: (ms: number) => void) {
    this.#now = now;
    this.#onStall = onStall;
    this.#last = now();
    this.#timer = setInterval(() => this.#tick(), PERIOD_MS);
    this.#timer.unref();
  }

  #tick(): void {
    const now = this.#now();
    // A tick that is late by its own period and more has been waiting for the event loop, not for the clock.
    if (now - this.#last > PERIOD_MS * 3) this.#stalls.push({ from: this.#last + PERIOD_MS, to: now });
    if (now - this.#last > TOLD_MS) this.#onStall(Math.round(now - this.#last));
    this.#last = now;
  }

  /** For how long, in milliseconds, the event loop stood still between two moments. */
  stalledMs(from: number, to: number): number {
    return this.#stalls.reduce((sum, each) => sum + Math.max(0, Math.min(to, each.to) - Math.max(from, each.from)), 0);
  }

  close(): void {
    clearInterval(this.#timer);
  }
}
