/** The alert rules of `deploy/prometheus`, judged by `promtool` on what real gateways answered to scrapes. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { PROMTOOL, locate } from '../../scripts/tools.ts';
import { mergeMetrics } from '../cli/workers/merged-metrics.ts';

export const RULES_FILE = join(import.meta.dirname, '../../deploy/prometheus/alerts.yaml');

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

/** The metrics that an expression reads, as a scrape names them. */
export function metricsOf(expression: string): string[] {
  return [...new Set(expression.match(/\b(?:tidemark|nodejs|process)_\w+|\bup\b/g))];
}

/** One node's answer to a scrape: the text of `/metrics`, or nothing when it did not answer. */
export type Scrape = string | undefined;

/** Scrapes of the same nodes before and after something has happened. */
export interface Observed {
  readonly before: readonly Scrape[];
  readonly after: readonly Scrape[];
  /** Whether what has happened goes on in the same way, scrape by scrape; otherwise it has happened once. */
  readonly course?: 'goes on' | 'is over';
}

/** Every quarter of a minute, as in `deploy/prometheus/prometheus.yaml`. */
const PER_MINUTE = 4;
const QUIET_MINUTES = 10;
const MINUTES = 60;

/** How long after its cause an alert fires, at the latest: one more evaluation than its `for` says. */
function firesAfterMinutes({ for: wait = '0s' }: AlertRule): number {
  const [, count = '0', unit] = /^(\d+)([sm])$/.exec(wait) ?? [];
  return (unit === 'm' ? Number(count) : Number(count) / 60) + 1;
}

/** The same scrapes as two workers of each node answer them (`serve --workers`): the cause is in both, or in the second one only. */
export function asWorkers({ before, after, course }: Observed, causeIn: 'both' | 'one'): Observed {
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
    ...(course === undefined ? {} : { course }),
  };
}

/**
 * Runs the rules over the scrapes; returns what `promtool` finds wrong, `''` if the alert fires after the cause and not before.
 * @param count `once`: exactly one alert must fire, however many series have the cause
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

/** Runs `promtool` on a file with this content, which is YAML as all JSON is. */
export function promtool(words: readonly string[], content: object): string {
  const program = locate(PROMTOOL);
  if (program === undefined) throw new Error('promtool is missing: node scripts/ensure-tools.ts');
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

function seriesOf({ before, after, course = 'is over' }: Observed, names: readonly string[]): InputSeries[] {
  return after.flatMap((text, index) => {
    const node = `job="tidemark",instance="node${index}"`;
    const first = samplesOf(before[index], names, node);
    const second = samplesOf(text, names, node);
    return [...new Set([...first.keys(), ...second.keys()])].map((series) => ({
      series,
      values: valuesOf(first.get(series), second.get(series), course),
    }));
  });
}

/** Nothing was there to scrape: `_`. */
function valuesOf(before: number | undefined, after: number | undefined, course: 'goes on' | 'is over'): string {
  const quiet = QUIET_MINUTES * PER_MINUTE;
  const rest = MINUTES * PER_MINUTE;
  const step = course === 'goes on' && after !== undefined ? after - (before ?? 0) : 0;
  const first = before === undefined ? `_x${quiet}` : `${before}+0x${quiet - 1}`;
  return `${first} ${after === undefined ? `_x${rest}` : `${after}+${step}x${rest}`}`;
}

/** The samples of the given metrics by series, with the labels that Prometheus adds to what it scrapes. */
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
