/** `conformance mutants`: proves that the suite notices what is wrong, and only that. */
import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';
import { UsageError, guarded, print, say } from '../command/terminal.ts';
import { EXIT } from '../runner/verdict.ts';
import { isChosen } from '../tape/library.ts';
import { judge, listMutants, listVariants } from './host.ts';
import type { Judgement, Mutant } from './host.ts';
import { isProof, killOf, matrixOf, matrixText } from './matrix.ts';
import type { BenignTrial, Trial } from './matrix.ts';

interface MutantFlags {
  readonly only?: string;
  readonly sample?: number;
  readonly seed: number;
  readonly jobs: number;
  readonly json?: true;
}

export function registerMutants(program: Command): void {
  program
    .command('mutants')
    .description(
      'run the suite against servers that are wrong on purpose, and print which check notices which (3 when one survives)',
    )
    .option('--only <globs>', 'only these mutants and variants')
    .option('--sample <n>', 'only so many of each, chosen by the seed', whole)
    .option('--seed <n>', 'chooses the sample', whole, 1)
    .option('--jobs <n>', 'servers at a time', whole, 2)
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
  const chosen = choose(await listMutants());
  const variants = choose(await listVariants());
  if (chosen.length + variants.length === 0) throw new UsageError(`No mutant fits ${only ?? ''}.`);
  const trials = await inParallel(chosen, jobs, tried);
  const benign = await inParallel(variants, jobs, async (variant): Promise<BenignTrial> => {
    const judgement = await judge('open', ['--benign', variant.name]);
    say(`${judgement.exit === 0 ? 'pass' : 'FAIL'}  benign ${variant.name}`);
    return { variant, judgement };
  });
  const matrix = matrixOf(trials, benign);
  const scope = only === undefined && sample === undefined ? 'whole' : 'sample';
  print(flags.json ? JSON.stringify(matrix) : matrixText(matrix, benign.length, scope));
  return isProof(matrix, scope) ? EXIT.ok : EXIT.findings;
}

/** Against a server that lets everyone in; what only credentials can show is looked for where they decide. */
async function tried(mutant: Mutant): Promise<Trial> {
  const judgements: Judgement[] = [await judge('open', ['--mutant', mutant.name])];
  if (killOf({ mutant, judgements }).outcome !== 'killed')
    judgements.push(await judge('secured', ['--mutant', mutant.name]));
  const trial = { mutant, judgements };
  say(`${killOf(trial).outcome}  ${mutant.name}`);
  return trial;
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
