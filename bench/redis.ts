/**
 * Compares publishing through the gateway's Redis broker with plain PUBLISH, on its own redis-server.
 *
 *     node bench/redis.ts [--rounds 5] [--events 20000] [--other CHECKOUT] [--pin]
 *
 * With `--pin`, throughput is measured with Redis on the first core and this process on the second (needs `taskset`), as if Redis had its
 * own machine. Otherwise the system may run both on one core, where they never work at the same time.
 *
 * In each round, the publishers run one after another (A B A B …). `plain` is ioredis with automatic pipelining: no positions, no history.
 * `gateway` assigns positions, keeps history and the newest event of each key, and checks the payload. Latency is the time from publishing
 * in this process until a WebSocket client in this process receives the event. The server between them runs in another process.
 */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpus } from 'node:os';
import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { Redis } from 'ioredis';
import { WebSocket } from 'ws';
import { RedisProcess } from '../src/broker/testing/redis-process.ts';
import type * as RedisBroker from '../src/broker/redis/redis-broker.ts';
import type * as Tidemark from '../src/gateway.ts';
import { cpuTimeUs } from './cpu-time.ts';
import { RunningPeer, redisPeer } from './peers.ts';
import { ratiosOf, shown, summaryOf, table } from './report.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    events: { type: 'string', default: '20000' },
    other: { type: 'string' },
    pin: { type: 'boolean', default: false },
  },
});
const rounds = Number(values.rounds);
const EVENTS = Number(values.events);
/** The numbers of concurrent publishes with which each publisher is measured. */
const IN_FLIGHT = [1, 64, 512];
/** How many events are sent to each server to measure latency. */
const TIMED_EVENTS = 1_500;
const BODY_BYTES = 330;

interface Publisher {
  readonly name: string;
  readonly publish: (n: number) => Promise<unknown>;
  readonly close: () => unknown;
}

interface Round {
  readonly perSecond: number;
  /** Processing time per event in microseconds. */
  readonly publisherUs: number;
  readonly redisUs: number;
}

const redis = await RedisProcess.start();
const [, redisPid = '0'] = /process_id:(\d+)/.exec(await redis.command('INFO', 'server')) ?? [];

const ALL_CORES = `0-${cpus().length - 1}`;
if (values.pin) pin({ redis: '0', publisher: '1' });

function pin(cores: { readonly redis: string; readonly publisher: string }): void {
  restrict(redisPid, cores.redis);
  restrict(String(process.pid), cores.publisher);
}

/** Restricts all threads of a process to these cores. @throws {Error} if `taskset` fails */
function restrict(pid: string, cores: string): void {
  const { status, stderr } = spawnSync('taskset', ['-a', '-c', '-p', cores, pid], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`taskset: ${stderr}`);
}

function plainPublisher(): Publisher {
  const client = new Redis(redis.url, { enableAutoPipelining: true });
  const body = 'x'.repeat(BODY_BYTES);
  return { name: 'plain', publish: () => client.publish('plain', body), close: () => client.disconnect() };
}

interface GatewayPublisher extends Publisher {
  /** Publishes a custom event that contains the time of its publication. */
  readonly publishMark: (mark: string) => Promise<unknown>;
}

async function gatewayPublisher(name: string, checkout: string): Promise<GatewayPublisher> {
  const from = <Module>(path: string): Promise<Module> =>
    import(pathToFileURL(resolve(checkout, path)).href) as Promise<Module>;
  const { createGateway } = await from<typeof Tidemark>('src/gateway.ts');
  const { redisBroker } = await from<typeof RedisBroker>('src/broker/redis/redis-broker.ts');
  const gateway = createGateway({ broker: redisBroker({ url: `${redis.url}?prefix=${name}` }) });
  await gateway.start();
  return {
    name,
    publish: (n) =>
      gateway.publish('file_change', {
        path: `packages/shop/src/checkout/line-item-${n}.ts`,
        root: 'shop',
        changeType: 'modify',
        size: 4_096 + n,
        fileType: 'file',
      }),
    publishMark: (mark) => gateway.publish('bench.tick', { mark }),
    close: () => gateway.close(),
  };
}

async function measure({ publish }: Publisher, inFlight: number): Promise<Round> {
  const total = inFlight === 1 ? Math.ceil(EVENTS / 10) : EVENTS;
  let next = 0;
  const [cpu, redisBefore, startedAt] = [process.cpuUsage(), cpuTimeUs(Number(redisPid)), performance.now()];
  const worker = async (): Promise<void> => {
    while (next < total) await publish((next += 1));
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  const seconds = (performance.now() - startedAt) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  return {
    perSecond: total / seconds,
    publisherUs: (user + system) / total,
    redisUs: (cpuTimeUs(Number(redisPid)) - redisBefore) / total,
  };
}

async function compareThroughput(publishers: readonly Publisher[]): Promise<void> {
  const results = new Map<string, Round[]>();
  const of = (name: string, inFlight: number): Round[] => {
    const key = `${name} ${inFlight}`;
    const known = results.get(key) ?? [];
    results.set(key, known);
    return known;
  };
  for (let round = 0; round <= rounds; round += 1)
    for (const inFlight of IN_FLIGHT)
      for (const publisher of publishers) {
        process.stderr.write(`\r\u001B[Kround ${round}: ${publisher.name}, ${inFlight} in flight `);
        const result = await measure(publisher, inFlight);
        // The first round is not counted, because V8 compiles the code in it.
        if (round > 0) of(publisher.name, inFlight).push(result);
      }
  process.stderr.write('\r\u001B[K');
  const rows = IN_FLIGHT.flatMap((inFlight) =>
    publishers.map(({ name }) => {
      const figures = of(name, inFlight);
      const perSecond = figures.map((each) => each.perSecond);
      const plain = of('plain', inFlight).map((each) => each.perSecond);
      return [
        `${inFlight}`,
        name,
        `${Math.round(summaryOf(perSecond).median)}`,
        shown(ratiosOf(perSecond, plain)),
        shown(summaryOf(figures.map((each) => each.publisherUs))),
        shown(summaryOf(figures.map((each) => each.redisUs))),
      ];
    }),
  );
  const header = ['in flight', 'publisher', 'events/s', '× plain', 'µs CPU of publisher', 'µs CPU of Redis'];
  console.log(`\n${table(header, rows)}`);
}

/** Resolves when the subscription is confirmed. @throws {Error} if the gateway rejects it */
async function subscriptionOf(socket: WebSocket): Promise<void> {
  for (;;) {
    const [data] = (await once(socket, 'message')) as [Buffer];
    const { type } = JSON.parse(data.toString('utf8')) as { readonly type: string };
    if (type === 'subscribed') return;
    if (type === 'error') throw new Error(`The gateway rejected the subscription: ${data.toString('utf8')}`);
  }
}

/** Opens a WebSocket to a server. For each received event that contains its publication time, appends the latency to `latencies`. */
async function listen({ server }: RunningPeer, latencies: number[]): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}${server.path}`);
  await once(socket, 'open');
  if (server.hello !== '') {
    const subscribed = subscriptionOf(socket);
    socket.send(server.hello);
    await subscribed;
  }
  socket.on('message', (data: Buffer) => {
    const [, sentAt] = /\^(\d+)/.exec(data.toString('latin1')) ?? [];
    if (sentAt !== undefined) latencies.push(Number(process.hrtime.bigint() - BigInt(sentAt)) / 1_000);
  });
  return socket;
}

async function compareLatency(publisher: GatewayPublisher): Promise<void> {
  const client = new Redis(redis.url);
  const sides = [
    { name: 'plain', latencies: [], publish: (mark) => client.publish('plain', mark.padEnd(BODY_BYTES, 'x')) },
    { name: 'gateway', latencies: [], publish: publisher.publishMark },
  ] satisfies Side[] as readonly Side[];
  const peers: RunningPeer[] = [];
  const sockets: WebSocket[] = [];
  try {
    for (const { name, latencies } of sides) {
      const peer = await RunningPeer.start(redisPeer(name, redis.url));
      peers.push(peer);
      sockets.push(await listen(peer, latencies));
    }
    for (let n = 0; n < TIMED_EVENTS; n += 1)
      for (const { publish } of sides) {
        void publish(`^${process.hrtime.bigint()}`);
        await delay(2);
      }
    await delay(500);
  } finally {
    for (const socket of sockets) socket.terminate();
    await Promise.all(peers.map((peer) => peer.stop()));
    client.disconnect();
  }
  const at = (latencies: readonly number[], part: number): number =>
    latencies.toSorted((a, b) => a - b)[Math.floor(latencies.length * part)] ?? Number.NaN;
  const plain = sides[0]?.latencies ?? [];
  const rows = sides.map(({ name, latencies }) => [
    name,
    `${latencies.length}`,
    ...[0.5, 0.99].map((part) => at(latencies, part).toFixed(0)),
    (at(latencies, 0.5) / at(plain, 0.5)).toFixed(2),
  ]);
  console.log(`\n${table(['latency', 'events', 'p50, µs', 'p99, µs', 'p50 × plain'], rows)}`);
}

interface Side {
  readonly name: string;
  readonly latencies: number[];
  readonly publish: (mark: string) => Promise<unknown>;
}

const publishers: Publisher[] = [];
try {
  const gateway = await gatewayPublisher('gateway', `${import.meta.dirname}/..`);
  publishers.push(plainPublisher(), gateway);
  if (values.other !== undefined) publishers.push(await gatewayPublisher('other', values.other));
  console.log(`Node ${process.version}, ${cpus().length} cores; ${rounds} rounds`);
  await compareThroughput(publishers);
  // A third process takes part in the measurement of latency: the server. From now on, every process may use all cores.
  if (values.pin) pin({ redis: ALL_CORES, publisher: ALL_CORES });
  // Latency is measured on a separate stream without history, because a server in another process reads the history of a stream before it
  // delivers events.
  const timed = await gatewayPublisher('latency', `${import.meta.dirname}/..`);
  publishers.push(timed);
  await compareLatency(timed);
} finally {
  for (const publisher of publishers) await publisher.close();
  await redis.stop();
}
