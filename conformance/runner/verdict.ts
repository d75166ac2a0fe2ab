/** What a check comes to, and what a run comes to. */
import type { ClauseId } from '../../generated/protocol.ts';
import type { Json } from '../trace/json.ts';
import type { Level } from '../tape/tape.ts';
import type { Difference } from '../tape/matcher.ts';

/**
 * - `PASS`, `FAIL`: judged. `WARN`: a SHOULD that failed.
 * - `N/A`: the target says that it does without.
 * - `UNTESTABLE`: the target claims it, but the suite was given no means to test it.
 * - `VACUOUS`: what it judges never happened.
 * - `INCONCLUSIVE`: the runner itself was starved, or the network broke.
 */
export const VERDICTS = ['PASS', 'FAIL', 'WARN', 'N/A', 'UNTESTABLE', 'VACUOUS', 'INCONCLUSIVE'] as const;

export type Verdict = (typeof VERDICTS)[number];

/** Why a check failed, for people and for reports. */
export interface Failure {
  /** One sentence. */
  readonly text: string;
  /** The line of the tape, or undefined for checks that are no tapes. */
  readonly line?: number;
  readonly expected?: Json;
  /** The nearest frame's number, what it held, and where it differs. */
  readonly nearest?: { readonly frame: number; readonly value: Json; readonly differences: readonly Difference[] };
  /** Frame numbers that prove it. */
  readonly frames: readonly number[];
}

export type CheckKind = 'tape' | 'frames' | 'invariant' | 'generated';

export interface CheckResult {
  readonly id: string;
  readonly kind: CheckKind;
  readonly clauses: readonly ClauseId[];
  readonly level: Level;
  readonly why: string;
  readonly verdict: Verdict;
  /** Why the verdict is neither PASS nor FAIL. */
  readonly reason?: string;
  readonly failures: readonly Failure[];
  /** How often the check had something to judge. */
  readonly fired: number;
  readonly durationMs: number;
  /** Listed as failing: it still runs, and must fail. */
  readonly known?: true;
}

export const EXIT = { ok: 0, harness: 1, usage: 2, findings: 3, inconclusive: 5 } as const;

export interface Outcome {
  readonly exit: (typeof EXIT)[keyof typeof EXIT];
  /** One sentence that says why. */
  readonly text: string;
}

/** Verdicts of which a MUST does not count as met. */
const UNMET: readonly Verdict[] = ['FAIL', 'UNTESTABLE', 'VACUOUS'];

/** Whether this check alone keeps a run from being green. */
export function isFinding(check: CheckResult): boolean {
  if (check.known === true) return check.verdict === 'PASS' || check.verdict === 'N/A';
  return check.level === 'must' && UNMET.includes(check.verdict);
}

function count(checks: readonly CheckResult[], ...verdicts: readonly Verdict[]): number {
  return checks.filter(({ verdict }) => verdicts.includes(verdict)).length;
}

/**
 * Never green by accident: something must have been judged, nothing unexpected may have failed, no MUST may be left
 * untested, and an entry of the known-failing list that passes is stale.
 */
export function judgeRun(checks: readonly CheckResult[], harnessFaults: readonly string[]): Outcome {
  const [fault] = harnessFaults;
  if (fault !== undefined) return { exit: EXIT.harness, text: `the suite itself is at fault: ${fault}` };
  const findings = checks.filter(isFinding);
  if (findings.length > 0) {
    const stale = findings.filter(({ known }) => known === true).length;
    const parts = [
      [count(findings, 'FAIL'), 'failed'],
      [count(findings, 'UNTESTABLE'), 'untestable'],
      [count(findings, 'VACUOUS'), 'vacuous'],
      [stale, 'listed as failing, but not failing'],
    ] as const;
    const said = parts.filter(([number]) => number > 0).map(([number, what]) => `${number} ${what}`);
    return { exit: EXIT.findings, text: `not conformant: ${said.join(', ')}` };
  }
  const inconclusive = count(checks, 'INCONCLUSIVE');
  if (inconclusive > 0) return { exit: EXIT.inconclusive, text: `inconclusive: ${inconclusive} could not be judged` };
  const judged = count(checks, 'PASS', 'FAIL', 'WARN');
  if (judged === 0) return { exit: EXIT.inconclusive, text: 'nothing was judged' };
  return { exit: EXIT.ok, text: `conformant: ${count(checks, 'PASS')} of ${judged} checks passed` };
}
