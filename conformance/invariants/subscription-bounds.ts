import type { Invariant } from '../trace/finding.ts';
import { livesAt } from '../trace/queries.ts';

/** No event names a subscription before its `subscribed` or after its end. */
export const subscriptionBounds: Invariant = {
  id: 'invariants/subscription-bounds',
  clauses: ['SUB-2'],
  why: 'Every subscription that an event names was active when the event arrived.',
  check: ({ connections }, report) => {
    for (const { events, lives, followings } of connections)
      for (const { subscriptionIds, frame } of events)
        for (const id of subscriptionIds) {
          report.fire();
          const mine = [...lives, ...followings].filter((each) => each.id === id);
          if (mine.some((each) => livesAt(each, frame.n))) continue;
          const ended = mine.findLast((each) => each.ended !== undefined && each.ended.n < frame.n)?.ended;
          report.violate(
            ended === undefined
              ? `an event names ${id}, which is not subscribed`
              : `an event names ${id}, which has ended`,
            ended,
            frame,
          );
        }
  },
};
