import type { Invariant } from '../trace/finding.ts';
import type { SeenEvent } from '../trace/reading.ts';
import { knownEvents } from '../trace/queries.ts';

/** The server sets `emittedAt` together with the sequenceId, so it never decreases while the sequenceId increases. */
export const timeSane: Invariant = {
  id: 'invariants/time-sane',
  clauses: ['STR-4'],
  why: 'In a stream, emittedAt never decreases as sequenceId increases.',
  check: (reading, report) => {
    for (const stream of knownEvents(reading).values()) {
      let before: SeenEvent | undefined;
      for (const event of [...stream.values()].toSorted((a, b) => a.sequenceId - b.sequenceId)) {
        if (before !== undefined) {
          report.fire();
          // Timestamps of the contract have equal length, so they compare as strings.
          if (event.emittedAt < before.emittedAt)
            report.violate(
              `stream ${event.stream}: event ${event.sequenceId} has an earlier emittedAt than event ${before.sequenceId}`,
              before.frame,
              event.frame,
            );
        }
        before = event;
      }
    }
  },
};
