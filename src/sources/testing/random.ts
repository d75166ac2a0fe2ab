/** A generator of random numbers (xorshift32). The same seed always leads to the same numbers. */
export class Random {
  #state: number;

  /** @param seed must not be 0 */
  constructor(seed: number) {
    this.#state = seed;
  }

  /** A number from 0 to `limit - 1`. */
  below(limit: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % limit;
  }
}
