import type { Invariant } from '../trace/finding.ts';
import type { StreamSubscription } from '../trace/reading.ts';
import { gapsOf, isActiveAt } from '../trace/queries.ts';

function isWhole(subscription: StreamSubscription): boolean {
  return subscription.events.includes('*') && Object.keys(subscription.filter).length === 0;
}

/** A subscription to a whole stream receives every sequenceId. */
export const contiguous: Invariant = {
  id: 'invariants/contiguous',
  clauses: ['STR-2', 'GAP-1'],
  why: 'A subscription to all events of a stream receives each sequenceId after its position, in order and without holes.',
  check: ({ connections }, report) => {
    for (const connection of connections)
      for (const subscription of connection.subscriptions.filter(isWhole)) {
        let { sequenceId: at, epoch } = subscription.position;
        let before = subscription.subscribed;
        // A gap reports which events are missing and at which position the stream continues.
        const gaps = gapsOf(subscription);
        for (const event of connection.events) {
          if (event.isReplay || event.stream !== subscription.stream || !isActiveAt(subscription, event.frame.n))
            continue;
          const excused = gaps.some((gap) => gap.n > before.n && gap.n < event.frame.n);
          report.fire();
          if (!excused && event.epoch === epoch && event.sequenceId !== at + 1)
            report.violate(
              `stream ${subscription.stream}: expected event ${at + 1} after event ${at}, got event ${event.sequenceId}`,
              before,
              event.frame,
            );
          ({ epoch, sequenceId: at } = event);
          before = event.frame;
        }
      }
  },
};
