import type { Invariant } from '../trace/finding.ts';
import { livesAt } from '../trace/reading.ts';

/** An event reaches subscriptions of its own stream only: `session:1` never sees what belongs to `session:10`. */
export const streamIsolation: Invariant = {
  id: 'invariants/stream-isolation',
  clauses: ['STR-1'],
  why: 'The stream of an event is, letter for letter, the stream of every subscription that it names.',
  look: ({ connections }, report) => {
    for (const { events, lives } of connections)
      for (const { subscriptionIds, stream, frame } of events)
        for (const id of subscriptionIds) {
          const life = lives.find((each) => each.id === id && livesAt(each, frame.n));
          if (life === undefined) continue;
          report.fire();
          if (life.stream !== stream)
            report.violate(`${id} follows ${life.stream}, the event is of ${stream}`, life.subscribed, frame);
        }
  },
};
