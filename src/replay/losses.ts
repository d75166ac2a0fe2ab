/**
 * The source losses of a stream. At these positions, a source may have missed changes, for which no events exist. A resume from a position
 * at or before a loss must therefore report the loss (GAP-2).
 */
import type { KeptLoss, Position } from './record.ts';

/**
 * The maximum number of losses that are kept. If there are more, the two oldest are merged into one loss for the whole root. The merged
 * loss reports too much, which is safe.
 */
export const MOST_LOSSES = 256;

export class Losses {
  #kept: readonly KeptLoss[] = [];

  add(loss: KeptLoss): void {
    const others = this.#kept.filter((each) => each.epoch === loss.epoch);
    const kept = [...others, loss].toSorted((a, b) => a.sequenceId - b.sequenceId);
    const [, second] = kept;
    this.#kept =
      kept.length > MOST_LOSSES && second !== undefined ? [{ ...second, paths: [''] }, ...kept.slice(2)] : kept;
  }

  /**
   * The losses that a resume may have to report. Earlier losses are dropped: they are before the oldest position from which a client can
   * resume.
   */
  within(epoch: Position['epoch'], floor: number): readonly KeptLoss[] {
    this.#kept = this.#kept.filter((each) => each.epoch === epoch && each.sequenceId >= floor - 1);
    return this.#kept;
  }
}
