/** Groups failures by cause, in the order in which they should be fixed. */
import type { CheckResult } from '../runner/verdict.ts';
import { STOPS } from '../runner/standstill-text.ts';
import { MALFORMED, rankOf } from '../tape/rank.ts';
import { unsuccessfulChecks } from './summary.ts';

export interface CauseGroup {
  readonly text: string;
  /** The checks with this cause, at least one. The first is the simplest, so it is the one to start with. */
  readonly checks: readonly [CheckResult, ...CheckResult[]];
}

/**
 * The text by which checks are grouped. It is the cause, not the text of a failure, because a failure contains names
 * and numbers that differ between checks.
 */
function causeText({ cause, failures, reason, verdict }: CheckResult): string {
  if (cause !== undefined) return cause.text;
  if (verdict === 'VACUOUS') return 'the run had nothing for some checks to examine';
  return failures[0]?.text ?? reason ?? verdict;
}

/** Clauses to fix last. Clauses about messages come before them, because clients depend on messages first. */
const LATE = /^(?:SEC|OPS)-/;

/** A cause of this form means that the server does not know the command at all. */
const UNKNOWN_COMMAND = /^`\w+` is answered by `error` unknown_type$/;

/**
 * The order in which to fix failures; 0 is first. A server that stops, or that never answers a command, prevents other checks from passing.
 * A warning is last, because it does not make the run fail.
 */
function urgencyOf({ cause, verdict, clauses }: CheckResult): number {
  if (cause?.text === STOPS) return 0;
  if (verdict === 'WARN') return 6;
  if (verdict === 'VACUOUS' || verdict === 'INCONCLUSIVE') return 5;
  if (cause !== undefined && UNKNOWN_COMMAND.test(cause.text)) return 1;
  if (cause?.unanswered !== undefined) return cause.unanswered === MALFORMED ? 3 : 1;
  return LATE.test(clauses[0] ?? '') || verdict === 'UNTESTABLE' ? 4 : 2;
}

function byUrgency(left: CheckResult, right: CheckResult): number {
  return urgencyOf(left) - urgencyOf(right) || rankOf(left.id) - rankOf(right.id) || (left.id < right.id ? -1 : 1);
}

/** The checks that failed, warned or were inconclusive, by cause, in the order in which they should be fixed. */
export function groupByCause(checks: readonly CheckResult[]): readonly CauseGroup[] {
  const groups = new Map<string, [CheckResult, ...CheckResult[]]>();
  for (const check of unsuccessfulChecks(checks).toSorted(byUrgency)) {
    const text = causeText(check);
    const group = groups.get(text);
    if (group === undefined) groups.set(text, [check]);
    else group.push(check);
  }
  // Sorting is stable: groups of equal weight keep the order of their first checks.
  return [...groups]
    .map(([text, members]) => ({ text, checks: simplestFirst(text, members) }))
    .toSorted((left, right) => weightOf(left) - weightOf(right));
}

/** A cause with at least this many checks is placed before other causes of the same urgency. */
const WIDESPREAD = 10;

function weightOf({ checks }: CauseGroup): number {
  const urgency = Math.min(...checks.map(urgencyOf));
  return checks.length >= WIDESPREAD ? urgency - 0.5 : urgency;
}

/**
 * Puts the check that shows the cause best first: a check of the operation that the cause names, and one that fails
 * early.
 */
function simplestFirst(text: string, members: CauseGroup['checks']): CauseGroup['checks'] {
  const operation = /`(\w+)`/.exec(text)?.[1] ?? '';
  const cost = (check: CheckResult): number =>
    (check.id.startsWith(`${operation}/`) ? 0 : 1000) + (check.failures[0]?.line ?? 500);
  const best = members.reduce((left, right) => (cost(right) < cost(left) ? right : left));
  return [best, ...members.filter((each) => each !== best)];
}
