/** Keeps the histories of a node within one budget. */
import type { Budget } from './budget.ts';
import type { StreamHistory } from './history.ts';

export interface BudgetedStream {
  readonly name: string;
  readonly history: Pick<StreamHistory, 'giveWay' | 'weightOf'>;
}

/** The part of the limit that is freed when it is exceeded, so that the next time is many events later. */
const FREED = 1 / 16;

/**
 * When the limit is exceeded, the principal that uses most loses its oldest events: those of session streams first, and those of
 * the least recently used stream first. Clients learn of the loss as with any other bound: `window_exceeded` at a resume,
 * `truncated` in a warm picture (RPL-3, RPL-4). @param streams the least recently used first
 */
export function shrinkHistories(budget: Budget, streams: () => Iterable<BudgetedStream>): void {
  if (budget.used <= budget.limit) return;
  const goal = budget.limit * (1 - FREED);
  for (let before = Infinity; budget.used > goal && budget.used < before;) {
    before = budget.used;
    for (const kind of ['session', 'other'] as const)
      for (const { name, history } of streams()) {
        if (name.startsWith('session:') !== (kind === 'session')) continue;
        const heaviest = budget.heaviest ?? '';
        while (budget.used > goal && history.weightOf(heaviest) > 0 && history.giveWay()) budget.dropped += 1;
        if (budget.used <= goal) return;
      }
  }
}
