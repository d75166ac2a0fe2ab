/** Detects stalls of the runner itself, because a time-out during a stall proves nothing about the server. */
const PERIOD_MS = 20;
const REPORTED_MS = 250;

interface Stall {
  readonly from: number;
  readonly to: number;
}

export class StallDetector {
  readonly #now: () => number;
  readonly #onStall: (ms: number) => void;
  readonly #stalls: Stall[] = [];
  readonly #timer: NodeJS.Timeout;
  #last: number;

  /** @param onStall called for every stall longer than `REPORTED_MS`. */
  constructor(now: () => number, onStall: (ms: number) => void) {
    this.#now = now;
    this.#onStall = onStall;
    this.#last = now();
    this.#timer = setInterval(() => this.#tick(), PERIOD_MS);
    this.#timer.unref();
  }

  #tick(): void {
    const now = this.#now();
    // A tick that is this late was delayed by a blocked event loop, not by an inaccurate timer.
    if (now - this.#last > PERIOD_MS * 3) this.#stalls.push({ from: this.#last + PERIOD_MS, to: now });
    if (now - this.#last > REPORTED_MS) this.#onStall(Math.round(now - this.#last));
    this.#last = now;
  }

  /**
   * How long each stall between two times lasted, in milliseconds. Includes a stall that the timer has not detected
   * yet.
   */
  #stallsMs(from: number, to: number): readonly number[] {
    const now = this.#now();
    const current = now - this.#last > PERIOD_MS * 3 ? [{ from: this.#last + PERIOD_MS, to: now }] : [];
    return [...this.#stalls, ...current].map((each) => Math.max(0, Math.min(to, each.to) - Math.max(from, each.from)));
  }

  /** How long the event loop stalled between two times, in milliseconds. */
  stalledMs(from: number, to: number): number {
    return this.#stallsMs(from, to).reduce((sum, each) => sum + each, 0);
  }

  /** The longest stall of the event loop between two times, in milliseconds. */
  longestStallMs(from: number, to: number): number {
    return Math.max(0, ...this.#stallsMs(from, to));
  }

  close(): void {
    clearInterval(this.#timer);
  }
}
