/** `conformance mutants`: proves that the suite notices what is wrong, and only that. */
import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';
import { UsageError, guarded, print, say } from './terminal.ts';
import { CLAUSE_IDS } from '../invariants/contract.ts';
import { CLAUSES } from '../../generated/protocol.ts';
import { EXIT } from '../runner/verdict.ts';
import { isChosen } from '../tape/library.ts';
import { DOORS, listMutants, listVariants, serve } from '../mutants/host.ts';
import type { Door, Mutant, Variant } from '../mutants/host.ts';
import { isProof, killOf, matrixOf, matrixText } from '../mutants/matrix.ts';
import type { RightTrial, Suite, Trial } from '../mutants/matrix.ts';
import { checksOfClause, checksOfSuite, judge } from '../mutants/suite.ts';
import type { Judgement } from '../mutants/suite.ts';

interface MutantFlags {
  readonly only?: string;
  readonly sample?: number;
  readonly seed: number;
  readonly jobs: number;
  readonly thorough?: true;
  readonly list?: true;
  readonly json?: true;
}

export function registerMutants(program: Command): void {
  program
    .command('mutants')
    .description(
      'run the suite against servers that are wrong on purpose, and print which check notices which (3 when one survives)',
    )
    .option('--only <globs>', 'only these mutants and variants, for example "resume-*,shuffled-keys"')
    .option('--sample <n>', 'only so many of each, chosen by the seed', whole)
    .option('--seed <n>', 'chooses the sample', whole, 1)
    .option('--jobs <n>', 'servers at a time', whole, 2)
    .option('--thorough', 'the whole suite against every mutant, not only the checks of the clause that it breaks')
    .option('--list', 'list them instead')
    .option('--json', 'print the matrix as JSON')
    .action((flags: MutantFlags) => guarded(() => mutants(flags)));
}

function whole(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('It is a whole number from 1.');
  return value;
}

async function mutants(flags: MutantFlags): Promise<number> {
  const { only, sample, seed, jobs } = flags;
  const choose = <Item extends { readonly name: string }>(all: readonly Item[]): readonly Item[] => {
    const chosen = only === undefined ? all : all.filter(({ name }) => isChosen(name, only));
    return sample === undefined ? chosen : sampleOf(chosen, sample, seed);
  };
  const wrong = choose(await listMutants());
  const right = choose(await listVariants());
  if (wrong.length + right.length === 0) throw new UsageError(`No mutant fits ${only ?? ''}.`);
  if (flags.list === true) return list(wrong, right);
  const trials = await inParallel(wrong, jobs, (mutant) => tried(mutant, flags));
  const passed = await inParallel(right, jobs, triedRight);
  const matrix = matrixOf(suite(), trials, passed);
  const scope = only === undefined && sample === undefined ? 'whole' : 'sample';
  print(flags.json === true ? JSON.stringify(matrix) : matrixText(matrix, passed.length, scope));
  return isProof(matrix, scope) ? EXIT.ok : EXIT.findings;
}

/** Everything that a whole matrix has to speak of. */
function suite(): Suite {
  const clauses = CLAUSE_IDS.filter((id) => CLAUSES[id].observable === 'client');
  return { checks: checksOfSuite().map(({ id }) => id), clauses };
}

function list(wrong: readonly Mutant[], right: readonly Variant[]): number {
  const lines = [
    ...wrong.map(({ name, clause, what }) => [clause, name, what] as const),
    ...right.map(({ name, what }) => ['right', name, what] as const),
  ];
  print(lines.map(([clause, name, what]) => `${clause.padEnd(6)} ${name.padEnd(28)} ${what}`).join('\n'));
  return EXIT.ok;
}

async function judgeAt(deviation: readonly string[], door: Door, only?: string): Promise<Judgement> {
  const { config, stop } = await serve(deviation, door);
  try {
    return await judge(config, only);
  } finally {
    await stop();
  }
}

/**
 * Behind one door after the other, until it is noticed; first by the checks of its clause alone, which takes seconds. What holds over
 * a whole history may need the whole suite to happen.
 */
async function tried(mutant: Mutant, { thorough }: MutantFlags): Promise<Trial> {
  const { name, clause } = mutant;
  const judgements: Judgement[] = [];
  const scopes = thorough === true ? [undefined] : [checksOfClause(clause), undefined];
  for (const [only, door] of scopes.flatMap((scope) => DOORS.map((each) => [scope, each] as const))) {
    judgements.push(await judgeAt(['--mutant', name], door, only));
    if (killOf({ mutant, judgements }).outcome === 'killed') break;
  }
  const { outcome, by } = killOf({ mutant, judgements });
  say(`${outcome.padEnd(8)}  ${clause.padEnd(6)} ${name}${outcome === 'killed' ? '' : `: ${by.join(' ')}`}`);
  return { mutant, judgements };
}

async function triedRight(variant: Variant): Promise<RightTrial> {
  const judgement = await judgeAt(variant.deviation, variant.door);
  say(`${judgement.exit === EXIT.ok ? 'passes' : 'WRONGED'}   ${variant.name}`);
  return { variant, judgement };
}

async function inParallel<In, Out>(
  items: readonly In[],
  jobs: number,
  work: (item: In) => Promise<Out>,
): Promise<Out[]> {
  const results: Out[] = [];
  const queue = items.entries();
  const worker = async (): Promise<void> => {
    for (const [index, item] of queue) results[index] = await work(item);
  };
  await Promise.all(Array.from({ length: jobs }, worker));
  return results;
}

/** The same for the same seed: every third of them, say, beginning anywhere. */
function sampleOf<Item>(all: readonly Item[], count: number, seed: number): readonly Item[] {
  const step = Math.max(1, Math.floor(all.length / count));
  return Array.from(
    { length: Math.min(count, all.length) },
    (_, index) => all[(seed + index * step) % all.length],
  ).filter((item) => item !== undefined);
}
