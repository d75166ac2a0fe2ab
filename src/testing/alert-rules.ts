/**
 * Runs `promtool` on the alert rules of `deploy/prometheus`. The input is made from the metrics that real gateways returned to scrapes.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { PROMTOOL, locate } from '../../scripts/tools.ts';
import { mergeMetrics } from '../cli/workers/merged-metrics.ts';

const RULES_FILE = join(import.meta.dirname, '../../deploy/prometheus/alerts.yaml');

export interface AlertRule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export function readRules(): readonly AlertRule[] {
  const { groups } = parse(readFileSync(RULES_FILE, 'utf8')) as {
    readonly groups: readonly { readonly rules: readonly AlertRule[] }[];
  };
  return groups.flatMap(({ rules }) => rules);
}

/** The names of the metrics that an expression reads. */
export function metricsOf(expression: string): string[] {
  return [...new Set(expression.match(/\b(?:tidemark|nodejs|process)_\w+|\bup\b/g))];
}

/** The response of one node to a scrape: the text of `/metrics`, or undefined if the node did not answer. */
export type Scrape = string | undefined;

/** Two scrapes of the same nodes: one before the cause of an alert, and one after it. */
export interface Observed {
  readonly before: readonly Scrape[];
  readonly after: readonly Scrape[];
  /**
   * Whether the values still change after the second scrape. `continues`: each scrape changes them by the same amount again. `ends`: they
   * stay the same. Default: `ends`.
   */
  readonly trend?: 'continues' | 'ends';
}

/** Number of scrapes per minute, as configured in `deploy/prometheus/prometheus.yaml`. */
const PER_MINUTE = 4;
const QUIET_MINUTES = 10;
const MINUTES = 60;

/** The longest time in minutes from the cause of an alert until the alert fires: the `for` of the rule, plus one minute. */
function firesAfterMinutes({ for: wait = '0s' }: AlertRule): number {
  const [, count = '0', unit] = /^(\d+)([sm])$/.exec(wait) ?? [];
  return (unit === 'm' ? Number(count) : Number(count) / 60) + 1;
}

/**
 * Converts scrapes of nodes to scrapes of nodes that have two workers each (`serve --workers`). The cause of the alert occurs in both
 * workers, or only in the second one.
 */
export function asWorkers({ before, after, trend }: Observed, causeIn: 'both' | 'one'): Observed {
  const together = (first: Scrape, second: Scrape): Scrape =>
    first === undefined || second === undefined
      ? undefined
      : mergeMetrics(
          new Map([
            [1, first],
            [2, second],
          ]),
        );
  return {
    before: before.map((text) => together(text, text)),
    after: after.map((text, node) => together(causeIn === 'both' || text === undefined ? text : before[node], text)),
    ...(trend === undefined ? {} : { trend }),
  };
}

/**
 * Evaluates the rule on the scrapes. @returns the faults that `promtool` reports; `''` if the alert fires after its cause, and not earlier
 * @param count `once`: exactly one alert must fire, even if several series have the cause
 */
export function judgeAlert(
  rule: AlertRule,
  observed: Observed,
  count: 'once' | 'at least once' = 'at least once',
): string {
  const firing = `count(ALERTS{alertname="${rule.alert}",alertstate="firing"})`;
  const test = {
    interval: '15s',
    input_series: seriesOf(observed, metricsOf(rule.expr)),
    promql_expr_test: [
      { expr: firing, eval_time: `${QUIET_MINUTES - 1}m`, exp_samples: [] },
      {
        expr: count === 'once' ? firing : `${firing} > bool 0`,
        eval_time: `${Math.ceil((QUIET_MINUTES + firesAfterMinutes(rule)) * 60)}s`,
        exp_samples: [{ labels: '{}', value: 1 }],
      },
    ],
  };
  return promtool(['test', 'rules'], { rule_files: [RULES_FILE], evaluation_interval: '15s', tests: [test] });
}

/** Runs `promtool` on a file with this content. The file is written as JSON, which is also valid YAML. */
export function promtool(words: readonly string[], content: object): string {
  const program = locate(PROMTOOL);
  if (program === undefined) throw new Error('promtool is missing: run node scripts/ensure-tools.ts');
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-promtool-'));
  try {
    const file = join(directory, 'file.yaml');
    writeFileSync(file, JSON.stringify(content));
    const { status, stdout, stderr } = spawnSync(program, [...words, file], { encoding: 'utf8' });
    return status === 0 ? '' : stdout + stderr;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

interface InputSeries {
  readonly series: string;
  readonly values: string;
}

function seriesOf({ before, after, trend = 'ends' }: Observed, names: readonly string[]): InputSeries[] {
  return after.flatMap((text, index) => {
    const node = `job="tidemark",instance="node${index}"`;
    const first = samplesOf(before[index], names, node);
    const second = samplesOf(text, names, node);
    return [...new Set([...first.keys(), ...second.keys()])].map((series) => ({
      series,
      values: valuesOf(first.get(series), second.get(series), trend),
    }));
  });
}

/** Formats the values of a series in the notation of `promtool`. `_` means that a scrape has no value. */
function valuesOf(before: number | undefined, after: number | undefined, trend: 'continues' | 'ends'): string {
  const quiet = QUIET_MINUTES * PER_MINUTE;
  const rest = MINUTES * PER_MINUTE;
  const step = trend === 'continues' && after !== undefined ? after - (before ?? 0) : 0;
  const first = before === undefined ? `_x${quiet}` : `${before}+0x${quiet - 1}`;
  return `${first} ${after === undefined ? `_x${rest}` : `${after}+${step}x${rest}`}`;
}

/** Parses the samples of the given metrics, by series. A series includes the labels that Prometheus adds when it scrapes. */
function samplesOf(text: Scrape, names: readonly string[], node: string): Map<string, number> {
  const samples = new Map([[`up{${node}}`, text === undefined ? 0 : 1]]);
  for (const line of (text ?? '').split('\n')) {
    const end = line.lastIndexOf(' ');
    const [, name = '', labels = ''] = /^(\w+)(?:\{(.*)\})?$/.exec(line.slice(0, end)) ?? [];
    const value = Number(line.slice(end + 1));
    if (!names.includes(name) || Number.isNaN(value)) continue;
    samples.set(`${name}{${labels === '' ? node : `${node},${labels}`}}`, value);
  }
  return samples;
}
