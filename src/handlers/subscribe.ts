import type { Handlers } from '../../generated/handlers.ts';
import type { SubscribeData, SubscribedData } from '../../generated/types.ts';
import { permittedStreams } from '../auth/scope.ts';
import type { Filter } from '../catalogue/catalogue.ts';
import { normaliseEvents } from '../catalogue/event-pattern.ts';
import { hintsOf } from '../catalogue/near-miss.ts';
import { holdStreams, releaseStreams } from '../delivery/subscription-registry.ts';
import { ProtocolError } from '../errors.ts';
import type { Chosen } from '../replay/warm.ts';
import { Subscription } from '../session/subscription.ts';
import { filterBytes, filterCharacters, normaliseFilter } from '../subscriptions/filter.ts';
import type { FilterSpec } from '../subscriptions/filter.ts';
import { eventPrefix, livePrefix } from '../wire/codec.ts';
import { AbsentStreams } from './absent-streams.ts';
import type { HandlerContext } from './context.ts';
import { ManyStreamPlans } from './many-stream-plans.ts';
import { finishMany } from './many-streams.ts';
import type { Planned } from './many-streams.ts';
import { countGaps, counted, failedResume, planStream, selectionOf, streamItems } from './stream-replay.ts';
import type { ReplayItem, Selection, StreamPlan } from './stream-replay.ts';

function checkRoom(context: HandlerContext, id: string): void {
  const { session, limits } = context;
  if (session.subscriptions.has(id)) {
    throw new ProtocolError(
      'subscription_exists',
      `This connection already has a subscription ${JSON.stringify(id)}, which was not changed. Choose another subscriptionId.`,
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

/** The stream or selectors of the command. Selectors are limited to the streams that the client's scopes permit (MUL-1, MUL-2). */
function streamsOf(
  data: SubscribeData,
  { session, limits }: HandlerContext,
): Pick<Subscription, 'stream' | 'selectors'> {
  const { stream = 'main', streams, events, replay } = data;
  const refuse = (pointer: string, text: string): never => {
    throw new ProtocolError('invalid_message', text, { pointer });
  };
  if (streams === undefined) {
    if (replay !== undefined && 'positions' in replay)
      refuse('/data/replay/positions', '`positions` can only be used with `streams`; with `stream`, use `after`.');
    return { stream, selectors: [stream] };
  }
  if (data.stream !== undefined) refuse('/data/streams', 'Name either `stream` or `streams`, not both.');
  if (replay !== undefined && 'after' in replay)
    refuse(
      '/data/replay/after',
      'One position cannot resume several streams; send `positions`, with a position for each stream.',
    );
  const selectors = permittedStreams(streams, events, session.principal.scopes);
  const maximum = limits.streamsPerSubscription;
  if (streams.length > maximum || selectors.length > maximum)
    throw new ProtocolError(
      'limit_exceeded',
      `A subscription may name at most ${maximum} streams and patterns; this one would have ${Math.max(streams.length, selectors.length)}.`,
      { pointer: '/data/streams', details: { limit: 'streamsPerSubscription', maximum } },
    );
  return { stream: undefined, selectors };
}

/** Refuses the filter if it would exceed the memory limit of this connection, or of its principal on this node. */
function checkMemory(context: HandlerContext, spec: FilterSpec, bytes: number): void {
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
  if (!registry.filters.admits(session.principal.id, bytes))
    exceeded(
      'filterBytes',
      `${session.principal.id} has used up its share of this node's memory for subscriptions; unsubscribe from some first.`,
    );
}

/** Makes all checks that can refuse the subscription. The streams are attached only afterwards. */
function prepare(data: SubscribeData, context: HandlerContext): Subscription {
  const { session, limits, catalogue } = context;
  const id = data.subscriptionId ?? session.nextSubscriptionId();
  const streams = streamsOf(data, context);
  checkRoom(context, id);
  const events = normaliseEvents(data.events, limits);
  // The cast is safe: the validator accepts all fields of the catalogue, but the generated type only knows those of the stock contract.
  const asked = (data.filter ?? {}) as Filter;
  const filter = normaliseFilter({ events, filter: asked, limits, catalogue });
  // The index stores the subscription once for each selector, so it needs this memory once for each selector.
  const bytes = filterBytes({ events, filter }) * streams.selectors.length;
  checkMemory(context, { events, filter }, bytes);
  return new Subscription({
    id,
    session,
    ...streams,
    events,
    filter,
    replayMode: data.replay?.mode ?? 'warm',
    livePrefix: livePrefix(id),
    bytes,
    createdAt: context.now(),
  });
}

/** Takes the snapshot of a single stream, and plans its replay. */
function planOne(stream: string, data: SubscribeData, selection: Selection): Planned {
  const { replay = { mode: 'warm' } } = data;
  if ('positions' in replay) throw new Error('`positions` with `stream` should have been refused earlier.');
  const { subscription, context } = selection;
  const plan = planStream({ stream, snapshot: context.broker.snapshot(stream), request: replay }, selection);
  const { position, recovery } = plan;
  return {
    reply: { stream, position, recovery },
    gaps: failedResume(subscription, plan),
    begin: () => {
      countGaps(selection, plan);
      sendReplay(selection, plan);
    },
  };
}

function sendReplay(selection: Selection, plan: StreamPlan): void {
  const { id, session, replayMode } = selection.subscription;
  if (replayMode === 'none') return;
  const { stream, after, replayReason } = plan;
  const startedAt = performance.now();
  const picture = sendPicture(selection.subscription, plan);
  session.outlet.sendReplay({
    after: { stream, ...after },
    prefix: eventPrefix([id], replayReason),
    reason: replayReason,
    pending: [plan.pending],
    items: replayItems(selection, plan, { picture, startedAt }),
  });
}

/** How many events of one part of a replay were sent so far. */
interface Sent {
  count: number;
}

/**
 * Yields the replay of one stream, and `replay_complete`. Generators of replays must not be functions within functions: V8 creates a hidden
 * class for each such function, and what the function refers to (here the events of the replay) then stays in memory until the next full
 * garbage collection.
 */
function* replayItems(
  selection: Selection,
  plan: StreamPlan,
  { picture, startedAt }: { readonly picture: Sent; readonly startedAt: number },
): Generator<ReplayItem, void, void> {
  const { subscription, context } = selection;
  const { position, replayReason, truncated } = plan;
  const count = picture.count + (yield* streamItems(selection, plan));
  subscription.replayedAt = context.now();
  context.counters.countReplay({ kind: replayReason, events: count, ms: performance.now() - startedAt });
  yield { type: 'replay_complete', data: { subscriptionId: subscription.id, position, count, truncated } };
}

/**
 * Queues the part of the warm picture that comes before a resume (RPL-7). It is queued as a separate replay, because its frames have
 * another prefix.
 * @returns an object whose `count` is the number of events that were sent
 */
function sendPicture(subscription: Subscription, { picture, stream, after: { epoch } }: StreamPlan): Readonly<Sent> {
  const sent = { count: 0 };
  if (picture === undefined) return sent;
  subscription.session.outlet.sendReplay({
    after: { stream, epoch, sequenceId: 0 },
    prefix: eventPrefix([subscription.id], 'warm'),
    reason: 'warm',
    pending: [picture.pending],
    items: pictureItems(subscription, picture.records, sent),
  });
  return sent;
}

function* pictureItems(subscription: Subscription, picture: Chosen, sent: Sent): Generator<ReplayItem, void, void> {
  sent.count += yield* counted(subscription, picture);
}

/** A subscription whose streams are attached or followed, but which is not live yet. */
interface Ready {
  /** Takes the snapshots of the streams, and plans the replay. */
  readonly plan: () => Planned;
  /** Ends the planning: releases the streams that were attached only for the planning, and stops tracking changes. */
  readonly endPlanning: () => void;
}

async function readyMany(data: SubscribeData, selection: Selection): Promise<Ready> {
  const absent = new AbsentStreams(selection.context);
  await absent.attach(data, selection.subscription);
  const plans = new ManyStreamPlans({ data, selection, absent });
  const endPlanning = (): void => {
    plans.stop();
    void absent.release();
  };
  try {
    await plans.planAhead();
  } catch (error) {
    endPlanning();
    throw error;
  }
  return { plan: () => finishMany(plans, { data, selection }), endPlanning };
}

async function makeReady(data: SubscribeData, selection: Selection): Promise<Ready> {
  const { subscription, context } = selection;
  const { stream } = subscription;
  await holdStreams(context.broker, subscription);
  if (stream !== undefined) return { plan: () => planOne(stream, data, selection), endPlanning: () => undefined };
  try {
    return await readyMany(data, selection);
  } catch (error) {
    releaseStreams(context.broker, subscription);
    throw error;
  }
}

/**
 * Subscribes to one stream or to many. The router calls `data` and `afterReply` in the same turn of the event loop. In this turn, the
 * snapshots are taken, the replay is queued and live delivery begins. Therefore no event is lost or sent twice between replay and live
 * delivery (RPL-2).
 */
export const subscribe: Handlers<HandlerContext>['subscribe'] = async (data, context) => {
  const subscription = prepare(data, context);
  const { broker, registry, catalogue } = context;
  const { plan, endPlanning } = await makeReady(data, selectionOf(subscription, context));
  let planned: Planned | undefined;
  let holder: 'command' | 'subscription' = 'command';
  return {
    data: (): SubscribedData => {
      planned = plan();
      subscription.recovery = planned.reply.recovery;
      registry.open(subscription);
      holder = 'subscription';
      endPlanning();
      const { id: subscriptionId, events, filter } = subscription;
      const hints = hintsOf(data.events, catalogue, (at) => `/data/events/${at}`);
      return { subscriptionId, events: [...events], filter, ...planned.reply, ...hints };
    },
    companions: () => planned?.gaps ?? [],
    onWritten: () => {
      if (subscription.stream !== undefined) subscription.confirmed = true;
    },
    abandon: () => {
      if (holder === 'subscription') return registry.end(subscription);
      endPlanning();
      releaseStreams(broker, subscription);
    },
    afterReply: () => planned?.begin(),
  };
};
