/** The report in the Test Anything Protocol, version 14. */
import { isFinding } from '../runner/verdict.ts';
import type { CheckResult } from '../runner/verdict.ts';
import { explainFailure } from './failure.ts';
import type { Explanation } from './failure.ts';
import type { Summary } from './summary.ts';

function directive(check: CheckResult): string {
  if (check.known === true && !isFinding(check)) return ' # TODO known to fail';
  if (isFinding(check) || check.verdict === 'PASS') return '';
  return check.verdict === 'INCONCLUSIVE'
    ? ''
    : ` # SKIP ${check.verdict}${check.reason === undefined ? '' : `: ${check.reason}`}`;
}

function pointOf(check: CheckResult, number: number, explanation: Explanation): readonly string[] {
  const isBad = isFinding(check) || check.verdict === 'INCONCLUSIVE' || check.known === true;
  const line = `${isBad ? 'not ok' : 'ok'} ${number} - ${check.id.replaceAll('#', '\\#')}${directive(check)}`;
  if (!isFinding(check) && check.verdict !== 'INCONCLUSIVE') return [line];
  const details = explainFailure(check, explanation).map((each) => `    ${each}`);
  return [
    line,
    '  ---',
    `  clauses: [${check.clauses.join(', ')}]`,
    `  verdict: ${check.verdict}`,
    '  message: |',
    ...details,
    '  ...',
  ];
}

export function tapReport({ checks, outcome }: Summary, explanation: Explanation): string {
  return [
    'TAP version 14',
    `1..${checks.length}`,
    ...checks.flatMap((check, index) => pointOf(check, index + 1, explanation)),
    `# ${outcome.text}`,
    '',
  ].join('\n');
}
