/** Random numbers that a seed determines (xorshift32), so that a search can be repeated. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = Math.imul(seed | 0, 0x9e3779b1) | 1;
  }

  /** Returns a random number from 0 up to, but not including, 1. */
  unit(): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) / 2 ** 32;
  }

  /** Returns a random whole number from 0 up to, but not including, `bound`. */
  below(bound: number): number {
    return Math.floor(this.unit() * bound);
  }

  pick<Item>(items: readonly Item[]): Item {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new RangeError('Cannot choose from an empty list.');
    return item;
  }
}
