import { wants } from '../filters/filter.ts';
import type { Invariant } from '../trace/finding.ts';
import { isActiveAt } from '../trace/queries.ts';

/** No event names a subscription that it does not match. */
export const filterSound: Invariant = {
  id: 'invariants/filter-sound',
  clauses: ['SUB-4', 'SUB-5'],
  why: 'Every event matches the event patterns and the filter of every subscription that it names.',
  check: ({ connections }, report) => {
    for (const { events, subscriptions } of connections)
      for (const event of events)
        for (const id of event.subscriptionIds) {
          const subscription = subscriptions.find((each) => each.id === id && isActiveAt(each, event.frame.n));
          if (subscription === undefined) continue;
          report.fire();
          if (!wants(subscription, event))
            report.violate(
              `event ${event.sequenceId} (${event.event}) names the subscription ${id}, which it does not match`,
              subscription.subscribed,
              event.frame,
            );
        }
  },
};
