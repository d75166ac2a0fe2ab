import type { Invariant } from '../trace/finding.ts';
import { equal } from '../trace/json.ts';
import type { SeenEvent } from '../trace/reading.ts';
import { dataOf, placeOf, typeOf } from '../trace/reading.ts';
import { textAt } from '../trace/json.ts';
import type { Frame } from '../trace/trace.ts';

const PARTS = ['eventId', 'event', 'emittedAt', 'source', 'payload'] as const;

function differing(left: SeenEvent, right: SeenEvent): string | undefined {
  return PARTS.find((part) => !equal(left[part], right[part]));
}

interface Named {
  readonly place: string;
  readonly frame: Frame;
}

/** Every event has one position, and all clients receive the same event at that position, live or replayed. */
export const onePayload: Invariant = {
  id: 'invariants/one-payload',
  clauses: ['STR-4', 'STR-2', 'EVT-1'],
  why: 'There is one event per position: its id, name, time, source and payload are the same on every connection, live, replayed and in the reply to its publisher.',
  check: ({ connections }, report) => {
    const atPlace = new Map<string, SeenEvent>();
    const byId = new Map<string, Named>();
    const name = (eventId: string, place: string, frame: Frame): void => {
      const known = byId.get(eventId);
      if (known === undefined) byId.set(eventId, { place, frame });
      else if (known.place !== place)
        report.violate(`the event with the id ${eventId} has two positions`, known.frame, frame);
    };
    for (const { events, received } of connections) {
      for (const event of events) {
        const place = [event.stream, event.epoch, event.sequenceId].join(' ');
        const known = atPlace.get(place);
        if (known === undefined) atPlace.set(place, event);
        else {
          report.fire();
          const part = differing(known, event);
          if (part !== undefined)
            report.violate(`two events at the position ${place} differ in ${part}`, known.frame, event.frame);
        }
        name(event.eventId, place, event.frame);
      }
      for (const frame of received.filter((each) => typeOf(each) === 'broadcasted')) {
        const data = dataOf(frame);
        const at = placeOf(data);
        name(textAt(data, 'eventId') ?? '', [textAt(data, 'stream'), at?.epoch, at?.sequenceId].join(' '), frame);
      }
    }
  },
};
