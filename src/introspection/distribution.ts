/** How often a duration fell into each of a few ranges: what a histogram shows (OPS-4). */

/** Upper bounds in seconds: from what a command in memory takes to what a client gives up on. */
const BOUNDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10] as const;

export interface Bucket {
  /** Upper bound in seconds, included; infinite for the last bucket. */
  readonly upTo: number;
  /** Durations up to this bound, those of the buckets below included. */
  readonly count: number;
}

export class Distribution {
  /** By bucket, without those below; the last one is for everything beyond the bounds. */
  readonly #counts = BOUNDS.map(() => 0).concat(0);
  #sum = 0;

  /** In milliseconds. A clock that was set back gives a negative duration, which counts as 0. */
  observe(ms: number): void {
    const seconds = Math.max(0, ms / 1000);
    const found = BOUNDS.findIndex((bound) => seconds <= bound);
    const index = found === -1 ? BOUNDS.length : found;
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
    this.#sum += seconds;
  }

  /** Of all durations, in seconds. */
  get sum(): number {
    return this.#sum;
  }

  get count(): number {
    return this.#counts.reduce((total, each) => total + each, 0);
  }

  buckets(): Bucket[] {
    let count = 0;
    return [...BOUNDS, Infinity].map((upTo, index) => {
      count += this.#counts[index] ?? 0;
      return { upTo, count };
    });
  }
}
