/** The report on a terminal. */
import { groupByCause } from './causes.ts';
import type { CauseGroup } from './causes.ts';
import type { Summary } from './summary.ts';
import { explainFailure } from './failure.ts';
import type { Explanation } from './failure.ts';
import type { CheckResult } from '../runner/verdict.ts';

/** The line that is printed for a check as soon as its verdict is known. */
export function checkLine({ verdict, id, reason, durationMs, known }: CheckResult): string {
  const time = durationMs >= 1000 ? ` (${(durationMs / 1000).toFixed(1)} s)` : '';
  return `${verdict.padEnd(12)} ${id}${known === true ? ' [known]' : ''}${time}${reason === undefined ? '' : ` – ${reason}`}`;
}

function uncoveredLines({ clauses, scope, headlines }: Summary): readonly string[] {
  // With `--only`, the user chose not to check most clauses, so they are not listed.
  if (scope !== 'everything') return [];
  const open = clauses.filter(
    ({ verdict, observable }) => verdict !== 'PASS' && verdict !== 'FAIL' && observable === 'client',
  );
  if (open.length === 0) return ['Every clause that a client can observe was checked.'];
  if (headlines.length > 0) return [`${open.length} clauses were not checked.`];
  const entries = open.map(({ id, verdict }) => `${id} (${verdict === 'NONE' ? 'no check' : verdict})`);
  return [`Not checked: ${entries.join(', ')}`];
}

/** How many causes are explained in full, each by one check. The reports in files explain every check. */
const EXPLAINED = 8;
const FIRST = 3;
const LISTED = 12;
/** The heartbeat interval that the guide recommends for a run of the suite, in milliseconds. */
const SHORT_INTERVAL_MS = 1000;

function groupLines({ text, checks }: CauseGroup, number: number, explanation: Explanation): readonly string[] {
  const [check, ...others] = checks;
  const ids = others.slice(0, LISTED).map(({ id }) => id);
  const more = others.length > LISTED ? ` and ${others.length - LISTED} more` : '';
  const count = checks.length === 1 ? '1 check' : `${checks.length} checks`;
  return [
    '',
    `${number}. ${text} (${count})`,
    `${check.verdict} ${check.id}: ${check.why}`,
    ...explainFailure(check, explanation).map((line) => `  ${line}`),
    ...(others.length === 0 ? [] : [`  also      ${ids.join(', ')}${more}`]),
  ];
}

/** Causes in the order in which they should be fixed: a later cause may be a consequence of an earlier one. */
function causeLines(groups: readonly CauseGroup[], explanation: Explanation): readonly string[] {
  const blocks = groups.slice(0, EXPLAINED).map((group, index) => groupLines(group, index + 1, explanation));
  const rest = groups.slice(EXPLAINED);
  if (groups.length <= FIRST) return blocks.flat();
  return [
    '',
    `${groups.length} causes. Fix the first ${FIRST} first, then run again: later causes may be consequences.`,
    ...blocks.slice(0, FIRST).flat(),
    '',
    'Then:',
    ...blocks.slice(FIRST).flat(),
    ...(rest.length === 0 ? [] : ['', rest.length === 1 ? '1 more cause:' : `${rest.length} more causes:`]),
    ...rest
      .slice(0, LISTED)
      .map(
        ({ text, checks }) =>
          `  ${text.slice(0, 120)}: ${checks[0].id}${checks.length > 1 ? ` and ${checks.length - 1} more` : ''}`,
      ),
    ...(rest.length > LISTED ? ['  … (all are in the report of --report html=FILE)'] : []),
  ];
}

function headlineLines(headlines: readonly string[]): readonly string[] {
  return headlines.flatMap((each) => ['', `! ${each.charAt(0).toUpperCase()}${each.slice(1)}.`]);
}

/** Advice if the run was long because the server's heartbeats are rare. */
function paceLines({ target: { heartbeatIntervalMs = 0 }, durationMs }: Summary): readonly string[] {
  if (heartbeatIntervalMs <= SHORT_INTERVAL_MS || durationMs < heartbeatIntervalMs) return [];
  return [
    `A run waits for heartbeats, and this server sends one every ${heartbeatIntervalMs / 1000} s: set its heartbeatIntervalMs to ${SHORT_INTERVAL_MS} for a short run.`,
  ];
}

export function textReport(summary: Summary, explanation: Explanation): string {
  const { checks, counts, outcome, durationMs, frames, harnessFaults, headlines } = summary;
  const tally = Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([verdict, count]) => `${count} ${verdict}`)
    .join(', ');
  return [
    ...headlineLines(headlines),
    ...causeLines(groupByCause(checks), explanation),
    '',
    ...harnessFaults.map((fault) => `fault of the suite: ${fault}`),
    ...uncoveredLines(summary),
    ...paceLines(summary),
    `${tally}; ${frames} frames in ${(durationMs / 1000).toFixed(1)} s`,
    outcome.text,
    '',
  ].join('\n');
}
