/**
 * The file source beside other file watchers, on the same work in one run.
 *
 *     node bench/files.ts [--files 100000] [--storm 50000] [--rounds 3] [--chart FILE]
 *
 * Each round gives the same tree to each watcher in turn, in a process of its own: first until it is ready, then 5,000 changes at
 * 1,000 a second, a storm of creations, `git checkout` of a branch that differs in about 13,000 files, and changes below a
 * directory that was renamed. The tree is restored in between. Tables show the median of the rounds.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { chart } from './files/chart.ts';
import { Subject } from './files/subject-process.ts';
import type { Outcome } from './files/subject-process.ts';
import type { Use } from './files/subject.ts';
import { PEERS, WATCHERS } from './files/watchers.ts';
import type { WatcherName } from './files/watchers.ts';
import { changeSteadily, checkOut, createStorm, makeBranches, makeTree, renameDirectory } from './files/work.ts';

const STEADY_PER_SECOND = 1_000;
const BRANCH_FILES = 15_000;
const MEBIBYTE = 1024 * 1024;

interface Measured {
  readonly idle: Use;
  readonly ready: { readonly readyMs: number; readonly use: Use };
  readonly steady: Outcome;
  readonly storm: Outcome;
  readonly checkout: Outcome;
  readonly renamed: Outcome;
}

const { values } = parseArgs({
  options: {
    files: { type: 'string', default: '100000' },
    storm: { type: 'string', default: '50000' },
    rounds: { type: 'string', default: '3' },
    chart: { type: 'string' },
  },
});
const files = Number(values.files);
const changes = Math.min(5_000, files);
const names = Object.keys(WATCHERS) as WatcherName[];

const root = mkdtempSync(join(tmpdir(), 'tidemark-bench-'));
const results = new Map<WatcherName, Measured[]>(names.map((name) => [name, []]));

async function measure(name: WatcherName): Promise<Measured> {
  const { subject, use: idle } = await Subject.start();
  try {
    const ready = await subject.watch(name, root);
    return {
      idle,
      ready,
      steady: await subject.outcomeOf(() =>
        changeSteadily(root, { files, count: changes, perSecond: STEADY_PER_SECOND }),
      ),
      storm: await subject.outcomeOf(() => createStorm(root, Number(values.storm))),
      checkout: await subject.outcomeOf(() => checkOut(root)),
      renamed: await subject.outcomeOf(() => renameDirectory(root)),
    };
  } finally {
    await subject.end();
  }
}

function restore(): void {
  rmSync(join(root, 'storm'), { recursive: true });
  renameSync(join(root, 'tree/renamed'), join(root, 'tree/d0'));
  const { status } = spawnSync('git', ['checkout', '-q', 'one'], { cwd: root });
  if (status !== 0) throw new Error('git checkout failed');
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((left, right) => left - right)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}

function percentile({ latencies }: Outcome, share: number): number {
  return latencies[Math.floor(latencies.length * share)] ?? Number.NaN;
}

function medianOf(name: WatcherName, value: (measured: Measured) => number): number {
  return median((results.get(name) ?? []).map(value));
}

function unreported({ missing, lost }: Outcome): string {
  return lost === 0 ? `${missing}` : `${missing} (${lost} as a loss)`;
}

/** The worst round: a watcher that misses changes now and then misses changes. */
function worst(name: WatcherName, of: (measured: Measured) => Outcome): string {
  const outcomes = (results.get(name) ?? []).map(of);
  const most = outcomes.toSorted((left, right) => right.missing + right.lost - (left.missing + left.lost))[0];
  return most === undefined ? '' : unreported(most);
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
const milliseconds = (ms: number): string => (Number.isNaN(ms) ? 'none' : `${ms.toFixed(0)} ms`);
const mebibytes = (bytes: number): string => `${(bytes / MEBIBYTE).toFixed(0)} MiB`;

const readyBytes = ({ idle, ready }: Measured): number => ready.use.residentBytes - idle.residentBytes;
const peakBytes = ({ idle, storm }: Measured): number => storm.use.peakBytes - idle.residentBytes;

function markdown(): string {
  const columns: readonly [string, (name: WatcherName) => string][] = [
    ['ready', (name) => seconds(medianOf(name, ({ ready }) => ready.readyMs))],
    ['memory when ready', (name) => mebibytes(medianOf(name, readyBytes))],
    ['1,000 changes/s: not reported', (name) => worst(name, ({ steady }) => steady)],
    ['latency p50', (name) => milliseconds(medianOf(name, ({ steady }) => percentile(steady, 0.5)))],
    ['latency p99', (name) => milliseconds(medianOf(name, ({ steady }) => percentile(steady, 0.99)))],
    ['CPU per change', (name) => `${medianOf(name, ({ steady }) => (steady.cpuMs * 1000) / changes).toFixed(0)} µs`],
    ['storm: not reported', (name) => worst(name, ({ storm }) => storm)],
    ['last report after', (name) => seconds(medianOf(name, ({ storm }) => storm.lateMs))],
    ['peak memory', (name) => mebibytes(medianOf(name, peakBytes))],
    ['checkout: not reported', (name) => worst(name, ({ checkout }) => checkout)],
    ['last report after', (name) => seconds(medianOf(name, ({ checkout }) => checkout.lateMs))],
    ['below a renamed directory: not reported', (name) => worst(name, ({ renamed }) => renamed)],
  ];
  const head = ['', ...names];
  const rows = columns.map(([title, cell]) => [title, ...names.map(cell)]);
  const lines = [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
  return lines.join('\n');
}

function drawing(): string {
  const panel = (
    title: string,
    value: (measured: Measured) => number,
    text: (value: number) => string,
  ): Parameters<typeof chart>[0][number] => ({
    title,
    bars: names.map((name) => ({ name, value: medianOf(name, value), text: text(medianOf(name, value)) })),
  });
  const description = 'Time to ready, memory, latency and time after a storm, for each watcher';
  return chart(
    [
      panel(`Ready with ${values.files} files`, ({ ready }) => ready.readyMs, seconds),
      panel('Memory when ready', readyBytes, mebibytes),
      panel('Latency p99 at 1,000 changes/s', ({ steady }) => percentile(steady, 0.99), milliseconds),
      panel(`Last report after ${values.storm} creations`, ({ storm }) => storm.lateMs, seconds),
    ],
    description,
  );
}

if (!existsSync(join(PEERS, 'node_modules'))) {
  const { status } = spawnSync('npm', ['install', '--no-audit', '--no-fund'], { cwd: PEERS, stdio: 'inherit' });
  if (status !== 0) throw new Error('npm install of the other watchers failed');
}

try {
  makeTree(root, files);
  makeBranches(root, BRANCH_FILES);
  for (let round = 0; round < Number(values.rounds); round += 1)
    for (const name of names) {
      results.get(name)?.push(await measure(name));
      restore();
      process.stderr.write(`round ${round + 1}: ${name}\n`);
    }
} finally {
  rmSync(root, { recursive: true, force: true });
}
process.stdout.write(`${markdown()}\n`);
if (values.chart !== undefined) writeFileSync(values.chart, drawing());
