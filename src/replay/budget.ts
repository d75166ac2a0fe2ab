/**
 * Memory that all clients of a node share, counted per owner. Owners have no fixed share: an owner may use as much as it leaves
 * free (Choudhury and Hahne, "Dynamic queue length thresholds", 1998). One owner alone gets half, two get a third each, so there
 * is always room for another owner.
 */
export class Budget {
  readonly limit: number;
  readonly #byOwner = new Map<string, number>();
  #used = 0;
  /** The number of records dropped so far. */
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

  /** Whether the owner may take the amount, without taking it. */
  admits(owner: string, amount: number): boolean {
    const used = this.usedBy(owner) + amount;
    return used <= this.limit - this.#used - amount;
  }

  /** Adds an amount, which may be negative. Never rejects: see {@link admits}. */
  count(owner: string, amount: number): void {
    this.#used += amount;
    const used = this.usedBy(owner) + amount;
    if (used > 0) this.#byOwner.set(owner, used);
    else this.#byOwner.delete(owner);
  }

  /** The owner that uses most. */
  get heaviest(): string | undefined {
    let heaviest: string | undefined;
    let most = 0;
    for (const [owner, used] of this.#byOwner) if (used > most) [heaviest, most] = [owner, used];
    return heaviest;
  }
}
