import type { Invariant, Report } from '../trace/finding.ts';
import { stepsOf, streamKey } from '../trace/queries.ts';
import type { ConnectionReading, SeenEvent } from '../trace/reading.ts';

/** Compares the events of one epoch. The events of two epochs may alternate if a subscription has not reached the new epoch yet. */
function judgeOrder({ events }: ConnectionReading, report: Report): void {
  const last = new Map<string, SeenEvent>();
  for (const event of events) {
    if (event.isReplay) continue;
    const key = streamKey(event.stream, event.epoch);
    const before = last.get(key);
    last.set(key, event);
    if (before === undefined) continue;
    report.fire();
    if (event.sequenceId <= before.sequenceId)
      report.violate(
        `stream ${event.stream}: event ${event.sequenceId} came after event ${before.sequenceId}`,
        before.frame,
        event.frame,
      );
  }
}

/**
 * Checks each subscription to one stream, because a gap must name every subscription that it concerns. Subscriptions to many
 * streams are checked by `invariants/many-streams`.
 */
function judgeEpochs({ subscriptions }: ConnectionReading, report: Report): void {
  for (const subscription of subscriptions)
    for (const { event, before } of stepsOf(subscription)) {
      if (event === undefined) continue;
      report.fire();
      if (before.place !== undefined && before.place.epoch !== event.epoch)
        report.violate(
          `stream ${event.stream}: the epoch changed without a gap for the subscription ${subscription.id}`,
          before.frame,
          event.frame,
        );
    }
}

/** The live events of a stream reach a connection in ascending order, and a gap reports each new epoch. */
export const ascending: Invariant = {
  id: 'invariants/ascending',
  clauses: ['STR-2', 'STR-3'],
  why: 'On every connection, the live sequenceIds of a stream strictly increase, and a gap reports a change of epoch to each subscription.',
  check: ({ connections }, report) => {
    for (const connection of connections) {
      judgeOrder(connection, report);
      judgeEpochs(connection, report);
    }
  },
};
