import { wants } from '../filters/filter.ts';
import type { Invariant } from '../trace/finding.ts';
import type { ConnectionReading, StreamSubscription, SeenEvent } from '../trace/reading.ts';
import { covers, gapsOf, knownEvents, isActiveAt, streamKey } from '../trace/queries.ts';

/**
 * The fence: the newest live event of a stream on a connection. Events arrive in order, so an earlier event that did not arrive before the
 * fence is missing.
 */
function fenceOf({ events }: ConnectionReading, subscription: StreamSubscription): SeenEvent | undefined {
  let fence: SeenEvent | undefined;
  for (const event of events) {
    if (event.isReplay || event.stream !== subscription.stream || event.epoch !== subscription.position.epoch) continue;
    if (isActiveAt(subscription, event.frame.n) && event.sequenceId > (fence?.sequenceId ?? 0)) fence = event;
  }
  return fence;
}

/**
 * A subscription receives every matching event that lies at or before its fence and that any connection has received, except events
 * that a gap reports as lost.
 */
export const filterComplete: Invariant = {
  id: 'invariants/filter-complete',
  clauses: ['SUB-4', 'SUB-5', 'EVT-2'],
  why: 'An emitted event that matches a subscription is delivered to the connection of the subscription, and names the subscription.',
  check: (reading, report) => {
    const known = knownEvents(reading);
    for (const connection of reading.connections)
      for (const subscription of connection.subscriptions) {
        const fence = fenceOf(connection, subscription);
        if (fence === undefined) continue;
        const gaps = gapsOf(subscription);
        const mine = new Map(
          connection.events
            .filter(
              (each) => !each.isReplay && each.stream === subscription.stream && isActiveAt(subscription, each.frame.n),
            )
            .map((each) => [each.sequenceId, each] as const),
        );
        for (const event of known.get(streamKey(subscription.stream, subscription.position.epoch))?.values() ?? []) {
          const { sequenceId } = event;
          if (
            sequenceId <= subscription.position.sequenceId ||
            sequenceId > fence.sequenceId ||
            !wants(subscription, event) ||
            gaps.some((gap) => covers(gap, event))
          )
            continue;
          report.fire();
          const came = mine.get(sequenceId);
          if (came?.subscriptionIds.includes(subscription.id) !== true)
            report.violate(
              came === undefined
                ? `subscription ${subscription.id}: event ${sequenceId} (${event.event}) was not delivered`
                : `event ${sequenceId} (${event.event}) does not name the subscription ${subscription.id}, which it matches`,
              subscription.subscribed,
              came?.frame ?? event.frame,
              fence.frame,
            );
        }
      }
  },
};
