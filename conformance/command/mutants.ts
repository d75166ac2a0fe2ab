/** `conformance mutants`: proves that the suite detects wrong servers and passes correct ones. */
import type { Command } from 'commander';
import { whole } from './option-values.ts';
import { UsageError, guarded, print, printStatus } from './terminal.ts';
import { CLAUSE_IDS } from '../invariants/contract.ts';
import { CLAUSES } from '../../generated/protocol.ts';
import { EXIT } from '../runner/verdict.ts';
import { isChosen } from '../tape/library.ts';
import { SETUPS, listMutants, listVariants, serve } from '../mutants/host.ts';
import type { Setup, Mutant, Variant } from '../mutants/host.ts';
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
      'run the suite against mutants (servers that each break one clause) and variants (unusual but correct servers), and print which checks detect each mutant. Exit code 3: a mutant was not killed by a check of its clause, or a variant failed. Without --only and --sample, exit code 3 also means: a check killed no mutant, or a clause that clients can observe has no mutant.',
    )
    .option('--only <globs>', 'run only these mutants and variants, for example "resume-*,shuffled-keys"')
    .option('--sample <n>', 'run only N mutants and N variants; --seed selects which', whole)
    .option(
      '--seed <n>',
      'with --sample: number that selects the sample; the same number selects the same mutants and variants',
      whole,
      1,
    )
    .option('--jobs <n>', 'how many servers to test at once', whole, 2)
    .option('--thorough', 'run the whole suite against every mutant, not only the checks of the clause that it breaks')
    .option('--list', 'list the mutants and variants without running them')
    .option('--json', 'print the matrix as JSON')
    .action((flags: MutantFlags) => guarded(() => mutants(flags)));
}

async function mutants(flags: MutantFlags): Promise<number> {
  const { only, sample, seed, jobs } = flags;
  const choose = <Item extends { readonly name: string }>(all: readonly Item[]): readonly Item[] => {
    const chosen = only === undefined ? all : all.filter(({ name }) => isChosen(name, only));
    return sample === undefined ? chosen : sampleOf(chosen, sample, seed);
  };
  const wrong = choose(await listMutants());
  const right = choose(await listVariants());
  if (wrong.length + right.length === 0)
    throw new UsageError(`--only ${only ?? ''} matches no mutant or variant; --list shows all of them.`);
  if (flags.list === true) return list(wrong, right);
  const trials = await inParallel(wrong, jobs, (mutant) => tried(mutant, flags));
  const passed = await inParallel(right, jobs, triedRight);
  const matrix = matrixOf(suite(), trials, passed);
  const scope = only === undefined && sample === undefined ? 'whole' : 'sample';
  print(flags.json === true ? JSON.stringify(matrix) : matrixText(matrix, passed.length, scope));
  return isProof(matrix, scope) ? EXIT.ok : EXIT.findings;
}

/** The checks and clauses that a whole matrix must cover. */
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

async function judgeAt(deviation: readonly string[], setup: Setup, only?: string): Promise<Judgement> {
  const { config, stop } = await serve(deviation, setup);
  try {
    return await judge(config, only);
  } finally {
    await stop();
  }
}

/**
 * Runs checks against the mutant, in each set-up of the server in turn, until a check kills it. The checks of the
 * mutant's clause run first, because they take only seconds. The whole suite follows, because some invariants need the
 * traffic of all tapes.
 */
async function tried(mutant: Mutant, { thorough }: MutantFlags): Promise<Trial> {
  const { name, clause } = mutant;
  const judgements: Judgement[] = [];
  const scopes = thorough === true ? [undefined] : [checksOfClause(clause), undefined];
  for (const [only, setup] of scopes.flatMap((scope) => SETUPS.map((each) => [scope, each] as const))) {
    judgements.push(await judgeAt(['--mutant', name], setup, only));
    if (killOf({ mutant, judgements }).outcome === 'killed') break;
  }
  const { outcome, by } = killOf({ mutant, judgements });
  printStatus(`${outcome.padEnd(8)}  ${clause.padEnd(6)} ${name}${outcome === 'killed' ? '' : `: ${by.join(' ')}`}`);
  return { mutant, judgements };
}

async function triedRight(variant: Variant): Promise<RightTrial> {
  const judgement = await judgeAt(variant.deviation, variant.setup);
  printStatus(`${judgement.exit === EXIT.ok ? 'passes' : 'FAILED'}   ${variant.name}`);
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

/** Takes every n-th item, from an offset that depends on the seed. The same seed gives the same sample. */
function sampleOf<Item>(all: readonly Item[], count: number, seed: number): readonly Item[] {
  const step = Math.max(1, Math.floor(all.length / count));
  return Array.from(
    { length: Math.min(count, all.length) },
    (_, index) => all[(seed + index * step) % all.length],
  ).filter((item) => item !== undefined);
}
