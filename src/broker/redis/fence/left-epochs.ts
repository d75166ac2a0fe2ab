/**
 * The earlier epochs of one stream, as this node has read them. If the stream returns to an earlier epoch, its keys in Redis were restored,
 * for example from a backup after FLUSHALL. The earlier epoch must not continue: its events would be delivered twice, and its positions
 * would be assigned again.
 */

/** How many earlier epochs of a stream are remembered. */
const MOST = 64;

export class LeftEpochs {
  readonly #left = new Set<string>();
  #current: string | undefined;

  has(epoch: string): boolean {
    return this.#left.has(epoch);
  }

  /** Must be called for each state that this node reads of the stream, in the order of the reads. */
  note(epoch: string): void {
    if (epoch === this.#current) return;
    if (this.#current !== undefined) this.#left.add(this.#current);
    this.#current = epoch;
    const [oldest = ''] = this.#left;
    if (this.#left.size > MOST) this.#left.delete(oldest);
  }
}
