/** The fraction of a budget that is reserved for owners that use little. */
const RESERVED = 1 / 4;
/** An owner uses little if it uses at most this fraction of the budget. */
const LITTLE = 1 / 1024;

/**
 * A limit that all clients of a node share, on memory or on a number of items. The use is counted per owner, which is usually a principal.
 * An owner has no fixed share: its use may grow until it equals the part of the budget that is still free (Choudhury and Hahne, "Dynamic
 * queue length thresholds", 1998). With this rule alone, each further owner could use half of what is still free, and a few owners could
 * use up almost the whole budget. Therefore a fraction of the budget is reserved for owners that use little.
 */
export class Budget {
  readonly limit: number;
  readonly #byOwner = new Map<string, number>();
  #used = 0;
  /** Number of items that were dropped so far because the limit was exceeded. */
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

  /** Whether the owner may use this additional amount. The amount must not be counted yet. */
  admits(owner: string, amount: number): boolean {
    const used = this.usedBy(owner) + amount;
    const free = this.limit - this.#used - amount;
    return used <= this.limit * LITTLE ? free >= 0 : used <= free - this.limit * RESERVED;
  }

  /** Adds an amount, which may be negative, to the use of the owner. Does not check whether {@link admits} allows the amount. */
  count(owner: string, amount: number): void {
    this.#used += amount;
    const used = this.usedBy(owner) + amount;
    if (used > 0) this.#byOwner.set(owner, used);
    else this.#byOwner.delete(owner);
  }

  /**
   * The share of each owner if all owners together may use `total` (max-min fairness). It is the largest number with this property: if
   * every owner that uses more is reduced to this number, all owners together use at most `total`.
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
