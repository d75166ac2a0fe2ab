/**
 * Compares the gateway's file source with other file watchers, on the same work in one run.
 *
 *     node bench/files.ts [--quick] [--files 100000] [--storm 50000] [--rounds 3] [--only gateway,chokidar] [--json FILE] [--chart FILE]
 *     node bench/files.ts --from FILE [--chart FILE]     # the table and the chart of an earlier run
 *     node bench/files.ts --docs                         # also writes the JSON, the chart and the table of the docs
 *
 * In each round, the watchers watch the same tree one after another, each in its own process. When a watcher is ready, the benchmark makes
 * 5,000 changes at 1,000 per second. Next, it creates many files as fast as possible (the storm). Next, it checks out a Git branch, which
 * changes 15,000 files. Last, it changes files below a renamed directory. `--quick` does a tenth of this work, in one round. The tree
 * is restored after each watcher. Tables show the median and the range of the rounds.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { writeDocs } from './files/docs.ts';
import { chartOf, tableOf } from './files/results.ts';
import type { Results, Round, WorkResult } from './files/results.ts';
import { Subject } from './files/subject-process.ts';
import type { Outcome } from './files/subject-process.ts';
import { PEERS, WATCHERS } from './files/watchers.ts';
import type { WatcherName } from './files/watchers.ts';
import { changeSteadily, checkOut, createStorm, makeBranches, makeTree, renameDirectory } from './files/work.ts';

const STEADY_PER_SECOND = 1_000;
const FULL = { files: 100_000, storm: 50_000, branch: 15_000, rounds: 3 };
const QUICK = { files: 10_000, storm: 5_000, branch: 1_500, rounds: 1 };

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    files: { type: 'string' },
    storm: { type: 'string' },
    rounds: { type: 'string' },
    only: { type: 'string' },
    json: { type: 'string' },
    chart: { type: 'string' },
    from: { type: 'string' },
    docs: { type: 'boolean', default: false },
  },
});
const size = values.quick ? QUICK : FULL;
const files = Number(values.files ?? size.files);
const storm = Number(values.storm ?? size.storm);
const roundCount = Number(values.rounds ?? size.rounds);
const changes = Math.min(5_000, files);

async function measure(name: WatcherName, root: string): Promise<Round> {
  const { subject, use: idle } = await Subject.start(name);
  try {
    const ready = await subject.watch(root);
    const steady = await subject.outcomeOf(() =>
      changeSteadily(root, { files, count: changes, perSecond: STEADY_PER_SECOND }),
    );
    const stormed = await subject.outcomeOf(() => createStorm(root, storm));
    return {
      readyMs: ready.readyMs,
      readyBytes: ready.use.residentBytes - idle.residentBytes,
      peakBytes: stormed.use.peakBytes - idle.residentBytes,
      steady: resultOf(steady),
      storm: resultOf(stormed),
      checkout: resultOf(await subject.outcomeOf(() => checkOut(root))),
      renamed: resultOf(await subject.outcomeOf(() => renameDirectory(root))),
    };
  } finally {
    await subject.end();
  }
}

function resultOf({ missing, lost, latencies, lateMs, cpuMs, standstillMs }: Outcome): WorkResult {
  const percentile = (share: number): number | null => latencies[Math.floor(latencies.length * share)] ?? null;
  return { missing, lost, p50Ms: percentile(0.5), p99Ms: percentile(0.99), lateMs, cpuMs, standstillMs };
}

function restore(root: string): void {
  rmSync(join(root, 'storm'), { recursive: true });
  renameSync(join(root, 'tree/renamed'), join(root, 'tree/d0'));
  const { status } = spawnSync('git', ['checkout', '-q', 'one'], { cwd: root });
  if (status !== 0) throw new Error('git checkout failed');
}

function installPeers(): void {
  if (existsSync(join(PEERS, 'node_modules'))) return;
  const { status } = spawnSync('npm', ['install', '--no-audit', '--no-fund'], { cwd: PEERS, stdio: 'inherit' });
  if (status !== 0) throw new Error('npm install of the other watchers failed');
}

async function measureAll(): Promise<Results> {
  installPeers();
  const known = Object.keys(WATCHERS) as WatcherName[];
  const names = known.filter((name) => values.only?.split(',').includes(name) ?? true);
  const rounds: Record<string, Round[]> = {};
  const root = mkdtempSync(join(tmpdir(), 'tidemark-bench-'));
  try {
    makeTree(root, files);
    makeBranches(root, size.branch);
    for (let round = 0; round < roundCount; round += 1)
      for (const name of names) {
        (rounds[name] ??= []).push(await measure(name, root));
        restore(root);
        process.stderr.write(`round ${round + 1}: ${name}\n`);
      }
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
  const date = new Date().toISOString().slice(0, 10);
  return { date, node: process.version, load: loadavg(), files, storm, changes, branch: size.branch, rounds };
}

const results =
  values.from === undefined ? await measureAll() : (JSON.parse(readFileSync(values.from, 'utf8')) as Results);
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(results, null, 2)}\n`);
if (values.docs) writeDocs(results);
if (values.chart !== undefined) writeFileSync(values.chart, chartOf(results));
process.stdout.write(`${tableOf(results)}\n`);
