/** Counts durations by range, for a histogram (OPS-4). */

/** Upper bounds of the buckets, in seconds. They range from the duration of a command in memory to the timeout of a client. */
const BOUNDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10] as const;

export interface Bucket {
  /** The upper bound in seconds; a duration equal to the bound belongs to the bucket. Infinite for the last bucket. */
  readonly upTo: number;
  /** Number of durations up to this bound, which includes the durations of all lower buckets. */
  readonly count: number;
}

export class Distribution {
  /** Number of durations in each bucket, without those of lower buckets. The last bucket counts the durations above all bounds. */
  readonly #counts = BOUNDS.map(() => 0).concat(0);
  #sum = 0;

  /** Adds a duration in milliseconds. A duration can be negative if a clock was set back; it then counts as 0. */
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
