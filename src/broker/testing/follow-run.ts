/**
 * Runs a random schedule of faults with a node that follows all session streams, on a real redis-server. Two other nodes publish. The
 * streams have a short TTL, so that they expire and appear again, even while the following node cannot reach Redis.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { UNKNOWN_POSITION } from '../broker.ts';
import type { EventRecord, PublishResult, StreamLoss } from '../broker.ts';
import type { StreamPosition } from '../../replay/record.ts';
import { randomFrom } from '../redis/fence/testing/explorer.ts';
import { publish } from './redis-nodes.ts';
import type { Node, RedisNodes } from './redis-nodes.ts';
import { RecordingListener } from './recording-listener.ts';
import type { TcpProxy } from './tcp-proxy.ts';

const STREAMS = ['session:a', 'session:b', 'session:c', 'session:d'] as const;
const KEYS = ['meta', 'log', 'latest', 'order', 'losses'] as const;
const TTL_MS = 400;
const STEPS = 40;
/** A time limit that only prevents a run from hanging. */
const PATIENCE_MS = 180_000;

interface Step {
  readonly name: string;
  readonly weight: number;
  readonly run: (stream: string) => Promise<unknown>;
}

/** An event that Redis has acknowledged. */
interface Published {
  readonly result: PublishResult;
  /** Serial number of the publish in its run. */
  readonly serial: number;
}

/** A report that events were lost. */
interface Report {
  /** Undefined if the report does not name the streams. */
  readonly loss: StreamLoss | undefined;
  /** The number of publishes that had begun when the report arrived. The report does not include events of later publishes. */
  readonly publishes: number;
  /** The number of events that the follower had received when the report arrived. */
  readonly received: number;
}

/** Records with each loss how many publishes had begun, and how many events were received. */
class FollowListener extends RecordingListener {
  readonly reports: Report[] = [];
  readonly #publishes: () => number;

  constructor(publishes: () => number) {
    super();
    this.#publishes = publishes;
  }

  override onLoss(loss: StreamLoss): void {
    this.#report(loss);
  }

  override onUnnamedLoss(): void {
    this.#report(undefined);
  }

  #report(loss: StreamLoss | undefined): void {
    this.reports.push({ loss, publishes: this.#publishes(), received: this.events.length });
  }
}

export class FollowRun {
  /** The names of the executed steps, so that a failed run can be reproduced. */
  readonly steps: string[] = [];
  readonly #nodes: RedisNodes;
  readonly #proxy: TcpProxy;
  readonly #random: () => number;
  readonly #acknowledged: Published[] = [];
  #publishes = 0;
  readonly #writers: Node[] = [];

  constructor(nodes: RedisNodes, proxy: TcpProxy, seed: number) {
    this.#nodes = nodes;
    this.#proxy = proxy;
    this.#random = randomFrom(seed);
  }

  /**
   * Executes the run. @returns a description of each fault: the following node lost an event without a report, received an event twice or
   * out of order, or received an event after the report of its loss
   */
  async violations(): Promise<readonly string[]> {
    const limits = { sessionTtlMs: TTL_MS };
    for (let n = 0; n < 2; n += 1) this.#writers.push(await this.#nodes.start({ limits }));
    const listener = new FollowListener(() => this.#publishes);
    const follower = await this.#nodes.start({ limits, port: this.#proxy.port, listener });
    await until(() => follower.broker.follow('session:*'), 'the follow to begin');
    const steps = this.#table();
    for (let n = 0; n < STEPS; n += 1) await this.#act(steps);
    this.#proxy.forward();
    for (const stream of STREAMS) await until(() => this.#arrives(stream, listener), `an event of ${stream}`);
    return judge(this.#acknowledged, listener);
  }

  #table(): readonly Step[] {
    const { redis, prefix } = this.#nodes;
    const key = (stream: string, name: string): string => `${prefix}:{${stream}}:${name}`;
    return [
      { name: 'publish', weight: 55, run: (stream) => this.#publish(stream) },
      {
        name: 'sever',
        weight: 8,
        run: async () => {
          this.#proxy.holdBack();
          this.#proxy.cut();
        },
      },
      { name: 'restore', weight: 10, run: async () => this.#proxy.forward() },
      { name: 'wait', weight: 12, run: () => delay(this.#random() * TTL_MS * 2) },
      { name: 'attach', weight: 2, run: (stream) => this.#attach(stream) },
      { name: 'drop subscriptions', weight: 3, run: () => redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub') },
      { name: 'lose state', weight: 2, run: (stream) => redis.command('DEL', key(stream, 'meta')) },
      { name: 'delete', weight: 2, run: (stream) => redis.command('DEL', ...KEYS.map((name) => key(stream, name))) },
      { name: 'trim', weight: 2, run: (stream) => redis.command('XTRIM', key(stream, 'log'), 'MAXLEN', '0') },
      { name: 'lose index', weight: 2, run: () => redis.command('DEL', `${prefix}:streams`) },
      { name: 'lose everything', weight: 2, run: () => redis.command('FLUSHALL') },
      { name: 'forget scripts', weight: 1, run: () => redis.command('SCRIPT', 'FLUSH') },
    ];
  }

  async #act(steps: readonly Step[]): Promise<void> {
    let left = this.#random() * steps.reduce((sum, { weight }) => sum + weight, 0);
    const step = steps.find(({ weight }) => (left -= weight) < 0);
    const stream = STREAMS[Math.floor(this.#random() * STREAMS.length)];
    if (step === undefined || stream === undefined) return;
    this.steps.push(`${step.name} ${stream}`);
    await step.run(stream);
  }

  async #publish(stream: string): Promise<void> {
    const writer = this.#writers[Math.floor(this.#random() * this.#writers.length)];
    if (writer === undefined) return;
    for (let n = Math.floor(this.#random() * 4); n >= 0; n -= 1)
      await until(() => this.#acknowledge(writer, stream), `a publish on ${stream}`);
  }

  /** Publishes an event. @throws {Error} if it is not acknowledged */
  async #acknowledge(writer: Node, stream: string): Promise<PublishResult> {
    this.#publishes += 1;
    const serial = this.#publishes;
    const result = await publish(writer, stream);
    this.#acknowledged.push({ result, serial });
    return result;
  }

  async #attach(stream: string): Promise<void> {
    const [writer] = this.#writers;
    if (writer === undefined) return;
    await until(() => writer.broker.attach(stream), `${stream} to be attached`);
    writer.broker.detach(stream);
  }

  /** Publishes an event, and waits until the following node has received it. @throws {Error} if the event does not arrive in time */
  async #arrives(stream: string, { events }: RecordingListener): Promise<void> {
    const [writer] = this.#writers;
    if (writer === undefined) return;
    const result = await this.#acknowledge(writer, stream);
    const deadline = performance.now() + TTL_MS * 10;
    while (!events.some(({ eventId }) => eventId === result.eventId)) {
      if (performance.now() > deadline) throw new Error(`the event ${result.eventId} has not arrived`);
      await delay(20);
    }
  }
}

/** Repeats the step until it succeeds. @param what description of the step, for the error */
async function until<T>(step: () => Promise<T>, what: string): Promise<T> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await step();
    } catch (error) {
      if (performance.now() > deadline) throw new Error(`timed out waiting for ${what}`, { cause: error });
      await delay(20);
    }
  }
}

function judge(acknowledged: readonly Published[], { events, reports }: FollowListener): readonly string[] {
  const received = new Set(events.map(({ eventId }) => eventId));
  const missing = acknowledged.filter(({ result }) => !received.has(result.eventId));
  return [
    ...missing
      .filter(
        ({ result, serial }) =>
          !reports.some((report) => serial <= report.publishes && includes(report, result, events)),
      )
      .map(({ result }) => lostText(result)),
    ...repetitions(events),
    ...reports.flatMap(({ loss, received: before }) =>
      events
        .slice(before)
        .filter((event) => loss !== undefined && isWithin(loss, event))
        .map(({ stream, epoch, sequenceId }) => `${stream} ${epoch}/${sequenceId} came after it was reported as lost`),
    ),
  ];
}

/**
 * Whether the report covers the loss of the event. If the follower has received an event of the same epoch, the event must be between the
 * positions of the report. Otherwise, a report is enough if it names no stream, or if it names this stream and spans two epochs or starts
 * at an unknown position.
 */
function includes({ loss }: Report, result: PublishResult, events: readonly EventRecord[]): boolean {
  const { stream, epoch } = result;
  const isUnseen = !events.some((event) => event.stream === stream && event.epoch === epoch);
  if (loss === undefined) return isUnseen;
  const { from, to } = loss;
  if (stream !== loss.stream) return false;
  if (isUnseen && (from.epoch !== to.epoch || from.epoch === UNKNOWN_POSITION.epoch)) return true;
  return isWithin(loss, result);
}

/** Whether the event belongs to an epoch of the loss, and is after `from` and not after `to`. */
function isWithin({ stream, from, to }: StreamLoss, event: StreamPosition): boolean {
  const { epoch, sequenceId } = event;
  if (event.stream !== stream || (from.epoch !== epoch && to.epoch !== epoch)) return false;
  const isAfter = from.epoch !== epoch || sequenceId > from.sequenceId;
  const isBefore = to.epoch !== epoch || sequenceId <= to.sequenceId;
  return isAfter && isBefore;
}

function lostText({ stream, epoch, sequenceId }: PublishResult): string {
  return `${stream} ${epoch}/${sequenceId} was lost without a report`;
}

/** Describes the events whose sequenceId is not greater than that of an earlier event of their epoch. */
function repetitions(events: readonly EventRecord[]): readonly string[] {
  const newest = new Map<string, number>();
  const found: string[] = [];
  for (const { stream, epoch, sequenceId } of events) {
    const run = `${stream} ${epoch}`;
    if (sequenceId <= (newest.get(run) ?? 0)) found.push(`${run}/${sequenceId} came after ${newest.get(run)}`);
    newest.set(run, sequenceId);
  }
  return found;
}
