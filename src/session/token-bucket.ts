/** A token bucket: a steady rate with bursts. */
export interface TokenBucketOptions {
  /** A whole number. */
  readonly ratePerSecond: number;
  /** Taken at once at most; a whole number. */
  readonly burst: number;
  /** Whole milliseconds. */
  readonly now: () => number;
}

/** Nobody has to wait longer than this for a token, in seconds. */
const MOST_DEBT_S = 60;

export class TokenBucket {
  readonly #options: TokenBucketOptions;
  /**
   * In thousandths, so that a millisecond adds a whole number of them: with fractions, 0.9 + 0.1 may fall short of 1, and who
   * waited as long as told would be refused again.
   */
  #thousandths: number;
  #at: number;

  constructor(options: TokenBucketOptions) {
    this.#options = options;
    this.#thousandths = options.burst * 1000;
    this.#at = options.now();
  }

  /** Takes tokens for what has been done already, and leaves a debt where there are not as many. */
  charge(tokens: number): void {
    const least = -MOST_DEBT_S * this.#options.ratePerSecond * 1000;
    this.#thousandths = Math.max(least, this.#thousandths - Math.round(tokens * 1000));
  }

  /** Takes one token and returns 0, or takes none and returns after how many milliseconds there will be one. */
  take(): number {
    const { ratePerSecond, burst, now } = this.#options;
    const at = now();
    this.#thousandths = Math.min(burst * 1000, this.#thousandths + Math.max(0, at - this.#at) * ratePerSecond);
    this.#at = at;
    if (this.#thousandths >= 1000) {
      this.#thousandths -= 1000;
      return 0;
    }
    return Math.ceil((1000 - this.#thousandths) / ratePerSecond);
  }
}
