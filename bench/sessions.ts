/**
 * Measures a subscription to `session:*` while sessions appear, have events, and expire, with the memory broker and with Redis.
 *
 *     node bench/sessions.ts [--sizes 100,1000,10000] [--brokers memory,redis] [--json FILE]
 *
 * Checks that the client receives every event once, in order per session, and the end of every session once; otherwise exits with 1. Prints
 * the processing time of the gateway that serves the client. With the memory broker, this gateway also publishes the events. With Redis,
 * another gateway publishes the events.
 */
import { writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { RedisProcess } from '../src/broker/testing/redis-process.ts';
import { table } from './report.ts';
import { SessionFollower } from './sessions/follower.ts';
import { GatewayProcess } from './sessions/gateway-process.ts';

/** Number of events per session. A session appears with its first event. */
const EVENTS = 4;
/** Number of events that are published before the measurement. */
const WARM_UP = 3_000;
/** How long the gateway is measured while there are no events, in milliseconds. */
const IDLE_MS = 5_000;
/** Maximum number of sessions whose events are in transit at the same time. */
const AT_A_TIME = 500;
/** The TTL of a session, in milliseconds. On a slow machine, a session may expire before its next event; it then begins again. */
const TTL_MS = 30_000;

const { values } = parseArgs({
  options: {
    sizes: { type: 'string', default: '100,1000,10000' },
    brokers: { type: 'string', default: 'memory,redis' },
    json: { type: 'string' },
  },
});

/** The measured processing times, in microseconds. */
interface Figures {
  readonly broker: string;
  readonly sessions: number;
  /** Per session: until the client has received its first event. */
  readonly appears: number;
  /** Per event, without the first event of each session. */
  readonly event: number;
  /** Per second while there are no events. */
  readonly idle: number;
  /** Per session: from its last event until the client has received its end. */
  readonly ends: number;
  readonly faults: readonly string[];
}

async function measure(broker: string, sessions: number): Promise<Figures> {
  const redis = broker === 'redis' ? await RedisProcess.start() : undefined;
  const serving = await GatewayProcess.start({ redis: redis?.url, ttlMs: TTL_MS });
  const publishing = redis === undefined ? serving : await GatewayProcess.start({ redis: redis.url, ttlMs: TTL_MS });
  const follower = await SessionFollower.open(serving.url);
  await publishing.ask({ kind: 'warm up', events: WARM_UP });
  await follower.until(() => follower.events >= WARM_UP, 'the warm-up');
  let before = await serving.ask({ kind: 'time' });
  /** The processing time of the gateway since the last call. */
  const lap = async (): Promise<number> => {
    const now = await serving.ask({ kind: 'time' });
    const used = now - before;
    before = now;
    return used;
  };
  let published = WARM_UP;
  try {
    const rounds: number[] = [];
    for (let n = 1; n <= EVENTS; n += 1) {
      for (let from = 0; from < sessions; from += AT_A_TIME) {
        const count = Math.min(AT_A_TIME, sessions - from);
        await publishing.ask({ kind: 'publish', from, count });
        published += count;
        await follower.until(() => follower.events >= published, `the events of round ${n}`);
      }
      rounds.push(await lap());
    }
    const [appears = Number.NaN, ...later] = rounds;
    await delay(IDLE_MS);
    const idle = ((await lap()) / IDLE_MS) * 1_000;
    await follower.until(() => follower.alive === 0, 'the end of every session');
    const ends = await lap();
    const event = later.reduce((sum, each) => sum + each, 0) / (EVENTS - 1) / sessions;
    const { faults } = follower;
    return { broker, sessions, appears: appears / sessions, event, idle, ends: ends / sessions, faults };
  } finally {
    follower.close();
    if (publishing !== serving) await publishing.stop();
    await serving.stop();
    await redis?.stop();
  }
}

const results: Figures[] = [];
for (const broker of values.brokers.split(','))
  for (const sessions of values.sizes.split(',').map(Number)) {
    process.stderr.write(`\r\u001B[K${broker}: ${sessions} sessions `);
    results.push(await measure(broker, sessions));
  }
process.stderr.write('\r\u001B[K');
console.log(`Node ${process.version}, ${cpus().length} cores, load ${loadavg()[0]?.toFixed(1)}; µs of processing time`);
const header = ['broker', 'sessions', 'a session appears', 'an event', 'an idle second', 'a session ends', 'faults'];
const rows = results.map(({ broker, sessions, appears, event, idle, ends, faults }) => [
  broker,
  String(sessions),
  ...[appears, event, idle, ends].map((figure) => figure.toFixed(0)),
  String(faults.length),
]);
console.log(table(header, rows));
for (const { broker, sessions, faults } of results)
  for (const fault of faults.slice(0, 5)) console.error(`${broker}, ${sessions} sessions: ${fault}`);
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(results, undefined, 2)}\n`);
process.exit(results.some(({ faults }) => faults.length > 0) ? 1 : 0);
