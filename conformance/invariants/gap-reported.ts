import type { Invariant } from '../trace/finding.ts';
import { equal, member, textAt, textsAt } from '../trace/json.ts';
import { dataOf, typeOf } from '../trace/reading.ts';

/** After a failed resume, a gap reports the lost range before any event is delivered. */
export const gapReported: Invariant = {
  id: 'invariants/gap-reported',
  clauses: ['GAP-1', 'RPL-4'],
  why: 'After a failed resume, a gap with the same reason arrives before the replay. It covers the range from the requested position to the position in subscribed.',
  check: ({ connections }, report) => {
    for (const { subscriptions, received } of connections)
      for (const subscription of subscriptions) {
        if (member(subscription.recovery, 'recovered') !== false || subscription.completed === undefined) continue;
        report.fire();
        const { subscribed, completed, id, recovery, after, position } = subscription;
        const gap = received.find(
          (frame) =>
            typeOf(frame) === 'gap' &&
            frame.n > subscribed.n &&
            frame.n < completed.n &&
            textsAt(dataOf(frame), 'subscriptionIds').includes(id),
        );
        const data = gap === undefined ? undefined : dataOf(gap);
        if (gap === undefined)
          report.violate(`subscription ${id}: no gap followed the failed resume`, subscribed, completed);
        else if (textAt(data, 'reason') !== textAt(recovery, 'reason'))
          report.violate(`subscription ${id}: \`subscribed\` and \`gap\` have different reasons`, subscribed, gap);
        else if (after !== undefined && !equal(member(data, 'from'), { ...after }))
          report.violate(`subscription ${id}: the gap does not begin at the requested position`, subscribed, gap);
        else if (!equal(member(data, 'to'), { ...position }))
          report.violate(`subscription ${id}: the gap does not end at the position in \`subscribed\``, subscribed, gap);
      }
  },
};
