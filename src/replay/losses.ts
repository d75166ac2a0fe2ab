/**
 * The source losses of a stream. A resume from at or before a loss must report it, because the lost events never had positions (GAP-2).
 */
import type { KeptLoss, Position } from './record.ts';

/** Past this bound the oldest losses are merged: reporting too much is safe. */
const MOST = 256;

export class Losses {
  #kept: readonly KeptLoss[] = [];

  add(loss: KeptLoss): void {
    const others = this.#kept.filter((each) => each.epoch === loss.epoch);
    const kept = [...others, loss].toSorted((a, b) => a.sequenceId - b.sequenceId);
    const [, second] = kept;
    this.#kept = kept.length > MOST && second !== undefined ? [{ ...second, paths: [''] }, ...kept.slice(2)] : kept;
  }

  /** The losses at or after the oldest position from which a client can resume. */
  within(epoch: Position['epoch'], floor: number): readonly KeptLoss[] {
    this.#kept = this.#kept.filter((each) => each.epoch === epoch && each.sequenceId >= floor - 1);
    return this.#kept;
  }
}
