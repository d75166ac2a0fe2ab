/** The report in the Common Test Report Format (https://ctrf.io), which CI dashboards read. */
import { randomUUID } from 'node:crypto';
import { isFinding } from '../runner/verdict.ts';
import type { CheckResult } from '../runner/verdict.ts';
import { explainFailure } from './failure.ts';
import type { Explanation } from './failure.ts';
import type { Summary } from './summary.ts';

type Status = 'passed' | 'failed' | 'skipped' | 'other';

function statusOf(check: CheckResult): Status {
  if (isFinding(check)) return 'failed';
  if (check.verdict === 'PASS') return 'passed';
  return check.verdict === 'WARN' || check.verdict === 'INCONCLUSIVE' ? 'other' : 'skipped';
}

function testOf(check: CheckResult, explanation: Explanation): object {
  const { id, verdict, durationMs, clauses, failures, reason, cause, level, why } = check;
  const status = statusOf(check);
  const message = failures[0]?.text ?? reason;
  return {
    name: id,
    status,
    duration: durationMs,
    rawStatus: verdict,
    type: 'conformance',
    tags: clauses,
    ...(message === undefined ? {} : { message }),
    ...(status === 'failed' ? { trace: explainFailure(check, explanation).join('\n') } : {}),
    extra: { level, why, ...(cause === undefined ? {} : { cause: cause.text }) },
  };
}

export function ctrfReport(summary: Summary, explanation: Explanation): string {
  const { checks, startedAt, durationMs, suite, target, outcome, headlines } = summary;
  const start = Date.parse(startedAt);
  const count = (status: Status): number => checks.filter((check) => statusOf(check) === status).length;
  const report = {
    reportFormat: 'CTRF',
    specVersion: '0.0.0',
    reportId: randomUUID(),
    timestamp: new Date(start + durationMs).toISOString(),
    generatedBy: 'tidemark conformance',
    results: {
      tool: { name: 'tidemark conformance', version: suite.protocolVersion },
      summary: {
        tests: checks.length,
        passed: count('passed'),
        failed: count('failed'),
        pending: 0,
        skipped: count('skipped'),
        other: count('other'),
        start,
        stop: start + durationMs,
        duration: durationMs,
      },
      tests: checks.map((check) => testOf(check, explanation)),
      environment: { appName: target.nodeId ?? target.url, extra: { url: target.url } },
      extra: { outcome: outcome.text, headlines },
    },
  };
  return `${JSON.stringify(report, null, 2)}\n`;
}
