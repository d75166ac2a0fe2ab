/**
 * Plans the replay of each stream of a subscription to many streams (MUL-4, MUL-5, MUL-7). Planning ten thousand streams at once would
 * block other clients for too long. Therefore the streams are planned in slices, before the turn of the event loop in which the
 * subscription becomes live. In that turn, only the streams that have changed in the meantime are planned again.
 */
import type { SubscribeData } from '../../generated/types.ts';
import type { FollowedStream } from '../broker/broker.ts';
import type { StreamChanges } from '../delivery/stream-changes.ts';
import type { StreamPosition } from '../replay/record.ts';
import type { StreamRequest } from '../replay/recovery.ts';
import { inSlices } from '../session/slices.ts';
import { positionsOf, slicesOf } from './absent-streams.ts';
import type { AbsentStreams } from './absent-streams.ts';
import { planStream } from './stream-replay.ts';
import type { Selection, StreamPlan } from './stream-replay.ts';

/** If more streams than this have changed, they are planned again in slices, before the turn in which the subscription becomes live. */
const FEW_STREAMS = 64;
/**
 * Maximum number of rounds of planning before that turn. There must be a limit, because streams may change faster than they are planned.
 */
const MOST_ROUNDS = 5;

export interface Preparation {
  readonly data: SubscribeData;
  readonly selection: Selection;
  /** The streams for which the command has a position, but which had no events when the command arrived. */
  readonly absent: AbsentStreams;
}

export interface FinishedPlans {
  /** The plans of the streams that have events. */
  readonly plans: readonly StreamPlan[];
  /** The plans of the streams for which the client has a position, but which have no events. */
  readonly ended: readonly StreamPlan[];
}

export class ManyStreamPlans {
  readonly #data: SubscribeData;
  readonly #selection: Selection;
  readonly #absent: AbsentStreams;
  readonly #positions: ReadonlyMap<string, StreamPosition>;
  readonly #plans = new Map<string, StreamPlan>();
  readonly #changes: StreamChanges;

  constructor({ data, selection, absent }: Preparation) {
    this.#data = data;
    this.#selection = selection;
    this.#absent = absent;
    this.#positions = positionsOf(data);
    this.#changes = selection.context.registry.watchStreams(selection.subscription.selectors);
  }

  /** Plans all streams. If the time of a turn of the event loop is used up, continues in a later turn. */
  async planAhead(): Promise<void> {
    const { context, subscription } = this.#selection;
    const { broker, session, turn } = context;
    await this.#planInSlices(broker.followed(subscription.selectors));
    await this.#planInSlices(this.#absent.blank());
    for (let round = 1; round < MOST_ROUNDS && this.#changes.size > FEW_STREAMS; round += 1)
      await this.#planInSlices(this.#changed());
    await turn.readmit(session);
  }

  async #planInSlices(streams: Iterable<FollowedStream>): Promise<void> {
    await inSlices(streams, slicesOf(this.#selection.context), (each) => this.#plan(each));
  }

  /** Forgets the plans of all changed streams. @returns those of the changed streams that must be planned again */
  *#changed(): Generator<FollowedStream> {
    const streams = this.#changes.take();
    for (const each of streams) this.#plans.delete(each);
    yield* this.#selection.context.broker.followed(streams);
    yield* this.#absent.blank(streams);
  }

  /** Completes the plans, so that they match the current state of all streams. */
  finish(): FinishedPlans {
    const { session, turn } = this.#selection.context;
    const measured = turn.measure();
    for (const each of this.#changed()) this.#plan(each);
    this.stop();
    const plans = [...this.#plans.values()];
    session.chargeWork(measured());
    return { plans: plans.filter((each) => !isBlank(each)), ended: plans.filter(isBlank) };
  }

  /** Stops tracking changes. Must be called if `finish` is not called. */
  stop(): void {
    this.#changes.stop();
  }

  #plan(followed: FollowedStream): void {
    this.#plans.set(followed.stream, this.#planOf(followed));
  }

  #planOf({ stream, snapshot }: FollowedStream): StreamPlan {
    return planStream({ stream, snapshot, request: this.#requestFor(stream, snapshot.head.epoch) }, this.#selection);
  }

  /**
   * The replay of one stream. With `resume`, a stream resumes after its own position; a stream without a position is replayed from its
   * first event (MUL-5).
   */
  #requestFor(stream: string, currentEpoch: string): StreamRequest {
    const { replay } = this.#data;
    if (replay?.mode !== 'resume') return replay ?? { mode: 'warm' };
    const { epoch, sequenceId } = this.#positions.get(stream) ?? { epoch: currentEpoch, sequenceId: 0 };
    return { mode: 'resume', after: { epoch, sequenceId } };
  }
}

/** Whether the stream has no events. */
function isBlank({ position }: StreamPlan): boolean {
  return position.sequenceId === 0;
}
