import type { Invariant } from '../trace/finding.ts';
import type { SeenEvent } from '../trace/reading.ts';

/** However many subscriptions of a connection match, an event comes live once. */
export const oneLiveMessage: Invariant = {
  id: 'invariants/one-live-message',
  clauses: ['EVT-2'],
  why: 'One event reaches one connection in exactly one live message that names all matching subscriptions.',
  look: ({ connections }, report) => {
    for (const { events } of connections) {
      const seen = new Map<string, SeenEvent>();
      for (const event of events) {
        if (event.isReplay) continue;
        report.fire();
        const before = seen.get(event.eventId);
        if (before === undefined) seen.set(event.eventId, event);
        else report.violate(`event ${event.eventId} came live twice`, before.frame, event.frame);
      }
    }
  },
};
