/** Divides long work for one client into slices, so that the other clients have their turns in between. */
import type { TurnBudget } from './turn-budget.ts';

export interface SliceOptions {
  readonly turn: TurnBudget;
  /** Identifies the client for `TurnBudget`. */
  readonly client: object | string;
  /** Called after each slice with its processing time, in milliseconds. */
  readonly onSlice: (ms: number) => void;
  /** Whether the rest of the work is no longer needed. */
  readonly isCancelled?: () => boolean;
}

/**
 * Calls `work` for each item. If the time of a turn of the event loop is used up, continues in a later turn. If the work is cancelled,
 * leaves out the other items.
 */
export async function inSlices<Item>(
  items: Iterable<Item>,
  { turn, client, onSlice, isCancelled = () => false }: SliceOptions,
  work: (item: Item) => void,
): Promise<void> {
  if (isCancelled()) return;
  let measured = turn.measure();
  for (const each of items) {
    work(each);
    if (!turn.over) continue;
    onSlice(measured());
    await turn.readmit(client);
    if (isCancelled()) return;
    measured = turn.measure();
  }
  onSlice(measured());
}
