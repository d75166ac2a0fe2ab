/**
 * Measures `serve --workers N`: deliveries per second, and the processing time of all its processes per delivery.
 *
 *     node bench/workers.ts [--workers 1,2] [--rounds 5] [--connections 200] [--events 2000]
 *
 * In each round, the numbers of workers are measured one after another, each with its own Redis prefix. A gateway in this process publishes
 * the events through Redis. This process also has the connections, and counts their events. This process and Redis use processing time too,
 * so on a machine with two cores, two workers have less than two cores. The share of the busiest worker shows how evenly the work is
 * divided. The lower this share, the more deliveries per second the workers can make on enough cores.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { cpus, loadavg } from 'node:os';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { redisBroker } from '../src/broker/redis/redis-broker.ts';
import { RedisProcess } from '../src/broker/testing/redis-process.ts';
import { createGateway } from '../src/gateway.ts';
import { freePort } from '../scripts/processes.ts';
import { cpuTimeUs } from './cpu-time.ts';
import { shown, summaryOf, table } from './report.ts';

const { values } = parseArgs({
  options: {
    workers: { type: 'string', default: '1,2' },
    rounds: { type: 'string', default: '5' },
    connections: { type: 'string', default: '200' },
    events: { type: 'string', default: '2000' },
  },
});
const [connections, events] = [Number(values.connections), Number(values.events)];
const PATIENCE_MS = 120_000;
const IN_FLIGHT = 64;
/** Each event contains this character once, and no other message contains it. */
const MARK = '^'.charCodeAt(0);
const SUBSCRIBE =
  '{"type":"subscribe","id":"1","data":{"subscriptionId":"a","events":["bench.tick"],"replay":{"mode":"none"}}}';

/** A connection that counts the events that it receives. */
class Reader {
  readonly #socket: Socket;
  received = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => {
      for (let at = chunk.indexOf(MARK); at >= 0; at = chunk.indexOf(MARK, at + 1)) this.received += 1;
    });
  }

  static async open(port: number): Promise<Reader> {
    const socket = connect(port, '127.0.0.1');
    const key = 'dGhlIHNhbXBsZSBub25jZQ==';
    socket.write(
      `GET /ws HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
    );
    await until(socket, '"welcome"');
    // The mask is zero, so the text is sent unchanged.
    socket.write(Buffer.concat([Buffer.from([0x81, 0x80 | SUBSCRIBE.length, 0, 0, 0, 0]), Buffer.from(SUBSCRIBE)]));
    await until(socket, '"subscribed"');
    return new Reader(socket);
  }

  close(): void {
    this.#socket.destroy();
  }
}

async function until(socket: Socket, wanted: string): Promise<void> {
  for (let text = ''; !text.includes(wanted);) {
    const [chunk] = (await once(socket, 'data', { signal: AbortSignal.timeout(PATIENCE_MS) })) as [Buffer];
    text += chunk.toString('latin1');
  }
}

interface Result {
  readonly perSecond: number;
  readonly cpuUs: number;
  /** The fraction of the processing time of all workers that the busiest worker used. */
  readonly busiest: number;
}

async function workersOf({ pid = 0 }: ChildProcess, count: number): Promise<readonly number[]> {
  if (count === 1) return [pid];
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);
  if (children.length !== count) throw new Error(`Expected ${count} workers, found ${children.length} processes.`);
  return children;
}

async function measure(count: number, redisUrl: string): Promise<Result> {
  const port = await freePort();
  const program = `${import.meta.dirname}/../bin/tidemark.js`;
  const server = spawn(
    process.execPath,
    [
      program,
      'serve',
      '--json',
      '--log-level',
      'error',
      '--port',
      String(port),
      '--redis',
      redisUrl,
      '--workers',
      String(count),
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const publisher = createGateway({ broker: redisBroker({ url: redisUrl }) });
  const readers: Reader[] = [];
  try {
    await once(createInterface({ input: server.stdout }), 'line', { signal: AbortSignal.timeout(PATIENCE_MS) });
    await publisher.start();
    while (readers.length < connections) readers.push(await Reader.open(port));
    const pids = await workersOf(server, count);
    const before = pids.map(cpuTimeUs);
    const startedAt = performance.now();
    for (let sent = 0; sent < events; sent += IN_FLIGHT)
      await Promise.all(
        Array.from({ length: Math.min(IN_FLIGHT, events - sent) }, () =>
          publisher.publish('bench.tick', { mark: '^' }),
        ),
      );
    while (readers.some(({ received }) => received < events)) {
      if (performance.now() - startedAt > PATIENCE_MS) throw new Error('A connection did not receive every event.');
      await delay(1);
    }
    const seconds = (performance.now() - startedAt) / 1_000;
    const used = pids.map((pid, at) => cpuTimeUs(pid) - (before[at] ?? 0));
    const total = used.reduce((sum, each) => sum + each, 0);
    const deliveries = events * connections;
    return { perSecond: deliveries / seconds, cpuUs: total / deliveries, busiest: Math.max(...used) / total };
  } finally {
    for (const reader of readers) reader.close();
    await publisher.close({ drainMs: 0 });
    const gone = once(server, 'exit');
    server.kill('SIGTERM');
    await gone;
  }
}

const redis = await RedisProcess.start();
const counts = values.workers.split(',').map(Number);
const results = new Map<number, Result[]>(counts.map((count) => [count, []]));
try {
  // The first round is not counted, because this process compiles its code in it.
  for (let round = 0; round <= Number(values.rounds); round += 1)
    for (const count of counts) {
      process.stderr.write(`\r\u001B[K${round === 0 ? 'warm-up' : `round ${round}`}: ${count} workers `);
      const result = await measure(count, `${redis.url}?prefix=bench${round}-${count}`);
      if (round > 0) results.get(count)?.push(result);
    }
} finally {
  process.stderr.write('\r\u001B[K');
  await redis.stop();
}
console.log(
  `Node ${process.version}, ${cpus().length} cores, load ${loadavg()[0]?.toFixed(1)}; ${events} events to ${connections} connections, ${values.rounds} rounds\n`,
);
const rows = [...results].map(([count, each]) => [
  String(count),
  shown(summaryOf(each.map(({ perSecond }) => perSecond / 1_000))),
  shown(summaryOf(each.map(({ cpuUs }) => cpuUs))),
  shown(summaryOf(each.map(({ busiest }) => busiest * 100))),
]);
console.log(table(['workers', '1,000 deliveries per second', 'µs CPU per delivery', '% of the busiest worker'], rows));
