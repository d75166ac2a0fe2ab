/** The kill matrix: which checks detect which wrong server. It is computed from the results of the runs. */
import { CLAUSES } from '../../generated/protocol.ts';
import { EXIT } from '../runner/verdict.ts';
import type { Mutant, Variant } from './host.ts';
import type { Check, Judgement } from './suite.ts';

/** Verdicts that mean that a check has detected a mutant. VACUOUS also makes a run fail, but detects nothing. */
const RED: ReadonlySet<string> = new Set(['FAIL']);

const SHOULD_CLAUSES: ReadonlySet<string> = new Set(
  Object.entries(CLAUSES).flatMap(([id, { level }]) => (level === 'should' ? [id] : [])),
);

export interface Trial {
  readonly mutant: Mutant;
  readonly judgements: readonly Judgement[];
}

export interface Kill {
  readonly mutant: Mutant;
  /**
   * - `killed`: a MUST check of the broken clause failed, or a SHOULD check of a SHOULD clause warned.
   * - `strayed`: only other checks failed.
   * - `survived`: no check failed.
   * - `unjudged`: no check failed, but checks of the clause were INCONCLUSIVE. Run again on a machine that is less busy.
   * - `broke`: the suite reported a bug of its own, which a wrong server must never cause.
   */
  readonly outcome: 'killed' | 'strayed' | 'survived' | 'unjudged' | 'broke';
  /**
   * - `killed`: the checks of the clause that killed the mutant.
   * - `strayed`: all failed checks.
   * - `unjudged`: the INCONCLUSIVE checks of the clause.
   * - `survived`, `broke`: the error text of the suite, if there is one.
   */
  readonly by: readonly string[];
  /** Every failed check. */
  readonly red: readonly string[];
}

export interface RightTrial {
  readonly variant: Variant;
  readonly judgement: Judgement;
}

/** What a matrix must cover: the ids of all checks, and the clauses that a client can observe. */
export interface Suite {
  readonly checks: readonly string[];
  readonly clauses: readonly string[];
}

export interface Matrix {
  readonly kills: readonly Kill[];
  /**
   * Checks that detected no mutant of their own clauses. Mutants of other clauses do not count, because some mutants
   * fail every check.
   */
  readonly idle: readonly string[];
  /** Checks that applied to no server. */
  readonly unused: readonly string[];
  /** Clauses that no mutant breaks. Nothing proves that the suite tests these clauses. */
  readonly unbroken: readonly string[];
  /** Correct variants that failed, with the failed checks. */
  readonly failed: readonly { readonly variant: Variant; readonly by: readonly string[] }[];
}

export function killOf({ mutant, judgements }: Trial): Kill {
  const judged = judgements.flatMap(({ checks }) => checks);
  const red = judged.filter(({ verdict }) => RED.has(verdict));
  const ids = (checks: readonly Check[]): string[] => [...new Set(checks.map(({ id }) => id))].toSorted();
  const broken = judgements.find(({ exit }) => exit === EXIT.harness);
  if (broken !== undefined) return { mutant, outcome: 'broke', by: [broken.text], red: ids(red) };
  const own = judged.filter((check) => check.clauses.includes(mutant.clause) && detects(check, mutant));
  if (own.length > 0) return { mutant, outcome: 'killed', by: ids(own), red: ids(red) };
  if (red.length > 0) return { mutant, outcome: 'strayed', by: ids(red), red: ids(red) };
  const unjudged = judged.filter(
    ({ clauses, verdict }) => verdict === 'INCONCLUSIVE' && clauses.includes(mutant.clause),
  );
  if (unjudged.length > 0) return { mutant, outcome: 'unjudged', by: ids(unjudged), red: [] };
  const silent = judgements.filter(({ checks }) => checks.length === 0).map(({ text }) => text);
  return { mutant, outcome: 'survived', by: [...new Set(silent)], red: [] };
}

/** Whether the verdict of a check of the broken clause kills the mutant. A SHOULD check warns instead of failing. */
function detects({ level, verdict }: Check, { clause }: Mutant): boolean {
  if (level === 'must') return RED.has(verdict);
  return verdict === 'WARN' && SHOULD_CLAUSES.has(clause);
}

export function matrixOf(
  { checks: all, clauses }: Suite,
  trials: readonly Trial[],
  right: readonly RightTrial[],
): Matrix {
  const kills = trials.map(killOf);
  const killers = new Set<string>();
  const judged = new Set<string>();
  const inapplicable = new Set<string>();
  for (const { mutant, judgements } of trials)
    for (const { id, clauses: cited, verdict } of judgements.flatMap(({ checks }) => checks)) {
      (verdict === 'N/A' ? inapplicable : judged).add(id);
      // A SHOULD check warns instead of failing, and a warning detects the mutant too.
      if ((RED.has(verdict) || verdict === 'WARN') && cited.includes(mutant.clause)) killers.add(id);
    }
  const unused = all.filter((id) => inapplicable.has(id) && !judged.has(id));
  const idle = all.filter((id) => !killers.has(id) && !unused.includes(id));
  const unbroken = clauses.filter((clause) => !trials.some(({ mutant }) => mutant.clause === clause));
  const failed = right.flatMap(({ variant, judgement: { exit, checks, text } }) => {
    const by = checks.filter(({ verdict }) => RED.has(verdict)).map(({ id }) => id);
    return exit === 0 ? [] : [{ variant, by: by.length > 0 ? by : [text || `exit ${exit}`] }];
  });
  return { kills, idle, unused, unbroken, failed };
}

/**
 * Whether the matrix proves that the suite is effective. For a sample, idle checks and unbroken clauses do not count,
 * because mutants outside the sample may cover them.
 */
export function isProof({ kills, idle, unbroken, failed }: Matrix, scope: 'whole' | 'sample'): boolean {
  const all = kills.every(({ outcome }) => outcome === 'killed');
  return all && failed.length === 0 && (scope === 'sample' || idle.length + unbroken.length === 0);
}

/**
 * How many checks are listed per mutant. With `--only` all are listed, because the author of a tape looks for a
 * particular one.
 */
const SHOWN = 4;

export function matrixText(
  { kills, idle, unused, unbroken, failed }: Matrix,
  variants: number,
  scope: 'whole' | 'sample',
): string {
  const width = Math.max(...kills.map(({ mutant }) => mutant.name.length));
  const most = scope === 'sample' ? Number.POSITIVE_INFINITY : SHOWN;
  const lines = kills.map(({ mutant, outcome, by }) => {
    const more = by.length > most ? ` and ${by.length - most} more` : '';
    return `${outcome.padEnd(8)}  ${mutant.clause.padEnd(6)} ${mutant.name.padEnd(width)}  ${by.slice(0, most).join(' ')}${more}`;
  });
  const killed = kills.filter(({ outcome }) => outcome === 'killed').length;
  const listed = (what: string, ids: readonly string[]): readonly string[] =>
    scope === 'sample' || ids.length === 0 ? [] : [`${what}: ${ids.join(' ')}`];
  const passed = variants === 0 ? '' : `; ${variants - failed.length} of ${variants} correct servers pass`;
  const total = `${killed} of ${kills.length} mutants killed by a check of their clause${passed}`;
  return [
    ...lines,
    ...failed.map(({ variant, by }) => `FAILED    ${variant.name}: ${by.join(' ')}`),
    ...listed('checks that killed no mutant of their clauses', idle),
    ...listed('checks that applied to no server', unused),
    ...listed('clauses that no mutant breaks', unbroken),
    scope === 'sample' ? total : `${total}; ${idle.length === 1 ? '1 check' : `${idle.length} checks`} killed nothing`,
  ].join('\n');
}
