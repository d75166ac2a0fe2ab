import { wants } from '../filters/filter.ts';
import type { Invariant } from '../trace/finding.ts';
import { livesAt } from '../trace/queries.ts';

/** No event names a subscription that it does not match. */
export const filterSound: Invariant = {
  id: 'invariants/filter-sound',
  clauses: ['SUB-4', 'SUB-5'],
  why: 'Every event matches the event patterns and the filter of every subscription that it names.',
  check: ({ connections }, report) => {
    for (const { events, lives } of connections)
      for (const event of events)
        for (const id of event.subscriptionIds) {
          const life = lives.find((each) => each.id === id && livesAt(each, event.frame.n));
          if (life === undefined) continue;
          report.fire();
          if (!wants(life, event))
            report.violate(`${id} is named by a ${event.event} that it does not match`, life.subscribed, event.frame);
        }
  },
};
