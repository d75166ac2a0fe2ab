/**
 * The plans of a subscription to many streams (MUL-4, MUL-5, MUL-7). Planning ten thousand streams takes longer than other clients may wait,
 * so it is done in slices, ahead of the turn in which the subscription becomes live. In that turn only the streams are planned again that
 * have changed meanwhile.
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

/** The last turn may plan this many streams again. */
const FEW_STREAMS = 64;
/** Streams may change faster than they are planned, so this many rounds are made ahead, at most. */
const MOST_ROUNDS = 5;

export interface Preparation {
  readonly data: SubscribeData;
  readonly selection: Selection;
  /** Positions from the command whose streams had no events when the command arrived. These streams have been attached. */
  readonly absent: readonly StreamPosition[];
}

export interface FinishedPlans {
  /** Of the streams that have events. */
  readonly plans: readonly StreamPlan[];
  /** The streams without events, of which the client has a position. */
  readonly ended: readonly string[];
  /** Failed resumes of streams without events. */
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

  /** Plans all streams, as far as the time of each turn allows. */
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

  /** The changed streams that exist. The plans of all changed streams are forgotten. */
  #changed(): Iterable<FollowedStream> {
    const streams = this.#changes.take();
    for (const each of streams) this.#plans.delete(each);
    return this.#selection.context.broker.followed(streams);
  }

  /** Makes all plans agree with the streams of this moment. */
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

  /** Must be called if the plans are not finished. */
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
