/** The report must be valid by the schema of the format's reference implementation (package `ctrf`). */
import { validate } from 'ctrf';
import { expect, test } from 'vitest';
import { Trace } from '../trace/trace.ts';
import { VERDICTS } from '../runner/verdict.ts';
import type { CheckResult } from '../runner/verdict.ts';
import { ctrfReport } from './ctrf.ts';
import { clauseResults, countVerdicts } from './summary.ts';

const CHECKS: readonly CheckResult[] = VERDICTS.flatMap((verdict, at) =>
  (['must', 'should'] as const).map((level) => ({
    id: `ping/${level}-${at}`,
    kind: 'tape' as const,
    clauses: ['ENV-3'] as const,
    level,
    why: 'Pings are answered.',
    verdict,
    failures: verdict === 'FAIL' ? [{ text: 'no reply', frames: [1], expected: { type: 'pong' } }] : [],
    ...(verdict === 'FAIL' ? { cause: { text: 'no reply to `ping`', unanswered: 'ping' } } : {}),
    ...(verdict === 'N/A' ? { reason: 'the server has no broadcast' } : {}),
    fired: 1,
    durationMs: 3,
  })),
);

function reportOf(checks: readonly CheckResult[]): { results: { summary: Record<string, number>; tests: object[] } } {
  const trace = new Trace(
    { trace: 1, startedAt: '2026-03-02T09:15:00.000Z', target: 'ws://127.0.0.1:7400/ws' },
    () => 1,
  );
  trace.add({ actor: 'alice', connection: 1, dir: '>>', kind: 'text', text: '{"type":"ping","id":"c1","data":{}}' });
  const summary = {
    suite: { protocolVersion: '1.0.0', contractDigest: `sha256:${'0'.repeat(64)}` },
    target: { url: 'ws://127.0.0.1:7400/ws' },
    scope: 'everything',
    startedAt: '2026-03-02T09:15:00.000Z',
    durationMs: 1234,
    frames: 1,
    outcome: { exit: 3, text: 'not conformant: 1 failed' },
    headlines: ['the server stopped'],
    counts: countVerdicts(checks),
    checks,
    clauses: clauseResults(checks),
    harnessFaults: [],
  } as const;
  return JSON.parse(ctrfReport(summary, { trace, repeat: (id) => `run --only ${id}`, width: 160 })) as never;
}

test('a report with every verdict is valid', () => {
  const report = reportOf(CHECKS);
  expect(validate(report)).toMatchObject({ valid: true, errors: [] });
  const { tests, passed, failed, skipped, other, pending } = report.results.summary;
  expect(tests).toBe(CHECKS.length);
  expect([passed, failed, skipped, other, pending]).toEqual([2, 3, 7, 4, 0]);
});

test('a report without checks is valid', () => {
  expect(validate(reportOf([]))).toMatchObject({ valid: true, errors: [] });
});

test('the schema rejects a report that violates it', () => {
  const report = reportOf(CHECKS);
  Object.assign(report.results.tests[0] ?? {}, { status: 'unknown' });
  expect(validate(report).valid).toBe(false);
});
