/** The part of a budget that is reserved. */
const RESERVED = 1 / 4;
/** An owner that uses at most this part of a budget uses little. */
const LITTLE = 1 / 1024;

/**
 * A limit on memory that all clients of a node share. The use is counted per owner. An owner has no fixed share: it may use as much as is
 * still free (Choudhury and Hahne, "Dynamic queue length thresholds", 1998). Owners that come one after another would each take half of
 * what is left, and little would soon be left for a further owner. Therefore a part of the budget is reserved for owners that use little.
 */
export class Budget {
  readonly limit: number;
  readonly #byOwner = new Map<string, number>();
  #used = 0;
  /** Number of records that were dropped so far. */
  dropped = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  get used(): number {
    return this.#used;
  }

  usedBy(owner: string): number {
    return this.#byOwner.get(owner) ?? 0;
  }

  /** Whether the owner may use this additional amount. The amount is not counted yet. */
  admits(owner: string, amount: number): boolean {
    const used = this.usedBy(owner) + amount;
    const free = this.limit - this.#used - amount;
    return used <= this.limit * LITTLE ? free >= 0 : used <= free - this.limit * RESERVED;
  }

  /** Adds an amount to the use of the owner; it may be negative. This never fails, even if {@link admits} is false. */
  count(owner: string, amount: number): void {
    this.#used += amount;
    const used = this.usedBy(owner) + amount;
    if (used > 0) this.#byOwner.set(owner, used);
    else this.#byOwner.delete(owner);
  }

  /**
   * The largest share such that the sum is at most `total` if no owner uses more than its share (max-min fairness). An owner that uses less
   * keeps all of it.
   */
  shareOf(total: number): number {
    let left = total;
    let owners = this.#byOwner.size;
    for (const used of [...this.#byOwner.values()].toSorted((a, b) => a - b)) {
      if (used * owners > left) return left / owners;
      left -= used;
      owners -= 1;
    }
    return Infinity;
  }

  /** The owner that uses the most. */
  get heaviest(): string | undefined {
    let heaviest: string | undefined;
    let most = 0;
    for (const [owner, used] of this.#byOwner) if (used > most) [heaviest, most] = [owner, used];
    return heaviest;
  }
}
