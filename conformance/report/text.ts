/** The report on a terminal. */
import type { Summary } from './summary.ts';
import { troubles } from './summary.ts';
import { explainFailure } from './failure.ts';
import type { Explanation } from './failure.ts';
import type { CheckResult } from '../runner/verdict.ts';

/** One line per check, printed when its verdict is known. */
export function checkLine({ verdict, id, reason, durationMs, known }: CheckResult): string {
  const time = durationMs >= 1000 ? ` (${(durationMs / 1000).toFixed(1)} s)` : '';
  return `${verdict.padEnd(12)} ${id}${known === true ? ' [known]' : ''}${time}${reason === undefined ? '' : ` – ${reason}`}`;
}

function uncoveredLines({ clauses, scope }: Summary): readonly string[] {
  // With --only, most clauses are not checked on purpose.
  if (scope !== 'everything') return [];
  const open = clauses.filter(
    ({ verdict, observable }) => verdict !== 'PASS' && verdict !== 'FAIL' && observable === 'client',
  );
  if (open.length === 0) return ['Every clause that a client can observe was checked.'];
  const entries = open.map(({ id, verdict }) => `${id} (${verdict === 'NONE' ? 'no check' : verdict})`);
  return [`Not checked: ${entries.join(', ')}`];
}

export function textReport(summary: Summary, explanation: Explanation): string {
  const { checks, counts, outcome, durationMs, frames, harnessFaults } = summary;
  const blocks = troubles(checks).flatMap((check) => [
    '',
    `${check.verdict} ${check.id}: ${check.why}`,
    ...explainFailure(check, explanation).map((line) => `  ${line}`),
  ]);
  const tally = Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([verdict, count]) => `${count} ${verdict}`)
    .join(', ');
  return [
    ...blocks,
    '',
    ...harnessFaults.map((fault) => `harness: ${fault}`),
    ...uncoveredLines(summary),
    `${tally}; ${frames} frames in ${(durationMs / 1000).toFixed(1)} s`,
    outcome.text,
    '',
  ].join('\n');
}
