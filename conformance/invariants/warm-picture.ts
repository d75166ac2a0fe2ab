import type { ReplaySpec } from '../../generated/protocol.ts';
import { isDeclared, specOf } from '../filters/declared-events.ts';
import { wants } from '../filters/filter.ts';
import type { Invariant } from '../trace/finding.ts';
import { asText, member, textAt, valueAt } from '../trace/json.ts';
import type { Json } from '../trace/json.ts';
import type { StreamSubscription, SeenEvent } from '../trace/reading.ts';
import { dataOf } from '../trace/reading.ts';
import { knownEvents, isActiveAt, streamKey } from '../trace/queries.ts';

/**
 * The replay policy that applies to an event. An operator may have changed the policy of the contract; `welcome` reports
 * the change.
 */
function replayOf(event: string, welcome: Json | undefined): ReplaySpec {
  const spec = specOf(event).replay;
  const reported = textAt(member(member(welcome, 'features'), 'replay'), isDeclared(event) ? event : '*');
  return reported === undefined || reported === spec.policy
    ? spec
    : { ...spec, policy: reported as ReplaySpec['policy'] };
}

/**
 * The events up to the position of the subscription, as far back as the connections received every event. Earlier events can
 * add other events to a warm replay, but cannot remove these events.
 */
function seenPast(
  subscription: StreamSubscription,
  known: ReadonlyMap<number, SeenEvent> | undefined,
): readonly SeenEvent[] {
  const past: SeenEvent[] = [];
  for (let number = subscription.position.sequenceId; number > 0; number -= 1) {
    const event = known?.get(number);
    if (event === undefined) break;
    past.push(event);
  }
  return past.toReversed();
}

function picture(subscription: StreamSubscription, past: readonly SeenEvent[]): readonly SeenEvent[] {
  const { welcome } = subscription.connection;
  const kept = new Map<string, SeenEvent>();
  for (const event of past) {
    const { policy, key, keySpace, clears } = replayOf(event.event, welcome);
    if (policy === 'none') continue;
    const data = { payload: event.payload, source: event.source };
    const slot =
      policy === 'log'
        ? `log ${event.sequenceId}`
        : policy === 'latest'
          ? `latest ${event.event}`
          : `key ${keySpace ?? event.event} ${asText(valueAt(data, key ?? ''))}`;
    if (clears === true) kept.delete(slot);
    else if (wants(subscription, event)) kept.set(slot, event);
  }
  return [...kept.values()].toSorted((a, b) => a.sequenceId - b.sequenceId);
}

/**
 * Compares a warm replay with the events that it must contain, as far back as the trace shows the stream without holes.
 */
export const warmPicture: Invariant = {
  id: 'invariants/warm-picture',
  clauses: ['RPL-3', 'RPL-1'],
  why: 'A warm replay contains exactly the events that the replay policies select from the past of the stream.',
  check: (reading, report) => {
    const known = knownEvents(reading);
    for (const { subscriptions, events } of reading.connections)
      for (const subscription of subscriptions) {
        const { completed, mode, position } = subscription;
        const isWarm = mode === 'warm' || member(subscription.recovery, 'recovered') === false;
        if (!isWarm || completed === undefined || member(dataOf(completed), 'truncated') === true) continue;
        const past = seenPast(subscription, known.get(streamKey(subscription.stream, position.epoch)));
        const [oldest] = past;
        if (oldest === undefined) continue;
        report.fire();
        const wanted = new Map(picture(subscription, past).map((each) => [each.sequenceId, each]));
        for (const each of events) {
          if (
            !each.isReplay ||
            !each.subscriptionIds.includes(subscription.id) ||
            !isActiveAt(subscription, each.frame.n)
          )
            continue;
          if (!wanted.delete(each.sequenceId) && each.sequenceId >= oldest.sequenceId)
            report.violate(
              `subscription ${subscription.id}: event ${each.sequenceId} (${each.event}) does not belong to the warm picture`,
              subscription.subscribed,
              each.frame,
            );
        }
        for (const missing of wanted.values())
          report.violate(
            `subscription ${subscription.id}: event ${missing.sequenceId} (${missing.event}) is missing from the warm picture`,
            missing.frame,
            subscription.subscribed,
            completed,
          );
      }
  },
};
