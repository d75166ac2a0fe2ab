import type { Invariant, Report } from '../trace/finding.ts';
import { member, numberAt, textAt } from '../trace/json.ts';
import type { StreamSubscription, SeenEvent } from '../trace/reading.ts';
import { dataOf, typeOf } from '../trace/reading.ts';
import { isActiveAt } from '../trace/queries.ts';

/** The reason that a replayed event must have. */
function reasonFor({ recovery, after, withPicture }: StreamSubscription, sequenceId: number): 'resume' | 'warm' {
  const inPicture = withPicture && after !== undefined && sequenceId <= after.sequenceId;
  return member(recovery, 'recovered') === true && !inPicture ? 'resume' : 'warm';
}

function judgeReplayed(subscription: StreamSubscription, replayed: readonly SeenEvent[], report: Report): void {
  const { id, completed, position, mode } = subscription;
  let before: SeenEvent | undefined;
  for (const event of replayed) {
    const { frame, sequenceId } = event;
    if (before !== undefined && sequenceId <= before.sequenceId)
      report.violate(
        `subscription ${id}: event ${sequenceId} was replayed after event ${before.sequenceId}`,
        before.frame,
        frame,
      );
    if (completed !== undefined && frame.n > completed.n)
      report.violate(`subscription ${id}: a replayed event came after replay_complete`, completed, frame);
    if (event.epoch === position.epoch && sequenceId > position.sequenceId)
      report.violate(
        `subscription ${id}: event ${sequenceId} was replayed, although it is after the position in subscribed`,
        subscription.subscribed,
        frame,
      );
    if (mode === 'none')
      report.violate(
        `subscription ${id}: events were replayed although no replay was requested`,
        subscription.subscribed,
        frame,
      );
    const reason = textAt(dataOf(frame), 'replayReason');
    const wanted = reasonFor(subscription, sequenceId);
    if (reason !== wanted)
      report.violate(
        `subscription ${id}: expected replay reason ${wanted}, got ${reason ?? 'none'}`,
        subscription.subscribed,
        frame,
      );
    before = event;
  }
}

function judgeLive(subscription: StreamSubscription, live: readonly SeenEvent[], report: Report): void {
  const { id, completed, position, mode, subscribed } = subscription;
  for (const { frame, sequenceId, epoch } of live) {
    if (mode !== 'none' && (completed === undefined || frame.n < completed.n))
      report.violate(`subscription ${id}: a live event came before \`replay_complete\``, subscribed, frame);
    if (epoch === position.epoch && sequenceId <= position.sequenceId)
      report.violate(
        `subscription ${id}: the live event ${sequenceId} is not after the position in subscribed`,
        subscribed,
        frame,
      );
  }
}

/** The order of a subscription: `subscribed`, replayed events, `replay_complete`, live events. */
export const replayCourse: Invariant = {
  id: 'invariants/replay-course',
  clauses: ['RPL-2', 'EVT-1'],
  why: 'Replayed events ascend, carry the reason of the replay, and come between subscribed and replay_complete. replay_complete counts them; live events follow.',
  check: ({ connections }, report) => {
    for (const { subscriptions, events, received } of connections)
      for (const subscription of subscriptions) {
        const mine = events.filter(
          (each) => each.subscriptionIds.includes(subscription.id) && isActiveAt(subscription, each.frame.n),
        );
        const replayed = mine.filter(({ isReplay }) => isReplay);
        const live = mine.filter(({ isReplay }) => !isReplay);
        if (subscription.mode !== 'none') report.fire();
        judgeReplayed(subscription, replayed, report);
        judgeLive(subscription, live, report);
        if (subscription.completed === undefined) continue;
        const counted = numberAt(dataOf(subscription.completed), 'count');
        if (counted !== replayed.length)
          report.violate(
            `subscription ${subscription.id}: replay_complete reports ${counted ?? 'no count'}, but ${replayed.length} events were replayed`,
            subscription.completed,
          );
        if (subscription.mode === 'none')
          report.violate(
            `subscription ${subscription.id}: replay_complete was sent without a replay`,
            subscription.subscribed,
            subscription.completed,
          );
        const completions = received.filter(
          (each) =>
            typeOf(each) === 'replay_complete' &&
            textAt(dataOf(each), 'subscriptionId') === subscription.id &&
            isActiveAt(subscription, each.n),
        );
        if (completions.length > 1)
          report.violate(`subscription ${subscription.id}: \`replay_complete\` was sent twice`, ...completions);
      }
  },
};
