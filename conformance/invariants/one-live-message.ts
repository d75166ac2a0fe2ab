import type { Invariant } from '../trace/finding.ts';
import type { SeenEvent } from '../trace/reading.ts';

/** A connection receives a live event once, even if several of its subscriptions match. */
export const oneLiveMessage: Invariant = {
  id: 'invariants/one-live-message',
  clauses: ['EVT-2'],
  why: 'A connection receives an event in exactly one live message, which names all matching subscriptions.',
  check: ({ connections }, report) => {
    for (const { events } of connections) {
      const seen = new Map<string, SeenEvent>();
      for (const event of events) {
        if (event.isReplay) continue;
        report.fire();
        const before = seen.get(event.eventId);
        if (before === undefined) seen.set(event.eventId, event);
        else report.violate(`the event with the id ${event.eventId} was sent live twice`, before.frame, event.frame);
      }
    }
  },
};
