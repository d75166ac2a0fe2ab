/**
 * A limit on memory that all clients of a node share. The use is counted per owner. An owner has no fixed share: it may use as much as it
 * leaves free (Choudhury and Hahne, "Dynamic queue length thresholds", 1998). A single owner can therefore use half, two owners a third
 * each, and so on. There is always room for another owner.
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
    return used <= this.limit - this.#used - amount;
  }

  /** Adds an amount to the use of the owner; it may be negative. This never fails, even if {@link admits} is false. */
  count(owner: string, amount: number): void {
    this.#used += amount;
    const used = this.usedBy(owner) + amount;
    if (used > 0) this.#byOwner.set(owner, used);
    else this.#byOwner.delete(owner);
  }

  /** The owner that uses the most. */
  get heaviest(): string | undefined {
    let heaviest: string | undefined;
    let most = 0;
    for (const [owner, used] of this.#byOwner) if (used > most) [heaviest, most] = [owner, used];
    return heaviest;
  }
}
