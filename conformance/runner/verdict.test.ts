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

describe('a run is green', () => {
  test('when what was judged passed', () => {
    expect(exit(check('PASS'))).toBe(EXIT.ok);
  });

  test('when something does not apply, as long as something else does', () => {
    expect(exit(check('PASS'), check('N/A'))).toBe(EXIT.ok);
  });

  test('when only a SHOULD failed, or was vacuous', () => {
    expect(exit(check('PASS'), check('WARN', { level: 'should' }), check('VACUOUS', { level: 'should' }))).toBe(
      EXIT.ok,
    );
  });

  test('when what is known to fail failed', () => {
    expect(exit(check('PASS'), check('FAIL', { known: true }))).toBe(EXIT.ok);
  });
});

describe('a run is not green', () => {
  test.each<Verdict>(['FAIL', 'UNTESTABLE', 'VACUOUS'])('when a MUST is %s', (verdict) => {
    expect(exit(check('PASS'), check(verdict))).toBe(EXIT.findings);
  });

  test('when what is known to fail passes: the list is stale', () => {
    const outcome = judgeRun([check('PASS'), check('PASS', { known: true })], []);
    expect(outcome.exit).toBe(EXIT.findings);
    expect(outcome.text).toContain('listed as failing');
  });

  test('when no check ran', () => {
    expect(exit()).toBe(EXIT.inconclusive);
  });

  test('when nothing applied', () => {
    expect(exit(check('N/A'), check('N/A'))).toBe(EXIT.inconclusive);
  });

  test('when the runner was starved', () => {
    expect(exit(check('PASS'), check('INCONCLUSIVE'))).toBe(EXIT.inconclusive);
  });

  test('when the suite itself broke the contract, whatever else happened', () => {
    expect(judgeRun([check('FAIL')], ['frame 3 …']).exit).toBe(EXIT.harness);
  });
});

test('a finding outweighs what could not be judged', () => {
  expect(exit(check('FAIL'), check('INCONCLUSIVE'))).toBe(EXIT.findings);
});
