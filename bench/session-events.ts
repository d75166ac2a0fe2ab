/**
 * Measures the cost of an event on one of many sessions, while a client follows `session:*`. There is one setup for each number of
 * sessions. All setups exist at the same time and are measured in turn, so a busy machine affects all of them alike.
 *
 *     node bench/session-events.ts [--sizes 100,1000,10000] [--brokers memory,redis] [--rounds 15] [--json FILE]
 *
 * For each setup, prints the medians of the rounds: the processing time of the gateway that serves the client, and events per second. With
 * Redis, another gateway publishes. Then the output also has the number of Redis commands, and the JSON file has their processing time,
 * both from `INFO commandstats`. Exits with 1 if an event is missing, repeated or out of order.
 *
 * Each second, a gateway also compares some of the followed streams with Redis. This work grows with the number of sessions, not with the
 * number of events. Therefore it is measured separately, while no events are published. The last columns show the figures without
 * this work.
 */
import { writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { RedisProcess } from '../src/broker/testing/redis-process.ts';
import { table } from './report.ts';
import { SessionFollower } from './sessions/follower.ts';
import { GatewayProcess } from './sessions/gateway-process.ts';

/** Number of events of a round. If there are fewer sessions, each session has several events. */
const ROUND = 2_000;
/**
 * Maximum number of events in transit at the same time. Events that are in transit together belong to different sessions. With the smallest
 * default number of sessions as the maximum, it is the same in all setups.
 */
const AT_A_TIME = 100;
/** Number of events that are published before the measurement, so that the code is compiled. */
const WARM_UP = 5_000;
/** How long the work without events is measured, in milliseconds. A gateway compares each followed stream once in ten seconds. */
const IDLE_MS = 10_000;
/** The wait before the work without events is measured, in milliseconds. In this time, the gateway finishes the work for earlier events. */
const REST_MS = 2_000;
/** The TTL of sessions in milliseconds. It is longer than the benchmark, so that no session expires. */
const TTL_MS = 3_600_000;

const { values } = parseArgs({
  options: {
    sizes: { type: 'string', default: '100,1000,10000' },
    brokers: { type: 'string', default: 'memory,redis' },
    rounds: { type: 'string', default: '15' },
    json: { type: 'string' },
  },
});

/** The figures of one round, divided by the number of events. */
interface Round {
  readonly gatewayUs: number;
  readonly perSecond: number;
  readonly redisUs: number;
  readonly redisCommands: number;
}

/** The work in a second without events. */
interface Idle {
  readonly gatewayUs: number;
  readonly redisCommands: number;
}

/** The number of calls and the processing time of all Redis commands so far. */
interface CommandStats {
  readonly calls: number;
  readonly usec: number;
}

class Setup {
  readonly broker: string;
  readonly sessions: number;
  readonly rounds: Round[] = [];
  idle: Idle = { gatewayUs: Number.NaN, redisCommands: Number.NaN };
  readonly #redis: RedisProcess | undefined;
  readonly #serving: GatewayProcess;
  readonly #publishing: GatewayProcess;
  readonly #follower: SessionFollower;
  #published = 0;
  #next = 0;

  private constructor(
    { broker, sessions }: Pick<Setup, 'broker' | 'sessions'>,
    parts: {
      readonly redis: RedisProcess | undefined;
      readonly serving: GatewayProcess;
      readonly publishing: GatewayProcess;
      readonly follower: SessionFollower;
    },
  ) {
    this.broker = broker;
    this.sessions = sessions;
    this.#redis = parts.redis;
    this.#serving = parts.serving;
    this.#publishing = parts.publishing;
    this.#follower = parts.follower;
  }

  static async start(broker: string, sessions: number): Promise<Setup> {
    const redis = broker === 'redis' ? await RedisProcess.start() : undefined;
    const serving = await GatewayProcess.start({ redis: redis?.url, ttlMs: TTL_MS });
    const publishing = redis === undefined ? serving : await GatewayProcess.start({ redis: redis.url, ttlMs: TTL_MS });
    const follower = await SessionFollower.open(serving.url);
    const setup = new Setup({ broker, sessions }, { redis, serving, publishing, follower });
    await setup.#publish(Math.max(WARM_UP, sessions));
    return setup;
  }

  get faults(): readonly string[] {
    return this.#follower.faults;
  }

  /** Publishes events on the sessions in turn, and waits until the client has received all of them. */
  async #publish(events: number): Promise<void> {
    for (let left = events; left > 0;) {
      const count = Math.min(AT_A_TIME, left, this.sessions - this.#next);
      await this.#publishing.ask({ kind: 'publish', from: this.#next, count });
      this.#next = (this.#next + count) % this.sessions;
      this.#published += count;
      left -= count;
      await this.#follower.until(() => this.#follower.events >= this.#published, `events on ${this.sessions} sessions`);
    }
  }

  async round(): Promise<void> {
    const [before, commands] = [await this.#serving.ask({ kind: 'time' }), await this.#commandStats()];
    const startedAt = performance.now();
    await this.#publish(ROUND);
    const seconds = (performance.now() - startedAt) / 1_000;
    const [used, after] = [(await this.#serving.ask({ kind: 'time' })) - before, await this.#commandStats()];
    this.rounds.push({
      gatewayUs: used / ROUND,
      perSecond: ROUND / seconds,
      redisUs: (after.usec - commands.usec) / ROUND,
      redisCommands: (after.calls - commands.calls) / ROUND,
    });
  }

  /** Measures the work of the gateway while no events are published. */
  async measureIdle(): Promise<void> {
    const [before, commands] = [await this.#serving.ask({ kind: 'time' }), await this.#commandStats()];
    const startedAt = performance.now();
    await delay(IDLE_MS);
    const [used, after] = [(await this.#serving.ask({ kind: 'time' })) - before, await this.#commandStats()];
    const seconds = (performance.now() - startedAt) / 1_000;
    this.idle = { gatewayUs: used / seconds, redisCommands: (after.calls - commands.calls) / seconds };
  }

  /** The median of a figure per event, minus the work that the gateway would have done in the same time without events. */
  net(figure: keyof Idle): number {
    return median(this.rounds.map((each) => each[figure] - this.idle[figure] / each.perSecond));
  }

  async #commandStats(): Promise<CommandStats> {
    const text = (await this.#redis?.command('INFO', 'commandstats')) ?? '';
    const sum = (field: string): number =>
      Array.from(text.matchAll(new RegExp(`[:,]${field}=(\\d+)`, 'g')), ([, figure]) => Number(figure)).reduce(
        (total, each) => total + each,
        0,
      );
    return { calls: sum('calls'), usec: sum('usec') };
  }

  async stop(): Promise<void> {
    this.#follower.close();
    if (this.#publishing !== this.#serving) await this.#publishing.stop();
    await this.#serving.stop();
    await this.#redis?.stop();
  }
}

function median(figures: readonly number[]): number {
  const sorted = figures.toSorted((left, right) => left - right);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

const setups: Setup[] = [];
try {
  for (const broker of values.brokers.split(','))
    for (const sessions of values.sizes.split(',').map(Number)) {
      process.stderr.write(`\r\u001B[K${broker}: ${sessions} sessions appear `);
      setups.push(await Setup.start(broker, sessions));
    }
  for (let round = 1; round <= Number(values.rounds); round += 1) {
    process.stderr.write(`\r\u001B[Kround ${round} of ${values.rounds} `);
    for (const setup of setups) await setup.round();
  }
  process.stderr.write('\r\u001B[Kidle ');
  await delay(REST_MS);
  await Promise.all(setups.map((each) => each.measureIdle()));
} finally {
  process.stderr.write('\r\u001B[K');
  await Promise.all(setups.map((each) => each.stop()));
}
console.log(`Node ${process.version}, ${cpus().length} cores, load ${loadavg()[0]?.toFixed(1)}; medians, per event`);
const header = [
  'broker',
  'sessions',
  'gateway µs',
  'events/s',
  'Redis commands',
  'idle gateway ms/s',
  'idle Redis commands/s',
  'gateway µs without idle',
  'Redis commands without idle',
  'faults',
];
const rows = setups.map((setup) => {
  const { broker, sessions, rounds, idle, faults } = setup;
  const inRedis = (text: string): string => (broker === 'redis' ? text : '');
  return [
    broker,
    String(sessions),
    median(rounds.map(({ gatewayUs }) => gatewayUs)).toFixed(0),
    median(rounds.map(({ perSecond }) => perSecond)).toFixed(0),
    inRedis(median(rounds.map(({ redisCommands }) => redisCommands)).toFixed(2)),
    (idle.gatewayUs / 1_000).toFixed(1),
    inRedis(idle.redisCommands.toFixed(0)),
    setup.net('gatewayUs').toFixed(0),
    inRedis(setup.net('redisCommands').toFixed(2)),
    String(faults.length),
  ];
});
console.log(table(header, rows));
for (const { broker, sessions, faults } of setups)
  for (const fault of faults.slice(0, 5)) console.error(`${broker}, ${sessions} sessions: ${fault}`);
if (values.json !== undefined)
  writeFileSync(
    values.json,
    `${JSON.stringify(
      setups.map(({ broker, sessions, rounds, idle }) => ({ broker, sessions, rounds, idle })),
      undefined,
      2,
    )}\n`,
  );
process.exit(setups.some(({ faults }) => faults.length > 0) ? 1 : 0);
