/**
 * The replay of a subscription to many streams. All streams belong to one replay, and are replayed one after another (MUL-4, MUL-5, MUL-7).
 */
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

/** A subscription whose replay is planned, after the snapshots of its streams were taken. */
export interface Planned {
  readonly reply: Pick<SubscribedData, 'stream' | 'streams' | 'position' | 'recovery'>;
  readonly gaps: readonly PushMessage[];
  /** Starts the replay by adding it to the send queue. */
  readonly begin: () => void;
}

export interface Preparation {
  readonly data: SubscribeData;
  readonly subscription: Subscription;
  readonly context: HandlerContext;
  /** Positions from the command whose streams had no events when the command arrived. These streams have been attached. */
  readonly absent: readonly StreamPosition[];
}

function positionsOf({ replay }: SubscribeData): readonly StreamPosition[] {
  return replay !== undefined && 'positions' in replay ? replay.positions : [];
}

/** Attaches the streams for which the client has a position, but which have no events. Their current epoch is needed for the gap. */
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

/**
 * The replay of one stream. With `resume`, a stream resumes after its own position; a stream without a position is replayed from its first
 * event (MUL-5).
 */
function requestFor(epoch: string, position: StreamPosition | undefined, { replay }: SubscribeData): StreamRequest {
  if (replay?.mode !== 'resume') return replay ?? { mode: 'warm' };
  const { epoch: after, sequenceId } = position ?? { epoch, sequenceId: 0 };
  return { mode: 'resume', after: { epoch: after, sequenceId } };
}

/** Plans the replay: takes the snapshots of all streams that exist at this moment. */
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

/**
 * Adds the replay of all streams to the send queue. Resumed streams and warm pictures are separate items of the queue, because their frames
 * begin differently. Resumed streams come first.
 */
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

/** Number of streams to replay before their positions are reported. Equals `maxItems` of `positions` in the contract. */
const PORTION = 256;

/** Replays several streams, and tracks which of them are not started yet. */
class ReplayedStreams {
  readonly #subscription: Subscription;
  readonly #plans: readonly StreamPlan[];
  readonly #context: HandlerContext;
  /** Number of streams whose replay has started. A stream without events counts as started when its turn comes. */
  #begun = 0;

  constructor(subscription: Subscription, plans: readonly StreamPlan[], context: HandlerContext) {
    this.#subscription = subscription;
    this.#plans = plans;
    this.#context = context;
  }

  /** The positions of the streams that are not started yet. Each is the position before the first event of the stream's replay (CON-7). */
  *waiting(): Generator<StreamPosition> {
    for (const { stream, after } of this.#plans.slice(this.#begun)) yield { stream, ...after };
  }

  /** Yields the events and the positions of all streams. @returns the number of events */
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
