/** The kill matrix: which wrong server is noticed by which checks. Pure; the runs are handed in. */
import { EXIT } from '../runner/verdict.ts';
import type { Mutant, Variant } from './host.ts';
import type { Check, Judgement } from './suite.ts';

/** Verdicts that say that something was seen. A check that had nothing to judge makes a run red too, but has noticed nothing. */
const RED: ReadonlySet<string> = new Set(['FAIL']);

export interface Trial {
  readonly mutant: Mutant;
  readonly judgements: readonly Judgement[];
}

export interface Kill {
  readonly mutant: Mutant;
  /**
   * Killed: by a MUST check of the clause that it breaks. Strayed: noticed, but by other checks only. Broke: the suite took the
   * fault for one of its own, which a wrong server must never bring it to.
   */
  readonly outcome: 'killed' | 'strayed' | 'survived' | 'broke';
  /** Red checks of its clause; where it strayed, all red ones; where the suite broke or could not begin, what it said. */
  readonly by: readonly string[];
  /** Every red check. */
  readonly red: readonly string[];
}

export interface RightTrial {
  readonly variant: Variant;
  readonly judgement: Judgement;
}

/** What a matrix has to speak of: checks by their ids, and the clauses that a client can observe. */
export interface Suite {
  readonly checks: readonly string[];
  readonly clauses: readonly string[];
}

export interface Matrix {
  readonly kills: readonly Kill[];
  /** Checks that noticed no mutant of any of their clauses. What a mutant that does nothing right is noticed by says little. */
  readonly idle: readonly string[];
  /** Checks that applied to no server at all. */
  readonly unused: readonly string[];
  /** Clauses that no mutant breaks: nothing shows that the suite judges them. */
  readonly unbroken: readonly string[];
  /** Variants that are right and were judged wrong, with the checks that erred. */
  readonly wronged: readonly { readonly variant: Variant; readonly by: readonly string[] }[];
}

export function killOf({ mutant, judgements }: Trial): Kill {
  const red = judgements.flatMap(({ checks }) => checks.filter(({ verdict }) => RED.has(verdict)));
  const ids = (checks: readonly Check[]): string[] => [...new Set(checks.map(({ id }) => id))].toSorted();
  const broken = judgements.find(({ exit }) => exit === EXIT.harness);
  if (broken !== undefined) return { mutant, outcome: 'broke', by: [broken.text], red: ids(red) };
  const own = red.filter(({ clauses, level }) => level === 'must' && clauses.includes(mutant.clause));
  if (own.length > 0) return { mutant, outcome: 'killed', by: ids(own), red: ids(red) };
  if (red.length > 0) return { mutant, outcome: 'strayed', by: ids(red), red: ids(red) };
  const unjudged = judgements.filter(({ checks }) => checks.length === 0).map(({ text }) => text);
  return { mutant, outcome: 'survived', by: [...new Set(unjudged)], red: [] };
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
      // What only advises is not red, and yet has noticed.
      if ((RED.has(verdict) || verdict === 'WARN') && cited.includes(mutant.clause)) killers.add(id);
    }
  const unused = all.filter((id) => inapplicable.has(id) && !judged.has(id));
  const idle = all.filter((id) => !killers.has(id) && !unused.includes(id));
  const unbroken = clauses.filter((clause) => !trials.some(({ mutant }) => mutant.clause === clause));
  const wronged = right.flatMap(({ variant, judgement: { exit, checks, text } }) => {
    const by = checks.filter(({ verdict }) => RED.has(verdict)).map(({ id }) => id);
    return exit === 0 ? [] : [{ variant, by: by.length > 0 ? by : [text || `exit ${exit}`] }];
  });
  return { kills, idle, unused, unbroken, wronged };
}

/** Whether the matrix is what it has to be. A sample of mutants says nothing about idle checks. */
export function isProof({ kills, idle, unbroken, wronged }: Matrix, scope: 'whole' | 'sample'): boolean {
  const all = kills.every(({ outcome }) => outcome === 'killed');
  return all && wronged.length === 0 && (scope === 'sample' || idle.length + unbroken.length === 0);
}

/** Killers named per mutant in a whole matrix; whoever asks for a few mutants wants to know whether their own check is among them. */
const SHOWN = 4;

export function matrixText(
  { kills, idle, unused, unbroken, wronged }: Matrix,
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
  const said = (what: string, ids: readonly string[]): readonly string[] =>
    scope === 'sample' || ids.length === 0 ? [] : [`${what}: ${ids.join(' ')}`];
  const total = `${killed} of ${kills.length} mutants killed by a check of their clause; ${variants - wronged.length} of ${variants} right servers pass`;
  return [
    ...lines,
    ...wronged.map(({ variant, by }) => `WRONGED   ${variant.name}: ${by.join(' ')}`),
    ...said('checks that noticed none of their clauses', idle),
    ...said('checks that applied to none of these', unused),
    ...said('clauses that no mutant breaks', unbroken),
    scope === 'sample' ? total : `${total}; ${idle.length} checks killed nothing`,
  ].join('\n');
}
