/** The replay of a subscription to many streams: all of them in one replay, one after the other (MUL-4, MUL-5, MUL-7). */
import type { PushMessage, Recovery, SubscribeData, SubscribedData } from '../../generated/types.ts';
import type { Broker } from '../broker/broker.ts';
import { selects } from '../broker/stream-selectors.ts';
import type { StreamPosition } from '../replay/record.ts';
import type { StreamRequest } from '../replay/recovery.ts';
import type { Subscription } from '../session/subscription.ts';
import { compileFilter } from '../subscriptions/filter.ts';
import { eventPrefix } from '../wire/codec.ts';
import type { HandlerContext } from './context.ts';
import { countGaps, failedResume, planStream, positionMessages, streamItems } from './stream-replay.ts';
import type { ReplayItem, StreamPlan } from './stream-replay.ts';

/** A subscription whose snapshots have been taken. */
export interface Planned {
  readonly reply: Pick<SubscribedData, 'stream' | 'streams' | 'position' | 'recovery'>;
  readonly gaps: readonly PushMessage[];
  /** Queues the replay. */
  readonly begin: () => void;
}

export interface Preparation {
  readonly data: SubscribeData;
  readonly subscription: Subscription;
  readonly context: HandlerContext;
  /** Positions of streams that had no events when the command arrived; the streams are attached. */
  readonly absent: readonly StreamPosition[];
}

function positionsOf({ replay }: SubscribeData): readonly StreamPosition[] {
  return replay !== undefined && 'positions' in replay ? replay.positions : [];
}

/** Attaches the streams that the client has a position of and that have no events: the gap needs their epoch. */
export async function attachAbsent(
  data: SubscribeData,
  subscription: Subscription,
  broker: Broker,
): Promise<readonly StreamPosition[]> {
  const positions = new Map(positionsOf(data).map((each) => [each.stream, each]));
  const absent = [...positions.values()].filter(
    ({ stream }) => selects(subscription.selectors, stream) && (broker.headOf(stream)?.sequenceId ?? 0) === 0,
  );
  await Promise.all(absent.map(({ stream }) => broker.attach(stream)));
  return absent;
}

/** Each stream resumes after its own position; a stream without one, from before its first event (MUL-5). */
function requestFor(epoch: string, position: StreamPosition | undefined, { replay }: SubscribeData): StreamRequest {
  if (replay?.mode !== 'resume') return replay ?? { mode: 'warm' };
  const { epoch: after, sequenceId } = position ?? { epoch, sequenceId: 0 };
  return { mode: 'resume', after: { epoch: after, sequenceId } };
}

/** Takes the snapshots of all streams that exist now. */
export function planMany({ data, subscription, context, absent }: Preparation): Planned {
  const { broker, catalogue } = context;
  const matches = compileFilter(subscription, catalogue);
  const positions = new Map(positionsOf(data).map((each) => [each.stream, each]));
  const options = { subscription, matches, context };
  const plans: StreamPlan[] = [];
  for (const { stream, snapshot } of broker.followed(subscription.selectors)) {
    const request = requestFor(snapshot.head.epoch, positions.get(stream), data);
    plans.push(planStream({ stream, snapshot, request }, options));
  }
  const ended: string[] = [];
  const gone: StreamPlan[] = [];
  for (const { stream } of absent) {
    const snapshot = broker.snapshot(stream);
    if (snapshot.head.sequenceId > 0) continue;
    ended.push(stream);
    const request = requestFor(snapshot.head.epoch, positions.get(stream), data);
    const plan = planStream({ stream, snapshot, request }, options);
    if (plan.gap !== undefined) gone.push(plan);
  }
  const failed = [...plans, ...gone].filter(({ gap }) => gap !== undefined);
  return {
    reply: { streams: [...subscription.selectors], recovery: recoveryOf(data, failed) },
    gaps: failed.flatMap((each) => failedResume(subscription, each)),
    begin: () => {
      for (const each of [...plans, ...gone]) countGaps(context, subscription, each);
      sendReplays({ subscription, plans, ended, context });
    },
  };
}

function recoveryOf({ replay }: SubscribeData, [failed]: readonly StreamPlan[]): Recovery {
  if (replay?.mode !== 'resume') return { attempted: false };
  return failed === undefined ? { attempted: true, recovered: true } : failed.recovery;
}

interface Replays {
  readonly subscription: Subscription;
  readonly plans: readonly StreamPlan[];
  readonly ended: readonly string[];
  readonly context: HandlerContext;
}

/** Queues the replay of all streams: those resumed first, because the frames of warm pictures begin differently. */
function sendReplays({ subscription, plans, ended, context }: Replays): void {
  const { id, session, replayMode } = subscription;
  const { counters, now } = context;
  const startedAt = performance.now();
  const [resumed, warm] = [plans.filter(isResumed), plans.filter((plan) => !isResumed(plan))];
  const begun = { count: 0 };
  const finish = function* (): Generator<ReplayItem, void, void> {
    yield* positionMessages(subscription, { positions: [], ended });
    subscription.confirmed = true;
    if (replayMode === 'none') return;
    subscription.replayedAt = now();
    counters.countReplay({ kind: replayMode, events: begun.count, ms: performance.now() - startedAt });
    const truncated = plans.some((each) => each.truncated);
    yield { type: 'replay_complete', data: { subscriptionId: id, count: begun.count, truncated } };
  };
  const queue = (own: readonly StreamPlan[], reason: 'warm' | 'resume', end: () => Iterable<ReplayItem>): void => {
    const replayed = new ReplayedStreams(subscription, own, context);
    session.outlet.sendReplay({
      after: undefined,
      waiting: () => replayed.waiting(),
      prefix: eventPrefix([id], reason),
      reason,
      items: (function* () {
        begun.count += yield* replayed.items();
        yield* end();
      })(),
    });
  };
  if (resumed.length > 0) queue(resumed, 'resume', () => []);
  queue(warm, 'warm', finish);
}

function isResumed({ replayReason }: StreamPlan): boolean {
  return replayReason === 'resume';
}

/** How many streams are replayed before their positions are reported: `maxItems` of `positions` in the contract. */
const PORTION = 256;

/** Replays several streams, and knows which of them wait. */
class ReplayedStreams {
  readonly #subscription: Subscription;
  readonly #plans: readonly StreamPlan[];
  readonly #context: HandlerContext;
  /** Streams of which an event has been taken, or that had none. */
  #begun = 0;

  constructor(subscription: Subscription, plans: readonly StreamPlan[], context: HandlerContext) {
    this.#subscription = subscription;
    this.#plans = plans;
    this.#context = context;
  }

  /** The position before the first event of each stream that waits (CON-7). */
  *waiting(): Generator<StreamPosition> {
    for (const { stream, after } of this.#plans.slice(this.#begun)) yield { stream, ...after };
  }

  /** The events and positions of all streams. Returns the number of events. */
  *items(): Generator<ReplayItem, number, void> {
    let events = 0;
    for (const [at, plan] of this.#plans.entries()) {
      const items = streamItems(this.#subscription, plan, this.#context);
      let next = items.next();
      for (; next.done !== true; next = items.next()) {
        if (next.value !== undefined && 'body' in next.value) this.#begun = at + 1;
        yield next.value;
      }
      events += next.value;
      this.#begun = at + 1;
      if ((at + 1) % PORTION === 0 || at + 1 === this.#plans.length) yield* this.#positions(at);
    }
    return events;
  }

  #positions(at: number): readonly PushMessage[] {
    const done = this.#plans.slice(at - (at % PORTION), at + 1);
    return positionMessages(this.#subscription, {
      positions: done.map(({ stream, position }) => ({ stream, ...position })),
    });
  }
}
