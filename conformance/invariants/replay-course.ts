import type { Invariant, Report } from '../trace/finding.ts';
import { member, numberAt, textAt } from '../trace/json.ts';
import type { Life, SeenEvent } from '../trace/reading.ts';
import { dataOf, typeOf } from '../trace/reading.ts';
import { livesAt } from '../trace/queries.ts';

/** The reason that a replayed event must have. */
function reasonFor({ recovery, after, withPicture }: Life, sequenceId: number): 'resume' | 'warm' {
  const inPicture = withPicture && after !== undefined && sequenceId <= after.sequenceId;
  return member(recovery, 'recovered') === true && !inPicture ? 'resume' : 'warm';
}

function judgeReplayed(life: Life, replayed: readonly SeenEvent[], report: Report): void {
  const { id, completed, position, mode } = life;
  let before: SeenEvent | undefined;
  for (const event of replayed) {
    const { frame, sequenceId } = event;
    if (before !== undefined && sequenceId <= before.sequenceId)
      report.violate(`${id}: replayed ${sequenceId} after ${before.sequenceId}`, before.frame, frame);
    if (completed !== undefined && frame.n > completed.n)
      report.violate(`${id}: a replayed event came after replay_complete`, completed, frame);
    if (event.epoch === position.epoch && sequenceId > position.sequenceId)
      report.violate(`${id}: replayed ${sequenceId}, which is after its position`, life.subscribed, frame);
    if (mode === 'none')
      report.violate(`${id}: events were replayed although no replay was requested`, life.subscribed, frame);
    const reason = textAt(dataOf(frame), 'replayReason');
    const wanted = reasonFor(life, sequenceId);
    if (reason !== wanted)
      report.violate(`${id}: expected replay reason ${wanted}, got ${reason ?? 'none'}`, life.subscribed, frame);
    before = event;
  }
}

function judgeLive(life: Life, live: readonly SeenEvent[], report: Report): void {
  const { id, completed, position, mode, subscribed } = life;
  for (const { frame, sequenceId, epoch } of live) {
    if (mode !== 'none' && (completed === undefined || frame.n < completed.n))
      report.violate(`${id}: a live event came before replay_complete`, subscribed, frame);
    if (epoch === position.epoch && sequenceId <= position.sequenceId)
      report.violate(
        `${id}: live event ${sequenceId} is not after the position of the subscription`,
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
    for (const { lives, events, received } of connections)
      for (const life of lives) {
        const mine = events.filter((each) => each.subscriptionIds.includes(life.id) && livesAt(life, each.frame.n));
        const replayed = mine.filter(({ isReplay }) => isReplay);
        const live = mine.filter(({ isReplay }) => !isReplay);
        if (life.mode !== 'none') report.fire();
        judgeReplayed(life, replayed, report);
        judgeLive(life, live, report);
        if (life.completed === undefined) continue;
        const counted = numberAt(dataOf(life.completed), 'count');
        if (counted !== replayed.length)
          report.violate(
            `${life.id}: replay_complete reports ${counted ?? 'no count'}, but ${replayed.length} events were replayed`,
            life.completed,
          );
        if (life.mode === 'none')
          report.violate(`${life.id}: replay_complete without a replay`, life.subscribed, life.completed);
        const completions = received.filter(
          (each) =>
            typeOf(each) === 'replay_complete' &&
            textAt(dataOf(each), 'subscriptionId') === life.id &&
            livesAt(life, each.n),
        );
        if (completions.length > 1) report.violate(`${life.id}: replay_complete was sent twice`, ...completions);
      }
  },
};
