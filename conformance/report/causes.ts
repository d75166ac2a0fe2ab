/** Failures grouped by what they come down to, in the order in which they are to be mended. */
import type { CheckResult } from '../runner/verdict.ts';
import { STOPS } from '../runner/standstill.ts';
import { MALFORMED, rankOf } from '../tape/rank.ts';
import { troubles } from './summary.ts';

export interface CauseGroup {
  readonly text: string;
  /** At least one; the first is the simplest one to begin with. */
  readonly checks: readonly [CheckResult, ...CheckResult[]];
}

/** Names, numbers and places differ between checks that fail for one cause. */
function causeText({ cause, failures, reason, verdict }: CheckResult): string {
  if (cause !== undefined) return cause.text;
  if (verdict === 'VACUOUS') return 'what some checks look at never happened';
  return failures[0]?.text ?? reason ?? verdict;
}

/** What a client meets late whatever it does, so that it is to be mended after the messages themselves. */
const LATE = /^(?:SEC|OPS)-/;

/** The server does not know the command at all. */
const UNKNOWN_COMMAND = /^`\w+` is answered by `error` unknown_type$/;

/**
 * How early a failure is to be mended: a server that stops and commands without any reply hold up everything else; a warning
 * does not even fail the run.
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

/** The checks that failed, warned or were inconclusive, by cause; first what a client meets first. */
export function groupByCause(checks: readonly CheckResult[]): readonly CauseGroup[] {
  const groups = new Map<string, [CheckResult, ...CheckResult[]]>();
  for (const check of troubles(checks).toSorted(byUrgency)) {
    const text = causeText(check);
    const group = groups.get(text);
    if (group === undefined) groups.set(text, [check]);
    else group.push(check);
  }
  // Sorting is stable: of equal weight, a group is where its first check was.
  return [...groups]
    .map(([text, members]) => ({ text, checks: simplestFirst(text, members) }))
    .toSorted((left, right) => weightOf(left) - weightOf(right));
}

/** From so many checks on, a cause holds up the others of its urgency. */
const WIDESPREAD = 10;

function weightOf({ checks }: CauseGroup): number {
  const urgency = Math.min(...checks.map(urgencyOf));
  return checks.length >= WIDESPREAD ? urgency - 0.5 : urgency;
}

/** The check that shows a cause best: of the operation that the cause names, and failing as early as possible. */
function simplestFirst(text: string, members: CauseGroup['checks']): CauseGroup['checks'] {
  const operation = /`(\w+)`/.exec(text)?.[1] ?? '';
  const cost = (check: CheckResult): number =>
    (check.id.startsWith(`${operation}/`) ? 0 : 1000) + (check.failures[0]?.line ?? 500);
  const best = members.reduce((left, right) => (cost(right) < cost(left) ? right : left));
  return [best, ...members.filter((each) => each !== best)];
}
