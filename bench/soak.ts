/**
 * Runs a gateway for a long time with readers that disconnect and reconnect. Reports how much memory grows, how long the event loop is
 * delayed, and whether an event was lost.
 *
 *     node bench/soak.ts [--minutes 30] [--readers 1000] [--rate 20] [--redis]
 *
 * Readers subscribe to one stream. Every second, one reader in a hundred disconnects and resumes after its last event.
 * Every reader must receive every event once, in order. Memory is the resident size of the gateway's process. To find its
 * growth in MiB per hour, the lowest sample of each minute is taken. The growth is the slope of a line through these
 * samples of the second half of the run. Exit code 1: an event was missing, repeated or out of order, or a resume failed.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { loadavg } from 'node:os';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { RedisProcess } from '../src/broker/testing/redis-process.ts';
import { freePort } from '../scripts/processes.ts';
import { cpuTimeUs } from './cpu-time.ts';
import { SoakReader } from './soak/reader.ts';
import { residentMebibytes } from '../src/testing/resident-memory.ts';
import { lowestOf, slopePerHour } from '../src/testing/slope.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    readers: { type: 'string' },
    rate: { type: 'string', default: '20' },
    redis: { type: 'boolean', default: false },
  },
});
const readerCount = Number(values.readers ?? (values.redis ? 100 : 1_000));
const durationMs = Number(values.minutes) * 60_000;
const rate = Number(values.rate);
const SAMPLE_MS = 5_000;
const SAMPLES_PER_MINUTE = 60_000 / SAMPLE_MS;
/** The settings of a small node (docs/guides/operate.md). With V8's defaults, garbage hides for half an hour whether memory grows. */
const NODE_SETTINGS = ['--max-semi-space-size=16', '--max-old-space-size=128'];
const CHURN = 0.01;
const SETTLE_MS = 60_000;

interface Sample {
  readonly seconds: number;
  readonly mebibytes: number;
  /** p50, p90 and p99 of the event loop delay since the previous sample, in milliseconds. */
  readonly loopMs: readonly number[];
}

const redis = values.redis ? await RedisProcess.start() : undefined;
const ports = { port: await freePort(), controlPort: await freePort() };
const server = spawn(
  process.execPath,
  [
    ...NODE_SETTINGS,
    `${import.meta.dirname}/servers/gateway.ts`,
    ...[ports.port, ports.controlPort, `${import.meta.dirname}/..`, 0].map(String),
    ...(redis === undefined ? [] : [redis.url]),
  ],
  { stdio: ['ignore', 'pipe', 'inherit'] },
);
await once(createInterface({ input: server.stdout }), 'line');
const pid = server.pid ?? 0;

async function loopDelays(): Promise<readonly number[]> {
  const text = await (await fetch(`http://127.0.0.1:${ports.port}/metrics`)).text();
  return ['p50', 'p90', 'p99'].map((part) => {
    const [, seconds] = new RegExp(`^nodejs_eventloop_lag_${part}_seconds (\\S+)`, 'm').exec(text) ?? [];
    return Number(seconds) * 1_000;
  });
}

const url = `ws://127.0.0.1:${ports.port}/ws`;
const readers = Array.from({ length: readerCount }, () => new SoakReader(url));
const samples: Sample[] = [];
let [published, reconnects] = [0, 0];
try {
  for (let at = 0; at < readers.length; at += 50)
    await Promise.all(readers.slice(at, at + 50).map((reader) => reader.connect()));
  const control = connect(ports.controlPort, '127.0.0.1');
  await once(control, 'connect');
  const startedAt = performance.now();
  const cpuBefore = cpuTimeUs(pid);
  let [churnAt, sampleAt] = [startedAt, startedAt];
  for (let now = startedAt; now - startedAt < durationMs; now = performance.now()) {
    for (const due = Math.floor(((now - startedAt) / 1_000) * rate); published < due;)
      control.write(`${String((published += 1)).padStart(10, '0')}\n`);
    if (now >= churnAt) {
      churnAt += 1_000;
      for (let n = 0; n < Math.ceil(readerCount * CHURN); n += 1)
        if (readers[Math.floor(Math.random() * readers.length)]?.reconnect() === true) reconnects += 1;
    }
    if (now >= sampleAt) {
      sampleAt += SAMPLE_MS;
      const seconds = (now - startedAt) / 1_000;
      samples.push({ seconds, mebibytes: residentMebibytes(pid), loopMs: await loopDelays() });
      process.stderr.write(`\r\u001B[K${seconds.toFixed(0)} s, ${samples.at(-1)?.mebibytes.toFixed(0)} MiB `);
    }
    await delay(20);
  }
  process.stderr.write('\r\u001B[K');
  const cpuSeconds = (cpuTimeUs(pid) - cpuBefore) / 1e6;
  const until = performance.now() + SETTLE_MS;
  while (performance.now() < until && readers.some((reader) => reader.last < published)) await delay(100);
  report(cpuSeconds);
} finally {
  for (const reader of readers) reader.close();
  server.kill('SIGKILL');
  await redis?.stop();
}

function report(cpuSeconds: number): void {
  const faults = readers.flatMap((reader) => reader.faults);
  const refusals = readers.reduce((sum, reader) => sum + reader.refusals, 0);
  const behind = readers.filter((reader) => reader.last < published).length;
  const half = samples.slice(Math.floor(samples.length / 2));
  const lowest = lowestOf(
    half.map(({ seconds, mebibytes }) => ({ seconds, value: mebibytes })),
    SAMPLES_PER_MINUTE,
  );
  const resident = samples.map(({ mebibytes }) => mebibytes);
  const worst = [0, 1, 2].map((at) => Math.max(...samples.map(({ loopMs }) => loopMs[at] ?? 0)));
  console.log(`${values.minutes} minutes, ${readerCount} readers, ${rate} events/s${values.redis ? ', Redis' : ''}`);
  console.log(`load of the machine at the end: ${loadavg()[0]?.toFixed(1)}`);
  console.log(
    `${published} events, ${reconnects} reconnects, ${refusals} failed attempts to connect or subscribe, ${cpuSeconds.toFixed(1)} s processing time`,
  );
  console.log(
    `memory: ${resident[0]?.toFixed(0)} MiB at the start, ${resident.at(-1)?.toFixed(0)} at the end, ${Math.max(...resident).toFixed(0)} at most`,
  );
  console.log(`lowest of each minute of the second half: ${lowest.map(({ value }) => value.toFixed(0)).join(' ')} MiB`);
  console.log(`growth: ${slopePerHour(lowest).toFixed(1)} MiB per hour`);
  console.log(
    `delay of the event loop, worst sample: p50 ${worst[0]?.toFixed(1)}, p90 ${worst[1]?.toFixed(1)}, p99 ${worst[2]?.toFixed(1)} ms`,
  );
  console.log(`${behind} readers have not received every event, ${faults.length} faults`);
  for (const fault of faults.slice(0, 10)) console.log(`  ${fault}`);
  process.exitCode = behind > 0 || faults.length > 0 ? 1 : 0;
}
