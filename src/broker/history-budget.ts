/** Limits the memory of all histories of a node to one budget. */
import type { Budget } from '../replay/budget.ts';
import type { StreamHistory } from '../replay/history.ts';
import type { RecencyMap } from '../replay/recency-map.ts';
import { isSessionStream } from './history-bounds.ts';

/** A stream on one node. Without a history, there is nothing to shorten. */
export interface BudgetedStream {
  readonly history: Pick<StreamHistory, 'shrink' | 'principals' | 'weightOf'> | undefined;
}

/**
 * The part of the limit that is freed each time the limit is exceeded. Then many further events can be stored before the limit is exceeded
 * again.
 */
const FREED = 1 / 16;

/**
 * If the limit is exceeded, drops events until enough memory is free. Only streams with events of principals that use more than their fair
 * share lose events. Session streams are shortened before other streams. Within each of these two groups, the least recently used stream is
 * shortened first. Clients learn of the loss as with any other limit of history: by `window_exceeded` at a resume, and by `truncated` in a
 * warm picture (RPL-3, RPL-4).
 *
 * A stream always loses its oldest event first, no matter which principal has published it, because a resume needs a history without holes.
 * So on a shared stream such as `main`, a principal above its fair share also displaces older events of principals below theirs. On streams
 * on which it has not published, it cannot displace events of other principals. Once a history is empty, its retained events are dropped in
 * the same way: those of the least recently updated key first, no matter which principal has published them.
 * @param streams all streams by name
 */
export function shrinkHistories(budget: Budget, streams: RecencyMap<string, BudgetedStream>): void {
  if (budget.used <= budget.limit) return;
  const goal = budget.limit * (1 - FREED);
  const share = budget.shareOf(goal);
  for (const kind of ['session', 'other'] as const)
    for (const [name, { history }] of streams.byAge()) {
      if (history === undefined || isSessionStream(name) !== (kind === 'session')) continue;
      for (const principal of history.principals)
        while (budget.usedBy(principal) > share && history.weightOf(principal) > 0 && history.shrink())
          budget.dropped += 1;
      if (budget.used <= goal) return;
    }
}
