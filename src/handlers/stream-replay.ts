/** The replay of one stream for a new subscription. Many streams are replayed one after another (RPL-2, MUL-7). */
import type { PushMessage } from '../../generated/types.ts';
import { policiesOf } from '../catalogue/event-pattern.ts';
import type { EventRecord, KeptLoss, Snapshot } from '../replay/record.ts';
import type { Chosen } from '../replay/warm.ts';
import { planRecovery } from '../replay/recovery.ts';
import type { RecoveryFacts, RecoveryPlan, StreamRequest } from '../replay/recovery.ts';
import type { ReplayBlock } from '../session/session.ts';
import type { Subscription } from '../session/subscription.ts';
import { sourceGap, touchesDirectory } from '../subscriptions/directories.ts';
import { EventFacts } from '../subscriptions/event-facts.ts';
import { compileFilter } from '../subscriptions/filter.ts';
import { eventPrefix } from '../wire/codec.ts';
import type { HandlerContext } from './context.ts';

/** The plan for the replay of one stream. */
export interface StreamPlan extends RecoveryPlan {
  readonly stream: string;
}

/** An item of a replay. At an `undefined` item, the replay may pause, so that other connections are served. */
export type ReplayItem = EventRecord | ReplayBlock | PushMessage | undefined;

export interface PlanFacts {
  readonly stream: string;
  readonly snapshot: Snapshot;
  readonly request: StreamRequest;
}

/** Which events a subscription selects. This object is created once, and used for all streams of the subscription. */
export interface Selection extends Pick<RecoveryFacts, 'matches' | 'concerns' | 'table' | 'filtered' | 'policies'> {
  readonly subscription: Subscription;
  readonly context: HandlerContext;
}

export function selectionOf(subscription: Subscription, context: HandlerContext): Selection {
  const { catalogue, events } = context;
  const matches = compileFilter(subscription, catalogue);
  return {
    subscription,
    context,
    matches: (record) => matches(new EventFacts(record, catalogue)),
    concerns: (paths) => paths.some((path) => touchesDirectory(subscription, path)),
    table: events,
    filtered: Object.keys(subscription.filter).length > 0,
    policies: policiesOf(subscription.events, events),
  };
}

/** Plans the replay of one stream from its current state. */
export function planStream({ stream, snapshot, request }: PlanFacts, selection: Selection): StreamPlan {
  return { stream, ...planRecovery({ ...selection, snapshot, request }) };
}

/**
 * The gap to send if the resume of a stream failed; empty otherwise. If the subscription has only this stream, the gap must be written
 * together with `subscribed`, so that no heartbeat can be sent between the two (CON-7).
 */
export function failedResume({ id }: Subscription, { stream, gap }: StreamPlan): readonly PushMessage[] {
  return gap === undefined ? [] : [{ type: 'gap', data: { stream, subscriptionIds: [id], ...gap } }];
}

export function countGaps({ subscription, context: { counters } }: Selection, plan: RecoveryPlan): void {
  if (plan.gap === undefined && plan.losses.length === 0) return;
  const gaps = [
    ...(plan.gap === undefined ? [] : [plan.gap.reason]),
    ...plan.losses.map(() => 'source_overflow' as const),
  ];
  for (const reason of gaps) counters.countGap(reason);
  subscription.gaps += gaps.length;
  if (plan.gap !== undefined) counters.countFailedResume();
}

/**
 * The events to replay. The events of a resume come in encoded blocks, which equal subscriptions share. If a loss must be reported between
 * the events, blocks cannot be used.
 */
function chosenItems(
  { subscription: { id, session, events, filter }, matches, context }: Selection,
  { floor, pending, records, losses, position, replayReason, stream }: StreamPlan,
): Iterable<EventRecord | ReplayBlock | undefined> {
  if (floor === undefined || losses.length > 0) return records;
  const { framing } = session.outlet;
  return context.replayBlocks.choose({
    floor,
    pending,
    framing,
    key: JSON.stringify([framing.resumedKind, stream, position.epoch, id, replayReason, events, filter]),
    prefix: eventPrefix([id], replayReason),
    matches,
  });
}

/** Yields events, and counts them as replayed for the subscription. @returns the number of events */
export function* counted(subscription: Subscription, records: Chosen): Generator<ReplayItem, number, void> {
  let events = 0;
  for (const record of records) {
    if (record !== undefined) {
      events += 1;
      subscription.replayed += 1;
    }
    yield record;
  }
  return events;
}

/** Yields the events of a plan, and each source loss at its position (GAP-2). @returns the number of events */
export function* streamItems(selection: Selection, plan: StreamPlan): Generator<ReplayItem, number, void> {
  const { subscription } = selection;
  const losses = [...plan.losses];
  const gap = (loss: KeptLoss): PushMessage => ({
    type: 'gap',
    data: { ...sourceGap(plan.stream, loss), subscriptionIds: [subscription.id] },
  });
  let events = 0;
  for (const item of chosenItems(selection, plan)) {
    if (item !== undefined) {
      const [place, found] = 'frames' in item ? [item.last, item.events] : [item, 1];
      for (let loss = losses[0]; loss !== undefined && loss.sequenceId < place.sequenceId; loss = losses[0]) {
        losses.shift();
        yield gap(loss);
      }
      events += found;
      subscription.replayed += found;
    }
    yield item;
  }
  yield* losses.map(gap);
  return events;
}
