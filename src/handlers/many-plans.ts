/**
 * The plans of the replays of a subscription to many streams (MUL-4, MUL-5, MUL-7). Planning ten thousand streams would block other clients
 * for too long. Therefore it is done in slices, before the turn of the event loop in which the subscription becomes live. In that turn,
 * only the streams that have changed in the meantime are planned again.
 */
import type { SubscribeData } from '../../generated/types.ts';
import type { Broker, FollowedStream } from '../broker/broker.ts';
import { selects } from '../broker/stream-selectors.ts';
import type { StreamChanges } from '../delivery/stream-changes.ts';
import type { StreamPosition } from '../replay/record.ts';
import type { StreamRequest } from '../replay/recovery.ts';
import type { Subscription } from '../session/subscription.ts';
import { planStream } from './stream-replay.ts';
import type { Selection, StreamPlan } from './stream-replay.ts';

/** Maximum number of streams that may be planned again in the last turn. */
const FEW_STREAMS = 64;
/**
 * Maximum number of rounds of planning before the last turn. There must be a limit, because streams may change faster than they are
 * planned.
 */
const MOST_ROUNDS = 5;

export interface Preparation {
  readonly data: SubscribeData;
  readonly selection: Selection;
  /** Positions from the command whose streams had no events when the command arrived. These streams have been attached. */
  readonly absent: readonly StreamPosition[];
}

export interface FinishedPlans {
  /** The plans of the streams that have events. */
  readonly plans: readonly StreamPlan[];
  /** The streams for which the client has a position, but which have no events. */
  readonly ended: readonly string[];
  /** The plans of streams without events whose resume fails. */
  readonly gone: readonly StreamPlan[];
}

function positionsOf({ replay }: SubscribeData): ReadonlyMap<string, StreamPosition> {
  const positions = replay !== undefined && 'positions' in replay ? replay.positions : [];
  return new Map(positions.map((each) => [each.stream, each]));
}

/** Attaches the streams for which the client has a position, but which have no events. Their current epoch is needed for the gap. */
export async function attachAbsent(
  data: SubscribeData,
  subscription: Subscription,
  broker: Broker,
): Promise<readonly StreamPosition[]> {
  const absent = [...positionsOf(data).values()].filter(
    ({ stream }) => selects(subscription.selectors, stream) && (broker.headOf(stream)?.sequenceId ?? 0) === 0,
  );
  const outcomes = await Promise.allSettled(absent.map(({ stream }) => broker.attach(stream)));
  const failed = outcomes.find(({ status }) => status === 'rejected');
  if (failed?.status !== 'rejected') return absent;
  for (const [at, { stream }] of absent.entries()) if (outcomes[at]?.status === 'fulfilled') broker.detach(stream);
  throw failed.reason;
}

export class ManyPlans {
  readonly #data: SubscribeData;
  readonly #selection: Selection;
  readonly #absent: readonly StreamPosition[];
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

  /** Plans all streams. Continues in later turns of the event loop if the time of a turn is used up. */
  async planAhead(): Promise<void> {
    const { broker, turn } = this.#selection.context;
    await this.#planInSlices(broker.followed(this.#selection.subscription.selectors));
    for (let round = 1; round < MOST_ROUNDS && this.#changes.size > FEW_STREAMS; round += 1)
      await this.#planInSlices(this.#changed());
    await turn.admit();
  }

  async #planInSlices(streams: Iterable<FollowedStream>): Promise<void> {
    const { session, turn } = this.#selection.context;
    let measured = turn.measure();
    for (const each of streams) {
      this.#plan(each);
      if (!turn.over) continue;
      session.chargeWork(measured());
      await turn.admit();
      if (session.closed) return;
      measured = turn.measure();
    }
    session.chargeWork(measured());
  }

  /** Forgets the plans of all changed streams. @returns those of the changed streams that still exist */
  #changed(): Iterable<FollowedStream> {
    const streams = this.#changes.take();
    for (const each of streams) this.#plans.delete(each);
    return this.#selection.context.broker.followed(streams);
  }

  /** Completes the plans, so that they match the current state of all streams. */
  finish(): FinishedPlans {
    const { session, turn, broker } = this.#selection.context;
    const measured = turn.measure();
    for (const each of this.#changed()) this.#plan(each);
    this.stop();
    const absent = this.#absent.map(({ stream }) => ({ stream, snapshot: broker.snapshot(stream) }));
    const ended = absent.filter(({ snapshot }) => snapshot.head.sequenceId === 0);
    const gone = ended.map((each) => this.#planOf(each)).filter(({ gap }) => gap !== undefined);
    session.chargeWork(measured());
    return { plans: [...this.#plans.values()], ended: ended.map(({ stream }) => stream), gone };
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
   * The replay of one stream. With `resume`, a stream resumes after its own position; a stream without a position is replayed from its first
   * event (MUL-5).
   */
  #requestFor(stream: string, currentEpoch: string): StreamRequest {
    const { replay } = this.#data;
    if (replay?.mode !== 'resume') return replay ?? { mode: 'warm' };
    const { epoch, sequenceId } = this.#positions.get(stream) ?? { epoch: currentEpoch, sequenceId: 0 };
    return { mode: 'resume', after: { epoch, sequenceId } };
  }
}
