import { wants } from '../filters/filter.ts';
import type { Invariant } from '../trace/finding.ts';
import { livesAt } from '../trace/reading.ts';

/** No subscription is named by an event that it did not ask for. */
export const filterSound: Invariant = {
  id: 'invariants/filter-sound',
  clauses: ['SUB-4', 'SUB-5'],
  why: 'Every event fits the events and the filter of every subscription that it names.',
  look: ({ connections }, report) => {
    for (const { events, lives } of connections)
      for (const event of events)
        for (const id of event.subscriptionIds) {
          const life = lives.find((each) => each.id === id && livesAt(each, event.frame.n));
          if (life === undefined) continue;
          report.fire();
          if (!wants(life, event))
            report.violate(`${id} did not ask for this ${event.event}`, life.subscribed, event.frame);
        }
  },
};
