/** Limits the memory of all histories of a node to one budget. */
import type { Budget } from '../replay/budget.ts';
import type { StreamHistory } from '../replay/history.ts';
import { isSessionStream } from './history-bounds.ts';

export interface BudgetedStream {
  readonly name: string;
  readonly history: Pick<StreamHistory, 'shrink' | 'principals' | 'weightOf'>;
}

/**
 * The part of the limit that is freed each time the limit is exceeded. With such a reserve, many events can follow before the limit is
 * exceeded again.
 */
const FREED = 1 / 16;

/**
 * If the limit is exceeded, drops the oldest events of each principal that uses more than its fair share, until it uses only its share.
 * Session streams are shortened before other streams and, among these, the least recently used stream first. Clients learn of the loss in
 * the same way as with any other limit: by `window_exceeded` at a resume, by `truncated` in a warm picture (RPL-3, RPL-4).
 * @param streams sorted; the least recently used stream is first
 */
export function shrinkHistories(budget: Budget, streams: () => Iterable<BudgetedStream>): void {
  if (budget.used <= budget.limit) return;
  const goal = budget.limit * (1 - FREED);
  const share = budget.shareOf(goal);
  for (const kind of ['session', 'other'] as const)
    for (const { name, history } of streams()) {
      if (isSessionStream(name) !== (kind === 'session')) continue;
      for (const principal of history.principals)
        while (budget.usedBy(principal) > share && history.weightOf(principal) > 0 && history.shrink())
          budget.dropped += 1;
      if (budget.used <= goal) return;
    }
}
