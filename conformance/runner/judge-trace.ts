/** Runs the checks of a finished trace: the frame checks and the invariants. */
import type { Finding, TraceCheck } from '../trace/finding.ts';
import type { Trace } from '../trace/trace.ts';
import type { CheckResult } from './verdict.ts';

/** The verdict of a trace check that had nothing to check. */
export interface Idle {
  readonly verdict: 'VACUOUS' | 'N/A' | 'UNTESTABLE' | 'SKIPPED';
  readonly reason: string;
}

/** @returns one result per check */
export function judgeTrace(
  trace: Trace,
  checks: readonly TraceCheck[],
  idleVerdict: (check: TraceCheck) => Idle,
): readonly CheckResult[] {
  return checks.map((check) => {
    const { id, clauses, why, judge } = check;
    const began = performance.now();
    const finding: Finding = judge(trace);
    const { violations, warnings = [], fired } = finding;
    const idle = violations.length === 0 && fired === 0;
    const verdict = violations.length > 0 ? 'FAIL' : warnings.length > 0 ? 'WARN' : 'PASS';
    return {
      id,
      kind: id.startsWith('frames/') ? 'frames' : 'invariant',
      clauses,
      level: 'must',
      why,
      ...(idle ? idleVerdict(check) : { verdict }),
      failures: (violations.length > 0 ? violations : warnings).map(({ text, frames, clauses: broken }) => ({
        text: `${text} (${[...new Set(broken)].join(', ')})`,
        frames,
      })),
      fired,
      durationMs: Math.round(performance.now() - began),
    };
  });
}
