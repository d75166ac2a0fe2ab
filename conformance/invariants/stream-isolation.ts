import type { Invariant } from '../trace/finding.ts';
import { livesAt } from '../trace/queries.ts';

/** An event reaches only subscriptions of its stream: `session:1` never receives an event of `session:10`. */
export const streamIsolation: Invariant = {
  id: 'invariants/stream-isolation',
  clauses: ['STR-1'],
  why: 'The stream of an event is exactly the stream of every subscription that it names.',
  check: ({ connections }, report) => {
    for (const { events, lives } of connections)
      for (const { subscriptionIds, stream, frame } of events)
        for (const id of subscriptionIds) {
          const life = lives.find((each) => each.id === id && livesAt(each, frame.n));
          if (life === undefined) continue;
          report.fire();
          if (life.stream !== stream)
            report.violate(
              `${id} is subscribed to ${life.stream}, but the event belongs to ${stream}`,
              life.subscribed,
              frame,
            );
        }
  },
};
