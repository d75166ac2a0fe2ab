/** The verdict of a check and the outcome of a run. */
import type { ClauseId } from '../../generated/protocol.ts';
import type { Json } from '../trace/json.ts';
import type { Level, TapeHeader } from '../tape/tape.ts';
import type { Difference } from '../tape/matcher.ts';

/**
 * - `PASS`, `FAIL`: the check succeeded or failed. `WARN`: a check of level `should` failed.
 * - `N/A`: the check does not apply to the target.
 * - `UNTESTABLE`: the contract or the configuration says that the target has the feature, but there is no way to test it.
 * - `VACUOUS`: the run had nothing for the check to examine.
 * - `INCONCLUSIVE`: the runner got too little CPU time, or the network failed.
 * - `SKIPPED`: the check did not run, because it could not pass: the server had stopped, sent no valid `welcome`, or never
 *   answers a command that the check needs.
 */
export const VERDICTS = ['PASS', 'FAIL', 'WARN', 'N/A', 'UNTESTABLE', 'VACUOUS', 'INCONCLUSIVE', 'SKIPPED'] as const;

export type Verdict = (typeof VERDICTS)[number];

/** Why a check failed, for people and for reports. */
export interface Failure {
  /** What failed, in one sentence. */
  readonly text: string;
  /** The line of the tape; undefined when the check is not a tape. */
  readonly line?: number;
  readonly expected?: Json;
  /** The frame that is most similar to the expectation: its number, value and differences. */
  readonly nearest?: { readonly frame: number; readonly value: Json; readonly differences: readonly Difference[] };
  /** Numbers of the frames that prove the failure. */
  readonly frames: readonly number[];
  /** Set if too little processor time may be the cause: something did not arrive in time, or the connection ended. */
  readonly late?: true;
}

/** The cause of a failure. Checks that fail for the same cause have equal texts. */
export interface Cause {
  /** For example "no reply to `subscribe`". */
  readonly text: string;
  /** The command that got no reply, or `malformed` for a message that must be answered by an error. */
  readonly unanswered?: string;
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
  /** Undefined if the check passed, or if its failure has no known common cause. */
  readonly cause?: Cause;
  /** How often the check was applied. */
  readonly fired: number;
  readonly durationMs: number;
  /** Set if the check is listed in `--known-failing`: it still runs and must fail. */
  readonly known?: true;
}

/** The result of a tape that did not run. */
export function skippedCheck({ id, clauses, level, why }: TapeHeader, reason: string): CheckResult {
  return { id, kind: 'tape', clauses, level, why, verdict: 'SKIPPED', reason, failures: [], fired: 0, durationMs: 0 };
}

/** Exit codes of every command of the suite. `inconclusive` includes a target that cannot be reached. */
export const EXIT = { ok: 0, harness: 1, usage: 2, findings: 3, inconclusive: 5 } as const;

export interface Outcome {
  readonly exit: (typeof EXIT)[keyof typeof EXIT];
  /** The reason, in one sentence. */
  readonly text: string;
}

/** The verdicts that mean that a MUST check is not satisfied. */
const UNMET: readonly Verdict[] = ['FAIL', 'UNTESTABLE', 'VACUOUS'];

/** Whether this check alone makes the run fail. */
export function isFinding(check: CheckResult): boolean {
  if (check.known === true) return check.verdict === 'PASS' || check.verdict === 'N/A';
  return check.level === 'must' && UNMET.includes(check.verdict);
}

function count(checks: readonly CheckResult[], ...verdicts: readonly Verdict[]): number {
  return checks.filter(({ verdict }) => verdicts.includes(verdict)).length;
}

/**
 * Decides the outcome of a run. A run must not pass by accident: at least one check must have run, no check may have failed
 * unexpectedly, no MUST may be untested, and no check in the known-failing list may pass.
 */
export function judgeRun(
  checks: readonly CheckResult[],
  harnessFaults: readonly string[],
  titles: readonly string[] = [],
): Outcome {
  const [fault] = harnessFaults;
  if (fault !== undefined) return { exit: EXIT.harness, text: `the suite itself broke the contract: ${fault}` };
  const judged = judgeChecks(checks);
  return titles.length === 0 ? judged : { ...judged, text: `${titles.join('; ')}; ${judged.text}` };
}

function judgeChecks(checks: readonly CheckResult[]): Outcome {
  const findings = checks.filter(isFinding);
  if (findings.length > 0) {
    const stale = findings.filter(({ known }) => known === true).length;
    const parts = [
      [count(findings, 'FAIL'), 'failed'],
      [count(findings, 'UNTESTABLE'), 'untestable'],
      [count(findings, 'VACUOUS'), 'vacuous'],
      [stale, 'listed in --known-failing, but not failing'],
    ] as const;
    const counts = [...parts, [count(checks, 'SKIPPED'), 'skipped'] as const]
      .filter(([number]) => number > 0)
      .map(([number, what]) => `${number} ${what}`);
    return { exit: EXIT.findings, text: `not conformant: ${counts.join(', ')}` };
  }
  const inconclusive = count(checks, 'INCONCLUSIVE');
  const skipped = count(checks, 'SKIPPED');
  if (skipped > 0) return { exit: EXIT.inconclusive, text: `inconclusive: ${skipped} checks did not run` };
  if (inconclusive > 0)
    return { exit: EXIT.inconclusive, text: `inconclusive: ${inconclusive} checks gave no result; run again` };
  const judged = count(checks, 'PASS', 'FAIL', 'WARN');
  if (judged === 0) return { exit: EXIT.inconclusive, text: 'no check ran' };
  return { exit: EXIT.ok, text: `conformant: ${count(checks, 'PASS')} of ${judged} checks passed` };
}
