import type { Invariant } from '../trace/finding.ts';
import type { Life } from '../trace/reading.ts';
import { gapsOf, livesAt } from '../trace/queries.ts';

function isWhole(life: Life): boolean {
  return life.events.includes('*') && Object.keys(life.filter).length === 0;
}

/** A subscription to a whole stream receives every sequenceId. */
export const contiguous: Invariant = {
  id: 'invariants/contiguous',
  clauses: ['STR-2', 'GAP-1'],
  why: 'A subscription to all events of a stream receives each sequenceId after its position, in order and without holes.',
  check: ({ connections }, report) => {
    for (const connection of connections)
      for (const life of connection.lives.filter(isWhole)) {
        let { sequenceId: at, epoch } = life.position;
        let before = life.subscribed;
        // A gap reports which events are missing and at which position the stream continues.
        const gaps = gapsOf(life);
        for (const event of connection.events) {
          if (event.isReplay || event.stream !== life.stream || !livesAt(life, event.frame.n)) continue;
          const excused = gaps.some((gap) => gap.n > before.n && gap.n < event.frame.n);
          report.fire();
          if (!excused && event.epoch === epoch && event.sequenceId !== at + 1)
            report.violate(
              `${life.stream}: expected ${at + 1} after ${at}, got ${event.sequenceId}`,
              before,
              event.frame,
            );
          ({ epoch, sequenceId: at } = event);
          before = event.frame;
        }
      }
  },
};
