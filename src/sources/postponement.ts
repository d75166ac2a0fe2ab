/**
 * Decides which sightings of a batch wait for the next step, because newer reports may contradict them. A step is one pass of the loop in
 * `tree-source.ts`: it examines the reported entries and reports their changes.
 */
import type { Batch, Sighting } from './batch.ts';
import type { Inbox } from './inbox.ts';
import type { Walker } from './walker.ts';

/**
 * After this many consecutive steps that postponed sightings, sightings in moved directories are no longer postponed. Otherwise, changes in
 * a directory that is moved again and again would never be reported.
 */
const MOST_POSTPONEMENTS = 20;

export interface PostponedParts {
  readonly batch: Batch;
  readonly inbox: Inbox;
  readonly walker: Walker;
  /** Whether the root itself may have been moved. Then its entries seem to be deleted, but may still exist at the new path of the root. */
  readonly rootIsMoved: boolean;
}

export class Postponement {
  /** How many steps in a row have postponed sightings. */
  #steps = 0;
  /** Whether the current step has postponed sightings. */
  #hasPostponed = false;

  /**
   * Removes from the batch all sightings that newer reports may contradict. Their entries are examined again in the next step. Without
   * this, a temporarily renamed directory would cause wrong reports: an entry below it would be reported as deleted, or with the facts of
   * another file.
   */
  apply({ batch, inbox, walker, rootIsMoved }: PostponedParts): void {
    const isLast = this.#steps >= MOST_POSTPONEMENTS;
    const before = batch.size;
    batch.postpone((each) => {
      const isDue = !rootIsMoved && !isOpenMove(each, inbox) && (isLast || !isDoubtful(each, inbox, walker));
      if (!isDue) inbox.dirty.add(each.directory, each.name, each.report ?? 'content');
      return isDue;
    });
    inbox.moves.expire();
    if (rootIsMoved) for (const { parent, name } of walker.takeHeld()) inbox.dirty.add(parent, name, 'content');
    this.#hasPostponed ||= batch.size < before;
  }

  endStep(): void {
    this.#steps = this.#hasPostponed && this.#steps < MOST_POSTPONEMENTS ? this.#steps + 1 : 0;
    this.#hasPostponed = false;
  }
}

function isOpenMove({ directory, name, facts }: Sighting, inbox: Inbox): boolean {
  return facts === undefined && inbox.moves.waitsFor(directory, name);
}

function isDoubtful({ directory, name, facts }: Sighting, inbox: Inbox, walker: Walker): boolean {
  if (facts === undefined && inbox.dirty.holds(directory, name)) return true;
  return walker.displacements.covers(directory);
}
