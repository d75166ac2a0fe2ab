/**
 * The replay of a subscription to many streams. All streams belong to one replay, and are replayed one after another (MUL-4, MUL-5, MUL-7).
 */
import type { PushMessage, Recovery, SubscribeData, SubscribedData } from '../../generated/types.ts';
import { MAX_POSITIONS, positionMessages } from '../delivery/position-messages.ts';
import type { StreamPosition } from '../replay/record.ts';
import { eventPrefix } from '../wire/codec.ts';
import type { FinishedPlans, ManyStreamPlans, Preparation } from './many-stream-plans.ts';
import { countGaps, failedResume, streamItems } from './stream-replay.ts';
import type { ReplayItem, Selection, StreamPlan } from './stream-replay.ts';

/** The planned replay of a subscription. The snapshots of its streams have been taken. */
export interface Planned {
  readonly reply: Pick<SubscribedData, 'stream' | 'streams' | 'position' | 'recovery'>;
  readonly gaps: readonly PushMessage[];
  /** Starts the replay by adding it to the send queue. */
  readonly begin: () => void;
}

/** Creates the reply. Streams that have changed since they were planned are planned again (MUL-7). */
export function finishMany(
  plans: ManyStreamPlans,
  { data, selection }: Pick<Preparation, 'data' | 'selection'>,
): Planned {
  const finished = plans.finish();
  const planned = [...finished.plans, ...finished.ended];
  const failed = planned.filter(({ gap }) => gap !== undefined);
  return {
    reply: { streams: [...selection.subscription.selectors], recovery: recoveryOf(data, failed) },
    gaps: [],
    begin: () => {
      for (const each of planned) if (each.gap === undefined) countGaps(selection, each);
      if (failed.length > 0) sendGaps(selection, failed);
      sendReplays(selection, finished);
    },
  };
}

/**
 * Adds the gaps of failed resumes to the send queue. There may be one gap for each of many streams. Therefore the gaps are sent like a
 * replay, whose items are built only when the socket accepts them.
 */
function sendGaps(selection: Selection, failed: readonly StreamPlan[]): void {
  const { subscription } = selection;
  const gaps = new FailedResumes(selection, failed);
  subscription.session.outlet.sendReplay({
    after: undefined,
    waiting: () => gaps.waiting(),
    prefix: eventPrefix([subscription.id], 'warm'),
    reason: 'warm',
    pending: [],
    items: gaps.items(),
  });
}

/** The gaps of the resumes that failed. */
class FailedResumes {
  readonly #selection: Selection;
  readonly #failed: readonly StreamPlan[];
  #written = 0;

  constructor(selection: Selection, failed: readonly StreamPlan[]) {
    this.#selection = selection;
    this.#failed = failed;
  }

  /**
   * For each gap that is not written yet, the position from which the client resumed. A heartbeat that is written before the gap reports
   * this position (CON-7).
   */
  *waiting(): Generator<StreamPosition> {
    for (const { stream, gap } of this.#failed.slice(this.#written))
      if (gap !== undefined) yield { stream, ...gap.from };
  }

  *items(): Generator<ReplayItem, void, void> {
    for (const [at, plan] of this.#failed.entries()) {
      yield* failedResume(this.#selection.subscription, plan);
      countGaps(this.#selection, plan);
      this.#written = at + 1;
    }
  }
}

function recoveryOf({ replay }: SubscribeData, [failed]: readonly StreamPlan[]): Recovery {
  if (replay?.mode !== 'resume') return { attempted: false };
  return failed === undefined ? { attempted: true, recovered: true } : failed.recovery;
}

/**
 * Adds the replay of all streams to the send queue. Resumed streams and warm pictures are separate items of the queue, because their frames
 * have different prefixes. Resumed streams come first.
 */
function sendReplays(selection: Selection, finished: FinishedPlans): void {
  const { id, session } = selection.subscription;
  const { plans } = finished;
  const progress = { count: 0, startedAt: performance.now() };
  const [resumed, warm] = [plans.filter(isResumed), plans.filter((plan) => !isResumed(plan))];
  const queue = (own: readonly StreamPlan[], reason: 'warm' | 'resume', end: Iterable<ReplayItem>): void => {
    const replayed = new ReplayedStreams(selection, own);
    session.outlet.sendReplay({
      after: undefined,
      waiting: () => replayed.waiting(),
      prefix: eventPrefix([id], reason),
      reason,
      pending: own.map(({ pending }) => pending),
      items: streamsThenEnd(replayed, end, progress),
    });
  };
  if (resumed.length > 0) queue(resumed, 'resume', []);
  queue(warm, 'warm', endItems(selection, finished, progress));
}

/** The progress of a replay of many streams. */
interface Progress {
  /** Number of events that were sent so far. */
  count: number;
  readonly startedAt: number;
}

function* streamsThenEnd(
  replayed: ReplayedStreams,
  end: Iterable<ReplayItem>,
  progress: Progress,
): Generator<ReplayItem, void, void> {
  progress.count += yield* replayed.items();
  yield* end;
}

/** Yields the messages that follow the last event of a replay. */
function* endItems(
  { subscription, context }: Selection,
  { plans, ended }: FinishedPlans,
  progress: Readonly<Progress>,
): Generator<ReplayItem, void, void> {
  const { count, startedAt } = progress;
  const { id, session, replayMode } = subscription;
  yield* positionMessages(subscription, { ended: ended.map(({ stream }) => stream) });
  subscription.confirmed = true;
  session.outlet.framing.positionsFramed();
  if (replayMode === 'none') return;
  subscription.replayedAt = context.now();
  context.counters.countReplay({ kind: replayMode, events: count, ms: performance.now() - startedAt });
  const truncated = plans.some((each) => each.truncated);
  yield { type: 'replay_complete', data: { subscriptionId: id, count, truncated } };
}

function isResumed({ replayReason }: StreamPlan): boolean {
  return replayReason === 'resume';
}

/** Number of streams whose positions are reported in one message, after these streams have been replayed. */
const PORTION = MAX_POSITIONS;

/** Replays several streams, and tracks which of them are not started yet. */
class ReplayedStreams {
  readonly #selection: Selection;
  readonly #plans: readonly StreamPlan[];
  /** Number of streams whose replay has started. A stream without events counts as started when its turn comes. */
  #begun = 0;

  constructor(selection: Selection, plans: readonly StreamPlan[]) {
    this.#selection = selection;
    this.#plans = plans;
  }

  /** The positions of the streams that are not started yet. Each is the position before the first event of the stream's replay (CON-7). */
  *waiting(): Generator<StreamPosition> {
    for (const { stream, after } of this.#plans.slice(this.#begun)) yield { stream, ...after };
  }

  /** Yields the events of all streams and the messages with their positions. @returns the number of events */
  *items(): Generator<ReplayItem, number, void> {
    let events = 0;
    for (const [at, plan] of this.#plans.entries()) {
      const items = streamItems(this.#selection, plan);
      let next = items.next();
      for (; next.done !== true; next = items.next()) {
        if (next.value !== undefined && !('type' in next.value)) this.#begun = at + 1;
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
    return positionMessages(this.#selection.subscription, {
      positions: done.map(({ stream, position }) => ({ stream, ...position })),
    });
  }
}
