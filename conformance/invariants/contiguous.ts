import type { Invariant } from '../trace/finding.ts';
import type { StreamSubscription } from '../trace/reading.ts';
import { isLiveAt, omittedBefore, stepsOf } from '../trace/queries.ts';

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
        for (const { frame, event, before } of stepsOf(subscription)) {
          report.fire();
          const { place } = before;
          const omitted =
            event === undefined && isLiveAt(subscription, frame.n) ? omittedBefore(frame, place) : undefined;
          if (omitted !== undefined)
            report.violate(
              `stream ${subscription.stream}: ${omitted} were not delivered, and the gap does not report them`,
              before.frame,
              frame,
            );
          if (event !== undefined && place?.epoch === event.epoch && event.sequenceId !== place.sequenceId + 1)
            report.violate(
              `stream ${subscription.stream}: expected event ${place.sequenceId + 1} after event ${place.sequenceId}, got event ${event.sequenceId}`,
              before.frame,
              frame,
            );
        }
  },
};
