import { wants } from '../filters/filter.ts';
import type { Invariant } from '../trace/finding.ts';
import type { ConnectionReading, Life, SeenEvent } from '../trace/reading.ts';
import { gapsOf, knownEvents, livesAt, streamKey } from '../trace/queries.ts';

/**
 * The fence: the newest live event of a stream on a connection. Events arrive in order, so an earlier event that did not arrive before the
 * fence is missing.
 */
function fenceOf({ events }: ConnectionReading, life: Life): SeenEvent | undefined {
  let fence: SeenEvent | undefined;
  for (const event of events) {
    if (event.isReplay || event.stream !== life.stream || event.epoch !== life.position.epoch) continue;
    if (livesAt(life, event.frame.n) && event.sequenceId > (fence?.sequenceId ?? 0)) fence = event;
  }
  return fence;
}

/**
 * A subscription receives every matching event that lies at or before its fence and that any connection has received.
 */
export const filterComplete: Invariant = {
  id: 'invariants/filter-complete',
  clauses: ['SUB-4', 'SUB-5', 'EVT-2'],
  why: 'An emitted event that matches a subscription is delivered to its connection and names the subscription.',
  check: (reading, report) => {
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
                ? `${life.id}: ${event.event} ${sequenceId} was not delivered`
                : `${life.id} is not named by ${event.event} ${sequenceId}`,
              life.subscribed,
              came?.frame ?? event.frame,
              fence.frame,
            );
        }
      }
  },
};
