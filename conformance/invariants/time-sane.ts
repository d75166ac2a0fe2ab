import type { Invariant } from '../trace/finding.ts';
import type { SeenEvent } from '../trace/reading.ts';
import { knownEvents } from '../trace/reading.ts';

/** `emittedAt` is stamped where the number is given, so both grow together. */
export const timeSane: Invariant = {
  id: 'invariants/time-sane',
  clauses: ['STR-4'],
  why: 'Along a stream, emittedAt never decreases as sequenceId grows.',
  look: (reading, report) => {
    for (const stream of knownEvents(reading).values()) {
      let before: SeenEvent | undefined;
      for (const event of [...stream.values()].toSorted((a, b) => a.sequenceId - b.sequenceId)) {
        if (before !== undefined) {
          report.fire();
          // Times of the contract are of equal length, and so compare as texts.
          if (event.emittedAt < before.emittedAt)
            report.violate(
              `${event.stream}: ${event.sequenceId} was emitted before ${before.sequenceId}`,
              before.frame,
              event.frame,
            );
        }
        before = event;
      }
    }
  },
};
