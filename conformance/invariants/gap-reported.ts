import type { Invariant } from '../trace/finding.ts';
import { equal, member, textAt, textsAt } from '../trace/json.ts';
import { dataOf, typeOf } from '../trace/reading.ts';

/** A resume that was not recovered says what is lost before anything else comes. */
export const gapReported: Invariant = {
  id: 'invariants/gap-reported',
  clauses: ['GAP-1', 'RPL-4'],
  why: 'A failed recovery is followed by a gap with its reason, from the position asked for to the one given, before replay.',
  look: ({ connections }, report) => {
    for (const { lives, received } of connections)
      for (const life of lives) {
        if (member(life.recovery, 'recovered') !== false || life.completed === undefined) continue;
        report.fire();
        const { subscribed, completed, id, recovery, after, position } = life;
        const gap = received.find(
          (frame) =>
            typeOf(frame) === 'gap' &&
            frame.n > subscribed.n &&
            frame.n < completed.n &&
            textsAt(dataOf(frame), 'subscriptionIds').includes(id),
        );
        const data = gap === undefined ? undefined : dataOf(gap);
        if (gap === undefined) report.violate(`${id}: the resume failed without a gap`, subscribed, completed);
        else if (textAt(data, 'reason') !== textAt(recovery, 'reason'))
          report.violate(`${id}: subscribed and gap give different reasons`, subscribed, gap);
        else if (after !== undefined && !equal(member(data, 'from'), { ...after }))
          report.violate(`${id}: the gap does not begin at the position that was asked for`, subscribed, gap);
        else if (!equal(member(data, 'to'), { ...position }))
          report.violate(`${id}: the gap does not end at the position that was given`, subscribed, gap);
      }
  },
};
