import type { Invariant } from '../trace/finding.ts';
import type { StreamSubscription } from '../trace/reading.ts';
import { continuationsOf } from '../trace/queries.ts';

function isWhole(subscription: StreamSubscription): boolean {
  return subscription.events.includes('*') && Object.keys(subscription.filter).length === 0;
}

/** A subscription to a whole stream receives every sequenceId, except those that a gap reports as lost. */
export const contiguous: Invariant = {
  id: 'invariants/contiguous',
  clauses: ['STR-2', 'GAP-1'],
  why: 'A subscription to all events of a stream receives each sequenceId after its position, in order and without holes, except those that a gap reports as lost.',
  check: ({ connections }, report) => {
    for (const { subscriptions } of connections)
      for (const subscription of subscriptions.filter(isWhole))
        for (const { event, after, known } of continuationsOf(subscription)) {
          report.fire();
          if (after?.epoch === event.epoch && event.sequenceId !== after.sequenceId + 1)
            report.violate(
              `stream ${subscription.stream}: expected event ${after.sequenceId + 1} after event ${after.sequenceId}, got event ${event.sequenceId}`,
              known,
              event.frame,
            );
        }
  },
};
