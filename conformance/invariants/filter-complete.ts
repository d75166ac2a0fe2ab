import { wants } from '../filters/filter.ts';
import type { Invariant } from '../trace/finding.ts';
import { member } from '../trace/json.ts';
import { dataOf, placeOf } from '../trace/reading.ts';
import type { ConnectionReading, StreamSubscription, SeenEvent } from '../trace/reading.ts';
import { covers, gapsOf, knownEvents, isActiveAt, isLiveAt, losesEvents, runsOf, streamKey } from '../trace/queries.ts';
import type { Frame } from '../trace/trace.ts';

/** All matching events of an epoch up to this number must be delivered. */
interface Fence {
  readonly sequenceId: number;
  readonly frame: Frame;
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
 * The start of each gap of an epoch. The gap of a failed resume is left out, because it begins at the position that the client
 * requested, which the server may never have reached.
 */
function gapFences(subscription: StreamSubscription, epoch: string): readonly Fence[] {
  return gapsOf(subscription).flatMap((frame) => {
    const from = placeOf(member(dataOf(frame), 'from'));
    const isFence = from?.epoch === epoch && losesEvents(frame) && isLiveAt(subscription, frame.n);
    return isFence ? [{ sequenceId: from.sequenceId, frame }] : [];
  });
}

/**
 * A subscription receives every matching event that lies at or before its fence and that any connection has received, except events
 * that a gap reports as lost. The fence is the newest live event of the epoch on the connection, or the start of a gap, whichever is
 * later. Events and gaps arrive in order (BCK-3), so an earlier event that did not arrive is missing.
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
          const fences: readonly Fence[] = [...live.values(), ...gapFences(subscription, start.epoch)];
          const [fence] = fences.toSorted((left, right) => right.sequenceId - left.sequenceId);
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
