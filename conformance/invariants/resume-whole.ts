import { wants } from '../filters/filter.ts';
import type { Invariant } from '../trace/finding.ts';
import { member } from '../trace/json.ts';
import { knownEvents, livesAt, streamKey } from '../trace/queries.ts';

/** A resume that reports success replays all events after the requested position, and none at or before it. */
export const resumeWhole: Invariant = {
  id: 'invariants/resume-whole',
  clauses: ['RPL-2', 'RPL-4', 'RPL-7'],
  why: 'A recovered resume replays every matching event after its position, and none at or before it, except in a picture that the client asked for.',
  check: (reading, report) => {
    const known = knownEvents(reading);
    for (const { lives, events } of reading.connections)
      for (const life of lives) {
        const { after, completed, position } = life;
        if (member(life.recovery, 'recovered') !== true || after === undefined || completed === undefined) continue;
        const replayed = new Map(
          events
            .filter((each) => each.isReplay && each.subscriptionIds.includes(life.id) && livesAt(life, each.frame.n))
            .map((each) => [each.sequenceId, each] as const),
        );
        for (const { sequenceId, frame } of replayed.values())
          if (sequenceId <= after.sequenceId && !life.withPicture)
            report.violate(
              `${life.id}: resumed after ${after.sequenceId}, but ${sequenceId} was replayed`,
              life.subscribed,
              frame,
            );
        for (const event of known.get(streamKey(life.stream, position.epoch))?.values() ?? []) {
          const { sequenceId, frame } = event;
          if (sequenceId <= after.sequenceId || sequenceId > position.sequenceId || !wants(life, event)) continue;
          report.fire();
          if (!replayed.has(sequenceId))
            report.violate(`${life.id}: the resume did not replay ${sequenceId}`, frame, life.subscribed, completed);
        }
      }
  },
};
