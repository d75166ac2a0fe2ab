/**
 * Measures how the cost of an event grows, and writes a chart and JSON.
 *
 *     node bench/growth.ts [--rounds 3] [--json FILE] [--chart FILE.svg] [--from FILE]
 *
 * The load client measures the cost per delivery. The other measurements are made without deliveries: each is the processing time of one
 * publish, on a gateway that has more and more idle subscriptions, streams, retained keys, or events of history. `--from` draws the chart
 * from the JSON of an earlier run.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { growthChart } from './growth/chart.ts';
import type { Growth } from './growth/chart.ts';
import { LoadClient } from './load/client.ts';
import { RunningPeer, peersOf } from './peers.ts';
import { summaryOf } from './report.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    json: { type: 'string' },
    chart: { type: 'string' },
    from: { type: 'string' },
  },
});
const rounds = Number(values.rounds);
const PUBLISHER = fileURLToPath(new URL('growth/publisher.ts', import.meta.url));

const DIMENSIONS = [
  { name: 'idle subscriptions', kind: 'subscriptions', sizes: [0, 5_000, 10_000] },
  { name: 'other streams', kind: 'streams', sizes: [0, 5_000, 10_000] },
  { name: 'retained keys', kind: 'keys', sizes: [0, 5_000, 10_000] },
  { name: 'events of history', kind: 'history', sizes: [0, 10_000, 20_000] },
] as const;

/** Starts a gateway, and measures its processing time for one publish, in microseconds. */
async function publishUs(kind: string, size: number): Promise<number> {
  const child = spawn(process.execPath, [PUBLISHER, kind, String(size)], { stdio: ['ignore', 'pipe', 'inherit'] });
  let figure = Number.NaN;
  for await (const line of createInterface({ input: child.stdout })) figure = Number(line);
  if (child.exitCode === null) await once(child, 'exit');
  if (Number.isNaN(figure)) throw new Error(`The cost with ${size} ${kind} could not be measured.`);
  return figure;
}

async function measureDeliveries(): Promise<Growth> {
  const peer = peersOf({ other: undefined, prefill: 0 }).find(({ name }) => name === 'gateway');
  if (peer === undefined) throw new Error('There is no gateway to measure.');
  const client = new LoadClient();
  const running = await RunningPeer.start(peer);
  const points = new Map<number, number[]>([100, 500, 1_000].map((size) => [size, []]));
  try {
    for (let round = 0; round <= rounds; round += 1)
      for (const [connections, figures] of points) {
        const result = await client.run(running.server, { mode: 'flight', connections, events: 64 });
        if (round > 0) figures.push(result.cpuUs * connections);
      }
  } finally {
    await running.stop();
  }
  return {
    name: 'deliveries',
    expected: 'linear',
    points: [...points].map(([size, figures]) => ({ size, ...summaryOf(figures) })),
  };
}

async function measure(): Promise<readonly Growth[]> {
  const growths = [await measureDeliveries()];
  for (const { name, kind, sizes } of DIMENSIONS) {
    const figures = new Map<number, number[]>(sizes.map((size) => [size, []]));
    for (let round = 1; round <= rounds; round += 1)
      for (const [size, each] of figures) {
        process.stderr.write(`\r\u001B[Kround ${round}: ${size} ${name} `);
        each.push(await publishUs(kind, size));
      }
    const points = [...figures].map(([size, each]) => ({ size, ...summaryOf(each) }));
    growths.push({ name, expected: 'flat', points });
  }
  process.stderr.write('\r\u001B[K');
  return growths;
}

const growths =
  values.from === undefined ? await measure() : (JSON.parse(readFileSync(values.from, 'utf8')) as readonly Growth[]);
console.log(`Node ${process.version}, ${cpus().length} cores, load ${loadavg()[0]?.toFixed(1)}; ${rounds} rounds`);
for (const { name, points } of growths)
  console.log(
    `${name}: ${points.map(({ size, median, min, max }) => `${size}: ${median.toFixed(1)} µs (${min.toFixed(1)}–${max.toFixed(1)})`).join(', ')}`,
  );
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(growths, undefined, 2)}\n`);
if (values.chart !== undefined) writeFileSync(values.chart, growthChart(growths));
