/** `conformance client-mutants`: proves that the client tapes detect wrong clients and pass the SDKs. */
import { Option } from 'commander';
import type { Command } from 'commander';
import { LANGUAGES, listClientMutants } from '../client/mutants/patched-sdk.ts';
import type { ClientMutant, Language } from '../client/mutants/patched-sdk.ts';
import { tryMutant, tryUnchanged } from '../client/mutants/trial.ts';
import type { Kill } from '../mutants/matrix.ts';
import { EXIT } from '../runner/verdict.ts';
import { isChosen } from '../tape/library.ts';
import { whole } from './option-values.ts';
import { UsageError, guarded, print, printStatus } from './terminal.ts';

interface ClientMutantFlags {
  readonly language?: Language;
  readonly only?: string;
  readonly sample?: number;
  readonly seed: number;
  readonly jobs: number;
  readonly list?: true;
  readonly json?: true;
}

export function registerClientMutants(program: Command): void {
  program
    .command('client-mutants')
    .description(
      'run the client tapes against mutants: copies of the SDKs that each break one clause on purpose. Without --only and --sample, the unchanged SDKs are tested too. Exit code 3: a mutant was not killed by a check of its clause, or an unchanged SDK failed.',
    )
    .addOption(new Option('--language <language>', 'run only the mutants of this SDK').choices(LANGUAGES))
    .option('--only <globs>', 'run only these mutants, for example "no-*,one-id"')
    .option(
      '--sample <n>',
      'run only N mutants of each SDK, spread evenly over the list of its mutants; --seed selects the first',
      whole,
    )
    .option(
      '--seed <n>',
      'with --sample: index, in the list of mutants, of the first mutant to run; the list begins with index 0',
      whole,
      1,
    )
    .option('--jobs <n>', 'how many tapes to run at once', whole, 4)
    .option('--list', 'list the mutants without running them')
    .option('--json', 'print the results as JSON')
    .action((flags: ClientMutantFlags) => guarded(() => clientMutants(flags)));
}

function chosen(all: readonly ClientMutant[], { only, sample, seed }: ClientMutantFlags): readonly ClientMutant[] {
  const some = all.filter(({ name }) => isChosen(name, only));
  if (sample === undefined || sample >= some.length) return some;
  const step = Math.floor(some.length / sample);
  return Array.from({ length: sample }, (_, index) => some[(seed + index * step) % some.length]).filter(
    (mutant) => mutant !== undefined,
  );
}

interface Result extends Pick<Kill, 'outcome' | 'by'> {
  readonly language: Language;
  readonly name: string;
  readonly clause: string;
  readonly what: string;
}

/** One line of the result: the outcome, the clause that the mutant breaks, its language and name, and checks that killed it. */
function line({ language, name, clause, outcome, by }: Result): string {
  return `${outcome.padEnd(8)}  ${clause.padEnd(6)} ${language.padEnd(10)} ${name.padEnd(24)} ${by.slice(0, 4).join(' ')}`;
}

async function clientMutants(flags: ClientMutantFlags): Promise<number> {
  // The package contains only the compiled suite, but the patches apply to the sources of the SDKs.
  if (!import.meta.url.endsWith('.ts'))
    throw new UsageError('client-mutants patches the sources of the SDKs, so it runs only in a clone of the project.');
  const languages = flags.language === undefined ? LANGUAGES : [flags.language];
  const isPart = flags.only !== undefined || flags.sample !== undefined;
  const results: Result[] = [];
  const unfit: string[] = [];
  for (const language of languages) {
    const mutants = chosen(await listClientMutants(language), flags);
    if (flags.list === true) {
      print(
        mutants
          .map(({ clause, name, what }) => `${clause.padEnd(6)} ${language.padEnd(10)} ${name.padEnd(24)} ${what}`)
          .join('\n'),
      );
      continue;
    }
    const options = { language, jobs: flags.jobs };
    if (!isPart) {
      const { exit, text } = await tryUnchanged(options);
      printStatus(`${exit === EXIT.ok ? 'passes' : 'FAILED'}    ${language}: ${text}`);
      if (exit !== EXIT.ok) unfit.push(language);
    }
    for (const mutant of mutants) {
      const { outcome, by } = await tryMutant(mutant, options);
      const { name, clause, what } = mutant;
      const result: Result = { language, name, clause, what, outcome, by };
      printStatus(line(result));
      results.push(result);
    }
  }
  if (flags.list === true) return EXIT.ok;
  if (results.length === 0)
    throw new UsageError(`--only ${flags.only ?? ''} matches no mutant; --list shows all mutants.`);
  const killed = results.filter(({ outcome }) => outcome === 'killed').length;
  const unchanged = unfit.length === 0 ? '' : `; the unchanged SDK fails: ${unfit.join(', ')}`;
  if (flags.json === true) print(JSON.stringify(results));
  else print(`${killed} of ${results.length} client mutants killed by a check of their clause${unchanged}`);
  return killed === results.length && unfit.length === 0 ? EXIT.ok : EXIT.findings;
}
