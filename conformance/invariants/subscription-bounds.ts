import type { Invariant } from '../trace/finding.ts';
import { isActiveAt } from '../trace/queries.ts';

/** No event names a subscription before its `subscribed` or after its end. */
export const subscriptionBounds: Invariant = {
  id: 'invariants/subscription-bounds',
  clauses: ['SUB-2'],
  why: 'Every subscription that an event names was active when the event arrived.',
  check: ({ connections }, report) => {
    for (const { events, subscriptions, manyStreamsSubscriptions } of connections)
      for (const { subscriptionIds, frame } of events)
        for (const id of subscriptionIds) {
          report.fire();
          const mine = [...subscriptions, ...manyStreamsSubscriptions].filter((each) => each.id === id);
          if (mine.some((each) => isActiveAt(each, frame.n))) continue;
          const ended = mine.findLast((each) => each.ended !== undefined && each.ended.n < frame.n)?.ended;
          report.violate(
            ended === undefined
              ? `an event names the subscription ${id}, which does not exist`
              : `an event names the subscription ${id}, which has ended`,
            ended,
            frame,
          );
        }
  },
};
