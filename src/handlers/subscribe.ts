import type { Handlers } from '../../generated/handlers.ts';
import type { PushMessage, SubscribeData, SubscribedData } from '../../generated/types.ts';
import type { Filter } from '../catalogue/catalogue.ts';
import { eventPrefix } from '../wire/codec.ts';
import { ProtocolError } from '../errors.ts';
import type { EventRecord, KeptLoss } from '../replay/record.ts';
import { planRecovery } from '../replay/recovery.ts';
import type { RecoveryPlan } from '../replay/recovery.ts';
import { EventFacts } from '../subscriptions/event-facts.ts';
import { compileFilter, filterBytes, filterCharacters, normaliseFilter } from '../subscriptions/filter.ts';
import type { FilterSpec } from '../subscriptions/filter.ts';
import { sourceGap, touchesDirectory } from '../subscriptions/directories.ts';
import { normaliseEvents, policiesOf } from '../catalogue/event-pattern.ts';
import { hintsOf } from '../catalogue/near-miss.ts';
import type { ReplayBlock } from '../session/session.ts';
import { Subscription } from '../session/subscription.ts';
import type { HandlerContext } from './context.ts';

function checkRoom(context: HandlerContext, id: string): void {
  const { session, limits } = context;
  if (session.subscriptions.has(id)) {
    throw new ProtocolError(
      'subscription_exists',
      `This connection already has a subscription ${JSON.stringify(id)}; that one is unchanged. Choose another subscriptionId.`,
      { pointer: '/data/subscriptionId' },
    );
  }
  if (session.subscriptions.size >= limits.subscriptionsPerConnection) {
    const maximum = limits.subscriptionsPerConnection;
    throw new ProtocolError(
      'limit_exceeded',
      `A connection may have at most ${maximum} subscriptions; unsubscribe from one first.`,
      {
        details: { limit: 'subscriptionsPerConnection', maximum },
      },
    );
  }
}

/** Refuses a filter for which this connection, or its principal on this node, has no memory left. */
function checkMemory(context: HandlerContext, spec: FilterSpec): void {
  const { session, limits, registry } = context;
  const characters = [...session.subscriptions.values(), spec].reduce(
    (sum, each) => sum + filterCharacters(each.filter),
    0,
  );
  const exceeded = (limit: 'filterCharactersPerConnection' | 'filterBytes', text: string): never => {
    throw new ProtocolError('limit_exceeded', text, {
      pointer: '/data/filter',
      details: { limit, maximum: limits[limit] },
    });
  };
  if (characters > limits.filterCharactersPerConnection)
    exceeded(
      'filterCharactersPerConnection',
      `The filters of a connection may have at most ${limits.filterCharactersPerConnection} characters in total; with this one they would have ${characters}.`,
    );
  if (!registry.filters.admits(session.principal.id, filterBytes(spec)))
    exceeded(
      'filterBytes',
      `${session.principal.id} has used up its share of this node's memory for subscriptions; unsubscribe from some first.`,
    );
}

/** Makes every check that can refuse the subscription, before the stream is attached. */
function prepare(data: SubscribeData, context: HandlerContext): Subscription {
  const { session, limits, catalogue } = context;
  const id = data.subscriptionId ?? session.nextSubscriptionId();
  const stream = data.stream ?? 'main';
  checkRoom(context, id);
  const events = normaliseEvents(data.events, limits);
  // The validator accepts only fields of the catalogue; the generated type knows only those of the stock contract.
  const asked = (data.filter ?? {}) as Filter;
  const filter = normaliseFilter({ events, filter: asked, limits, catalogue });
  checkMemory(context, { events, filter });
  return new Subscription({
    id,
    session,
    stream,
    events,
    filter,
    replayMode: data.replay?.mode ?? 'warm',
    livePrefix: eventPrefix([id]),
    bytes: filterBytes({ events, filter }),
    createdAt: context.now(),
  });
}

function count({ counters }: HandlerContext, subscription: Subscription, plan: RecoveryPlan): void {
  const gaps = [
    ...(plan.gap === undefined ? [] : [plan.gap.reason]),
    ...plan.losses.map(() => 'source_overflow' as const),
  ];
  for (const reason of gaps) counters.countGap(reason);
  subscription.gaps += gaps.length;
  if (plan.gap !== undefined) counters.countFailedResume();
}

/** The gap of a failed resume. It is written together with `subscribed`, so that no heartbeat comes between the two (CON-7). */
function failedResume({ id, stream }: Subscription, { gap }: RecoveryPlan): readonly PushMessage[] {
  return gap === undefined ? [] : [{ type: 'gap', data: { stream, subscriptionIds: [id], ...gap } }];
}

/** The chosen events. Those of a resume come in blocks that equal subscriptions share, unless a loss must be reported between them. */
function chosenItems(
  { id, session, stream, events, filter }: Subscription,
  { run, records, losses, position, replayReason }: RecoveryPlan,
  { catalogue, replayBlocks }: HandlerContext,
): Iterable<EventRecord | ReplayBlock | undefined> {
  if (run === undefined || losses.length > 0) return records;
  const matches = compileFilter({ events, filter }, catalogue);
  const { framing } = session.outlet;
  return replayBlocks.choose({
    ...run,
    framing,
    key: JSON.stringify([framing.kind, stream, position.epoch, id, replayReason, events, filter]),
    prefix: eventPrefix([id], replayReason),
    matches: (record) => matches(new EventFacts(record, catalogue)),
  });
}

/** The messages after `subscribed`: the replay, with each source loss at its position (GAP-2), and `replay_complete` (RPL-2). */
function* replayItems(
  subscription: Subscription,
  plan: RecoveryPlan,
  context: HandlerContext,
): Generator<EventRecord | ReplayBlock | PushMessage | undefined, void, void> {
  const { counters, now } = context;
  const { id, stream } = subscription;
  const startedAt = performance.now();
  const losses = [...plan.losses];
  const gap = (loss: KeptLoss): PushMessage => ({
    type: 'gap',
    data: { ...sourceGap(stream, loss), subscriptionIds: [id] },
  });
  let events = 0;
  for (const item of chosenItems(subscription, plan, context)) {
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
  subscription.replayedAt = now();
  counters.countReplay({ kind: plan.replayReason, events, ms: performance.now() - startedAt });
  const { position, truncated } = plan;
  yield { type: 'replay_complete', data: { subscriptionId: id, position, count: events, truncated } };
}

function sendReplay(subscription: Subscription, plan: RecoveryPlan, context: HandlerContext): void {
  const { id, session, stream } = subscription;
  if (subscription.replayMode === 'none') return;
  session.outlet.sendReplay({
    after: { stream, ...plan.after },
    prefix: eventPrefix([id], plan.replayReason),
    reason: plan.replayReason,
    items: replayItems(subscription, plan, context),
  });
}

/**
 * Subscribes to a stream. The router calls `data` and `afterReply` in one tick: in it the snapshot is taken, the replay is queued
 * and live delivery starts, so that no event is lost or sent twice between replay and live (RPL-2).
 */
export const subscribe: Handlers<HandlerContext>['subscribe'] = async (data, context) => {
  const subscription = prepare(data, context);
  const { broker, registry } = context;
  const { stream } = subscription;
  await broker.attach(stream);
  try {
    await broker.sync(stream);
  } catch (error) {
    broker.detach(stream);
    throw error;
  }
  const { catalogue } = context;
  const matches = compileFilter(subscription, catalogue);
  let plan: RecoveryPlan | undefined;
  let holder: 'command' | 'subscription' = 'command';
  return {
    data: (): SubscribedData => {
      plan = planRecovery({
        snapshot: broker.snapshot(stream),
        request: data.replay ?? { mode: 'warm' },
        matches: (record) => matches(new EventFacts(record, catalogue)),
        concerns: (paths) => paths.some((path) => touchesDirectory(subscription, path)),
        table: context.events,
        filtered: Object.keys(subscription.filter).length > 0,
        policies: policiesOf(subscription.events, context.events),
      });
      subscription.recovery = plan.recovery;
      registry.open(subscription);
      holder = 'subscription';
      const { id: subscriptionId, events, filter } = subscription;
      const { position, recovery } = plan;
      const hints = hintsOf(data.events, catalogue, (at) => `/data/events/${at}`);
      return { subscriptionId, stream, events: [...events], filter, position, recovery, ...hints };
    },
    companions: () => (plan === undefined ? [] : failedResume(subscription, plan)),
    onWritten: () => {
      subscription.confirmed = true;
    },
    abandon: () => (holder === 'command' ? broker.detach(stream) : registry.end(subscription)),
    afterReply: () => {
      if (plan === undefined) return;
      count(context, subscription, plan);
      sendReplay(subscription, plan, context);
    },
  };
};
