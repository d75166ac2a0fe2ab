/** The report as JUnit XML, which every CI system reads. */
import { isFinding } from '../runner/verdict.ts';
import type { CheckResult } from '../runner/verdict.ts';
import { explainFailure } from './failure.ts';
import type { Explanation } from './failure.ts';
import { escapeMarkup } from './markup.ts';
import type { Summary } from './summary.ts';

function bodyOf(check: CheckResult, explanation: Explanation): string {
  const details = escapeMarkup(explainFailure(check, explanation).join('\n'));
  const short = escapeMarkup(check.failures[0]?.text ?? check.reason ?? check.verdict);
  if (isFinding(check)) return `<failure type="${check.verdict}" message="${short}">${details}</failure>`;
  if (check.verdict === 'INCONCLUSIVE') return `<error type="INCONCLUSIVE" message="${short}">${details}</error>`;
  if (check.verdict === 'PASS') return '';
  return `<skipped message="${escapeMarkup(`${check.verdict}: ${short}`)}"/>`;
}

function caseOf(check: CheckResult, explanation: Explanation): string {
  const group = check.id.split('/')[0] ?? '';
  const name = `${check.id} [${check.clauses.join(' ')}]`;
  const attributes = `<testcase classname="${escapeMarkup(`conformance.${group}`)}" name="${escapeMarkup(name)}" time="${(check.durationMs / 1000).toFixed(3)}"`;
  const body = bodyOf(check, explanation);
  return body === '' ? `    ${attributes}/>` : `    ${attributes}>${body}</testcase>`;
}

export function junitReport(summary: Summary, explanation: Explanation): string {
  const { checks, durationMs, startedAt } = summary;
  const failures = checks.filter(isFinding).length;
  const errors = checks.filter((each) => each.verdict === 'INCONCLUSIVE' && !isFinding(each)).length;
  const skipped = checks.filter(
    (each) => !isFinding(each) && each.verdict !== 'PASS' && each.verdict !== 'INCONCLUSIVE',
  ).length;
  const numbers = `tests="${checks.length}" failures="${failures}" errors="${errors}" skipped="${skipped}" time="${(durationMs / 1000).toFixed(3)}"`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="tidemark conformance" ${numbers}>`,
    `  <testsuite name="tidemark conformance" timestamp="${escapeMarkup(startedAt)}" ${numbers}>`,
    ...checks.map((check) => caseOf(check, explanation)),
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n');
}
