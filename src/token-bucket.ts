/** A token bucket: a steady rate with bursts. */
export interface TokenBucketOptions {
  readonly ratePerSecond: number;
  /** Taken at once at most. */
  readonly burst: number;
  /** Milliseconds. */
  readonly now: () => number;
}

export class TokenBucket {
  readonly #options: TokenBucketOptions;
  #tokens: number;
  #at: number;

  constructor(options: TokenBucketOptions) {
    this.#options = options;
    this.#tokens = options.burst;
    this.#at = options.now();
  }

  /** Takes one token and returns 0, or takes none and returns after how many milliseconds there will be one. */
  take(): number {
    const { ratePerSecond, burst, now } = this.#options;
    const at = now();
    this.#tokens = Math.min(burst, this.#tokens + (Math.max(0, at - this.#at) * ratePerSecond) / 1000);
    this.#at = at;
    if (this.#tokens >= 1) {
      this.#tokens -= 1;
      return 0;
    }
    return Math.ceil(((1 - this.#tokens) * 1000) / ratePerSecond);
  }
}
