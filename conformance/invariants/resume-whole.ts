import { wants } from '../filters/filter.ts';
import type { Invariant } from '../trace/finding.ts';
import { member } from '../trace/json.ts';
import { knownEvents, isActiveAt, streamKey } from '../trace/queries.ts';

/** A resume that reports success replays all events after the requested position, and none at or before it. */
export const resumeWhole: Invariant = {
  id: 'invariants/resume-whole',
  clauses: ['RPL-2', 'RPL-4', 'RPL-7'],
  why: 'A recovered resume replays every matching event after its position. It replays no event at or before that position, except in a warm picture that the client asked for.',
  check: (reading, report) => {
    const known = knownEvents(reading);
    for (const { subscriptions, events } of reading.connections)
      for (const subscription of subscriptions) {
        const { after, completed, position } = subscription;
        if (member(subscription.recovery, 'recovered') !== true || after === undefined || completed === undefined)
          continue;
        const replayed = new Map(
          events
            .filter(
              (each) =>
                each.isReplay &&
                each.subscriptionIds.includes(subscription.id) &&
                isActiveAt(subscription, each.frame.n),
            )
            .map((each) => [each.sequenceId, each] as const),
        );
        for (const { sequenceId, frame } of replayed.values())
          if (sequenceId <= after.sequenceId && !subscription.withPicture)
            report.violate(
              `subscription ${subscription.id}: the resume begins after event ${after.sequenceId}, but event ${sequenceId} was replayed`,
              subscription.subscribed,
              frame,
            );
        for (const event of known.get(streamKey(subscription.stream, position.epoch))?.values() ?? []) {
          const { sequenceId, frame } = event;
          if (sequenceId <= after.sequenceId || sequenceId > position.sequenceId || !wants(subscription, event))
            continue;
          report.fire();
          if (!replayed.has(sequenceId))
            report.violate(
              `subscription ${subscription.id}: the resume did not replay event ${sequenceId}`,
              frame,
              subscription.subscribed,
              completed,
            );
        }
      }
  },
};
