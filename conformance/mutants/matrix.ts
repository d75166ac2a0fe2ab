/** The kill matrix: which wrong server is noticed by which checks. Pure; the runs are handed in. */
import type { Check, Judgement, Mutant, Variant } from './host.ts';

/** Verdicts that make a run red. */
const RED: ReadonlySet<string> = new Set(['FAIL', 'VACUOUS', 'UNTESTABLE']);

export interface Trial {
  readonly mutant: Mutant;
  readonly judgements: readonly Judgement[];
}

export interface Kill {
  readonly mutant: Mutant;
  /** Killed: by a MUST check of the clause that it breaks. Strayed: noticed, but by other checks only. */
  readonly outcome: 'killed' | 'strayed' | 'survived';
  /** Red checks of its clause, or, where it strayed, all red ones. */
  readonly by: readonly string[];
  /** Every red check. */
  readonly red: readonly string[];
}

export interface BenignTrial {
  readonly variant: Variant;
  readonly judgement: Judgement;
}

export interface Matrix {
  readonly kills: readonly Kill[];
  /** Checks that applied and noticed no mutant at all. */
  readonly idle: readonly string[];
  /** Variants that are right and were judged wrong, with the checks that erred. */
  readonly wronged: readonly { readonly variant: Variant; readonly by: readonly string[] }[];
}

export function killOf({ mutant, judgements }: Trial): Kill {
  const red = judgements.flatMap(({ checks }) => checks.filter(({ verdict }) => RED.has(verdict)));
  const ids = (checks: readonly Check[]): string[] => [...new Set(checks.map(({ id }) => id))].toSorted();
  const own = red.filter(({ clauses, level }) => level === 'must' && clauses.includes(mutant.clause));
  if (own.length > 0) return { mutant, outcome: 'killed', by: ids(own), red: ids(red) };
  const outcome = red.length > 0 ? 'strayed' : 'survived';
  return { mutant, outcome, by: ids(red), red: ids(red) };
}

export function matrixOf(trials: readonly Trial[], benign: readonly BenignTrial[]): Matrix {
  const kills = trials.map(killOf);
  const applied = trials.flatMap(({ judgements }) =>
    judgements.flatMap(({ checks }) => checks.filter(({ verdict }) => verdict !== 'N/A').map(({ id }) => id)),
  );
  const killers = new Set(kills.flatMap(({ red }) => red));
  const wronged = benign.flatMap(({ variant, judgement: { exit, checks, text } }) => {
    const by = checks.filter(({ verdict }) => RED.has(verdict)).map(({ id }) => id);
    return exit === 0 ? [] : [{ variant, by: by.length > 0 ? by : [text || `exit ${exit}`] }];
  });
  return { kills, idle: [...new Set(applied)].filter((id) => !killers.has(id)).toSorted(), wronged };
}

/** Whether the matrix is what it has to be. A sample of mutants says nothing about idle checks. */
export function isProof({ kills, idle, wronged }: Matrix, scope: 'whole' | 'sample'): boolean {
  const all = kills.every(({ outcome }) => outcome === 'killed');
  return all && wronged.length === 0 && (scope === 'sample' || idle.length === 0);
}

const SHOWN = 4;

export function matrixText({ kills, idle, wronged }: Matrix, variants: number, scope: 'whole' | 'sample'): string {
  const width = Math.max(...kills.map(({ mutant }) => mutant.name.length));
  const lines = kills.map(({ mutant, outcome, by }) => {
    const more = by.length > SHOWN ? ` and ${by.length - SHOWN} more` : '';
    return `${outcome.padEnd(8)}  ${mutant.clause.padEnd(6)} ${mutant.name.padEnd(width)}  ${by.slice(0, SHOWN).join(' ')}${more}`;
  });
  const killed = kills.filter(({ outcome }) => outcome === 'killed').length;
  return [
    ...lines,
    ...wronged.map(({ variant, by }) => `WRONGED   ${variant.name}: ${by.join(' ')}`),
    ...(scope === 'sample' || idle.length === 0 ? [] : [`checks that noticed none of these: ${idle.join(' ')}`]),
    `${killed} of ${kills.length} mutants killed by a check of their clause; ${variants - wronged.length} of ${variants} benign variants pass${scope === 'sample' ? '' : `; ${idle.length} checks killed nothing`}`,
  ].join('\n');
}
