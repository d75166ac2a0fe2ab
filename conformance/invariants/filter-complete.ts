import { wants } from '../filters/filter.ts';
import type { Invariant } from '../trace/finding.ts';
import type { ConnectionReading, Place, StreamSubscription, SeenEvent } from '../trace/reading.ts';
import { covers, gapsOf, knownEvents, isActiveAt, stepsOf, streamKey } from '../trace/queries.ts';
import type { Frame } from '../trace/trace.ts';

/** A run of a subscription within one epoch. */
interface Run {
  /** All matching events after this position must be delivered. */
  readonly start: Place;
  /** The frame with which the run begins: `subscribed`, or the gap or event that changed the epoch. */
  readonly begun: Frame;
}

function runsOf(subscription: StreamSubscription): readonly Run[] {
  const { position: start, subscribed: begun } = subscription;
  const runs: Run[] = [{ start, begun }];
  for (const { before, after } of stepsOf(subscription))
    if (after.place !== undefined && after.place.epoch !== before.place?.epoch)
      runs.push({ start: after.place, begun: after.frame });
  return runs;
}

/** The live events of the stream of a subscription that the connection received in an epoch, by number. */
function liveOf(
  { events }: ConnectionReading,
  subscription: StreamSubscription,
  epoch: string,
): ReadonlyMap<number, SeenEvent> {
  const live = events.filter(
    (event) =>
      !event.isReplay &&
      event.stream === subscription.stream &&
      event.epoch === epoch &&
      isActiveAt(subscription, event.frame.n),
  );
  return new Map(live.map((event) => [event.sequenceId, event]));
}

/**
 * A subscription receives every matching event that lies at or before its fence and that any connection has received, except events
 * that a gap reports as lost. The fence is the newest live event of the epoch on the connection. Events arrive in order, so an earlier
 * event that did not arrive before the fence is missing.
 */
export const filterComplete: Invariant = {
  id: 'invariants/filter-complete',
  clauses: ['SUB-4', 'SUB-5', 'EVT-2'],
  why: 'An emitted event that matches a subscription is delivered to the connection of the subscription, and names the subscription.',
  check: (reading, report) => {
    const known = knownEvents(reading);
    for (const connection of reading.connections)
      for (const subscription of connection.subscriptions) {
        const gaps = gapsOf(subscription);
        for (const { start, begun } of runsOf(subscription)) {
          const live = liveOf(connection, subscription, start.epoch);
          const fence = live.get([...live.keys()].reduce((most, each) => Math.max(most, each), 0));
          if (fence === undefined) continue;
          for (const event of known.get(streamKey(subscription.stream, start.epoch))?.values() ?? []) {
            const { sequenceId } = event;
            if (
              sequenceId <= start.sequenceId ||
              sequenceId > fence.sequenceId ||
              !wants(subscription, event) ||
              gaps.some((gap) => gap.n > begun.n && covers(gap, event))
            )
              continue;
            report.fire();
            const came = live.get(sequenceId);
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
      }
  },
};
