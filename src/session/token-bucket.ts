/** A token bucket, which limits a rate but allows bursts. */
export interface TokenBucketOptions {
  /** The number of tokens that are added per second. A whole number. */
  readonly ratePerSecond: number;
  /** The maximum number of tokens that can be taken at once. A whole number. */
  readonly burst: number;
  /** Returns the current time in whole milliseconds. */
  readonly now: () => number;
}

/** The longest time to wait for a token, in seconds. */
const MOST_DEBT_S = 60;

export class TokenBucket {
  readonly #ratePerSecond: number;
  readonly #burst: number;
  readonly #now: () => number;
  /**
   * The balance in thousandths of a token, so that each millisecond adds a whole number. Fractions would be inexact: their sum could be
   * just below 1, and a client that has waited as long as requested would be refused again.
   */
  #thousandths: number;
  #at: number;

  constructor({ ratePerSecond, burst, now }: TokenBucketOptions) {
    this.#ratePerSecond = ratePerSecond;
    this.#burst = burst;
    this.#now = now;
    this.#thousandths = burst * 1000;
    this.#at = now();
  }

  /** Takes tokens for work that is already done. If there are too few tokens, the balance becomes negative. */
  charge(tokens: number): void {
    const least = -MOST_DEBT_S * this.#ratePerSecond * 1000;
    this.#thousandths = Math.max(least, this.#thousandths - Math.round(tokens * 1000));
  }

  /** Takes one token and returns 0. If there is none, takes nothing and returns the number of milliseconds until a token is available. */
  take(): number {
    const at = this.#now();
    const added = Math.max(0, at - this.#at) * this.#ratePerSecond;
    this.#thousandths = Math.min(this.#burst * 1000, this.#thousandths + added);
    this.#at = at;
    if (this.#thousandths >= 1000) {
      this.#thousandths -= 1000;
      return 0;
    }
    return Math.ceil((1000 - this.#thousandths) / this.#ratePerSecond);
  }
}
