import { wants } from '../filters/filter.ts';
import type { Invariant } from '../trace/finding.ts';
import type { ConnectionReading, Life, SeenEvent } from '../trace/reading.ts';
import { gapsOf, knownEvents, livesAt, streamKey } from '../trace/reading.ts';

/**
 * Up to which number a connection has proved to have passed on everything: a live event is the fence for all before it,
 * because the order of a stream is never broken.
 */
function fenceOf({ events }: ConnectionReading, life: Life): SeenEvent | undefined {
  let fence: SeenEvent | undefined;
  for (const event of events) {
    if (event.isReplay || event.stream !== life.stream || event.epoch !== life.position.epoch) continue;
    if (livesAt(life, event.frame.n) && event.sequenceId > (fence?.sequenceId ?? 0)) fence = event;
  }
  return fence;
}

/** Every event that somebody saw, and that a subscription asked for, has come, up to its fence. */
export const filterComplete: Invariant = {
  id: 'invariants/filter-complete',
  clauses: ['SUB-4', 'SUB-5', 'EVT-2'],
  why: 'What others saw emitted and a subscription asked for reaches it, and names it.',
  look: (reading, report) => {
    const known = knownEvents(reading);
    for (const connection of reading.connections)
      for (const life of connection.lives) {
        const fence = fenceOf(connection, life);
        if (fence === undefined || gapsOf(life).length > 0) continue;
        const mine = new Map(
          connection.events
            .filter((each) => !each.isReplay && each.stream === life.stream && livesAt(life, each.frame.n))
            .map((each) => [each.sequenceId, each] as const),
        );
        for (const event of known.get(streamKey(life.stream, life.position.epoch))?.values() ?? []) {
          const { sequenceId } = event;
          if (sequenceId <= life.position.sequenceId || sequenceId > fence.sequenceId || !wants(life, event)) continue;
          report.fire();
          const came = mine.get(sequenceId);
          if (came?.subscriptionIds.includes(life.id) !== true)
            report.violate(
              came === undefined
                ? `${life.id}: ${event.event} ${sequenceId} never came`
                : `${life.id} is not named by ${event.event} ${sequenceId}`,
              life.subscribed,
              came?.frame ?? event.frame,
              fence.frame,
            );
        }
      }
  },
};
