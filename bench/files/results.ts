/** The results of `bench/files.ts`: the types of its JSON file, the table and the chart. */
import { chart } from './chart.ts';
import type { Panel } from './chart.ts';

/** The result of one kind of work. */
export interface WorkResult {
  readonly missing: number;
  readonly lost: number;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly lateMs: number;
  readonly cpuMs: number;
  readonly standstillMs: number;
}

export interface Round {
  readonly readyMs: number;
  /** Memory of the process when the watcher is ready, minus its memory before it began to watch. */
  readonly readyBytes: number;
  /** Maximum memory of the process until the end of the storm, minus its memory before it began to watch. */
  readonly peakBytes: number;
  readonly steady: WorkResult;
  readonly storm: WorkResult;
  readonly checkout: WorkResult;
  readonly renamed: WorkResult;
}

export interface Results {
  readonly date: string;
  readonly node: string;
  readonly load: readonly number[];
  readonly files: number;
  readonly storm: number;
  readonly changes: number;
  /** Number of files in the repository in which `git checkout` is measured. */
  readonly branch: number;
  readonly rounds: Readonly<Record<string, readonly Round[]>>;
}

type Unit = (value: number) => string;

const seconds: Unit = (ms) => `${(ms / 1000).toFixed(1)} s`;
const milliseconds: Unit = (ms) => `${ms.toFixed(0)} ms`;
const mebibytes: Unit = (bytes) => `${(bytes / 1024 / 1024).toFixed(0)} MiB`;

function sorted(rounds: readonly Round[], value: (round: Round) => number | null): readonly number[] {
  return rounds
    .map(value)
    .filter((each) => each !== null)
    .toSorted((left, right) => left - right);
}

function median(values: readonly number[]): number {
  return values[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** Formats the median and, if there are several rounds, the range of the values. */
function spread(values: readonly number[], unit: Unit): string {
  const [least, most] = [values[0], values.at(-1)];
  if (least === undefined || most === undefined) return 'none';
  return values.length === 1 ? unit(least) : `${unit(median(values))} (${unit(least)}–${unit(most)})`;
}

/**
 * Formats the number of unreported changes in the worst round. The median would not show that a watcher sometimes misses changes.
 */
function unreported(rounds: readonly Round[], work: (round: Round) => WorkResult): string {
  const worst = rounds.map(work).toSorted((left, right) => right.missing + right.lost - (left.missing + left.lost))[0];
  if (worst === undefined) return '';
  return worst.lost === 0 ? `${worst.missing}` : `${worst.missing} (${worst.lost} as a loss)`;
}

const ROWS: readonly (readonly [title: string, cell: (rounds: readonly Round[], results: Results) => string])[] = [
  [
    'ready',
    (rounds) =>
      spread(
        sorted(rounds, ({ readyMs }) => readyMs),
        seconds,
      ),
  ],
  [
    'memory when ready',
    (rounds) =>
      spread(
        sorted(rounds, ({ readyBytes }) => readyBytes),
        mebibytes,
      ),
  ],
  ['1,000 changes/s: not reported', (rounds) => unreported(rounds, ({ steady }) => steady)],
  [
    'latency p50',
    (rounds) =>
      spread(
        sorted(rounds, ({ steady }) => steady.p50Ms),
        milliseconds,
      ),
  ],
  [
    'latency p99',
    (rounds) =>
      spread(
        sorted(rounds, ({ steady }) => steady.p99Ms),
        milliseconds,
      ),
  ],
  [
    'CPU per change',
    (rounds, { changes }) =>
      spread(
        sorted(rounds, ({ steady }) => (steady.cpuMs * 1000) / changes),
        (us) => `${us.toFixed(0)} µs`,
      ),
  ],
  ['storm: not reported', (rounds) => unreported(rounds, ({ storm }) => storm)],
  [
    'last report after',
    (rounds) =>
      spread(
        sorted(rounds, ({ storm }) => storm.lateMs),
        seconds,
      ),
  ],
  [
    'longest standstill',
    (rounds) =>
      spread(
        sorted(rounds, ({ storm }) => storm.standstillMs),
        milliseconds,
      ),
  ],
  [
    'peak memory',
    (rounds) =>
      spread(
        sorted(rounds, ({ peakBytes }) => peakBytes),
        mebibytes,
      ),
  ],
  ['checkout: not reported', (rounds) => unreported(rounds, ({ checkout }) => checkout)],
  [
    'last report after',
    (rounds) =>
      spread(
        sorted(rounds, ({ checkout }) => checkout.lateMs),
        seconds,
      ),
  ],
  ['below a renamed directory: not reported', (rounds) => unreported(rounds, ({ renamed }) => renamed)],
];

/** A Markdown table: a row for each measure, a column for each watcher. */
export function tableOf(results: Results): string {
  const entries = Object.entries(results.rounds);
  const head = ['', ...entries.map(([name]) => name)];
  const rows = ROWS.map(([title, cell]) => [title, ...entries.map(([, rounds]) => cell(rounds, results))]);
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** An SVG for light and dark pages. */
export function chartOf(results: Results): string {
  const panel = (title: string, value: (round: Round) => number | null, unit: Unit): Panel => ({
    title,
    bars: Object.entries(results.rounds).map(([name, rounds]) => {
      const middle = median(sorted(rounds, value));
      return { name, value: Number.isNaN(middle) ? 0 : middle, text: Number.isNaN(middle) ? 'none' : unit(middle) };
    }),
  });
  const panels = [
    panel(`Ready with ${results.files.toLocaleString('en')} files`, ({ readyMs }) => readyMs, seconds),
    panel('Memory when ready', ({ readyBytes }) => readyBytes, mebibytes),
    panel('Latency p99 at 1,000 changes/s', ({ steady }) => steady.p99Ms, milliseconds),
    panel(`Last report after ${results.storm.toLocaleString('en')} creations`, ({ storm }) => storm.lateMs, seconds),
    panel('Longest standstill in the storm', ({ storm }) => storm.standstillMs, milliseconds),
    panel('Peak memory', ({ peakBytes }) => peakBytes, mebibytes),
  ];
  return chart(panels, 'Time, memory and latency of each watcher; shorter is better');
}
