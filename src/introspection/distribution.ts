/** Counts durations by range, for a histogram (OPS-4). */

/** Upper bounds in seconds, from the duration of a command in memory to the time-out of a client. */
const BOUNDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10] as const;

export interface Bucket {
  /** Upper bound in seconds, included; infinite for the last bucket. */
  readonly upTo: number;
  /** The number of durations up to this bound, including those of lower buckets. */
  readonly count: number;
}

export class Distribution {
  /** Counts by bucket, without the durations of lower buckets. The last one counts durations above all bounds. */
  readonly #counts = BOUNDS.map(() => 0).concat(0);
  #sum = 0;

  /** Adds a duration in milliseconds. A negative duration, after a clock was set back, counts as 0. */
  observe(ms: number): void {
    const seconds = Math.max(0, ms / 1000);
    const found = BOUNDS.findIndex((bound) => seconds <= bound);
    const index = found === -1 ? BOUNDS.length : found;
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
    this.#sum += seconds;
  }

  /** The sum of all durations, in seconds. */
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
