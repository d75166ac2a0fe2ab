import type { Invariant } from '../trace/finding.ts';
import { isActiveAt } from '../trace/queries.ts';

/** An event reaches only subscriptions of its stream: `session:1` never receives an event of `session:10`. */
export const streamIsolation: Invariant = {
  id: 'invariants/stream-isolation',
  clauses: ['STR-1'],
  why: 'The stream of an event is exactly the stream of every subscription that it names.',
  check: ({ connections }, report) => {
    for (const { events, subscriptions } of connections)
      for (const { subscriptionIds, stream, frame } of events)
        for (const id of subscriptionIds) {
          const subscription = subscriptions.find((each) => each.id === id && isActiveAt(each, frame.n));
          if (subscription === undefined) continue;
          report.fire();
          if (subscription.stream !== stream)
            report.violate(
              `an event of the stream ${stream} names the subscription ${id}, which is to ${subscription.stream}`,
              subscription.subscribed,
              frame,
            );
        }
  },
};
