import { describe, expect, test } from 'vitest';
import { EXIT, judgeRun } from './verdict.ts';
import type { CheckResult, Verdict } from './verdict.ts';

const check = (verdict: Verdict, members: Partial<CheckResult> = {}): CheckResult => ({
  id: 'ping/echo',
  kind: 'tape',
  clauses: ['ENV-3'],
  level: 'must',
  why: 'Pings are answered.',
  verdict,
  failures: [],
  fired: 1,
  durationMs: 1,
  ...members,
});

const exit = (...checks: readonly CheckResult[]): number => judgeRun(checks, []).exit;

describe('a run passes', () => {
  test('when all checks pass', () => {
    expect(exit(check('PASS'))).toBe(EXIT.ok);
  });

  test('when some checks do not apply, as long as others do', () => {
    expect(exit(check('PASS'), check('N/A'))).toBe(EXIT.ok);
  });

  test('when only a SHOULD check failed or was vacuous', () => {
    expect(exit(check('PASS'), check('WARN', { level: 'should' }), check('VACUOUS', { level: 'should' }))).toBe(
      EXIT.ok,
    );
  });

  test('when a check listed in --known-failing fails', () => {
    expect(exit(check('PASS'), check('FAIL', { known: true }))).toBe(EXIT.ok);
  });
});

describe('a run does not pass', () => {
  test.each<Verdict>(['FAIL', 'UNTESTABLE', 'VACUOUS'])('when a MUST check is %s', (verdict) => {
    expect(exit(check('PASS'), check(verdict))).toBe(EXIT.findings);
  });

  test('when a check listed in --known-failing passes, because the list is out of date', () => {
    const outcome = judgeRun([check('PASS'), check('PASS', { known: true })], []);
    expect(outcome.exit).toBe(EXIT.findings);
    expect(outcome.text).toContain('listed in --known-failing');
  });

  test('when no check ran', () => {
    expect(exit()).toBe(EXIT.inconclusive);
  });

  test('when no check applied', () => {
    expect(exit(check('N/A'), check('N/A'))).toBe(EXIT.inconclusive);
  });

  test('when the runner got too little CPU time', () => {
    expect(exit(check('PASS'), check('INCONCLUSIVE'))).toBe(EXIT.inconclusive);
  });

  test('when the suite itself broke the contract, whatever else happened', () => {
    expect(judgeRun([check('FAIL')], ['frame 3 …']).exit).toBe(EXIT.harness);
  });
});

test('a failed check outweighs an inconclusive one', () => {
  expect(exit(check('FAIL'), check('INCONCLUSIVE'))).toBe(EXIT.findings);
});
