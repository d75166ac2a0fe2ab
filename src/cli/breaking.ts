/** `tidemark breaking`: reports whether clients of an older contract still work with a newer one. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Option } from 'commander';
import type { Command } from 'commander';
import { loadCodegen } from './codegen.ts';
import { readContractText } from './contract-source.ts';
import { CliError, EXIT } from './exit.ts';
import { plain, print, printJson } from './terminal.ts';

interface BreakingOptions {
  readonly against: string;
  readonly contract: string;
  readonly tapes?: string;
  readonly format: 'text' | 'json' | 'github';
  readonly json?: true;
}

const NAME = 'tidemark breaking';

/** The contract is two directories up from this file: beside `src/` in a clone, beside `dist/src/` in the package. */
const OWN_CONTRACT = fileURLToPath(new URL('../../asyncapi.yaml', import.meta.url));

export function registerBreaking(program: Command): void {
  program
    .command('breaking')
    .description('report whether clients of an older contract still work with a newer one')
    .requiredOption('--against <source>', 'the older contract: a file, an http(s) address, or REF or REF:PATH of Git')
    .addOption(
      new Option('--contract <file>', 'the newer contract').default(OWN_CONTRACT, 'the contract of this version'),
    )
    .option(
      '--tapes <directory>',
      'directory with recorded tapes (*.ndjson); the report then lists their frames that are no longer valid',
    )
    .addOption(
      new Option('--format <format>', 'format of the report; github prints annotations for GitHub Actions')
        .choices(['text', 'json', 'github'])
        .default('text'),
    )
    .option('--json', 'the same as --format json')
    .addHelpText(
      'after',
      '\nExit codes: 0 no breaking change, 2 wrong usage or unreadable contract,\n3 breaking changes, 5 address unreachable.',
    )
    .action(breaking);
}

async function breaking({ against, contract, tapes, format, json }: BreakingOptions): Promise<void> {
  if (!existsSync(contract)) throw new CliError(`--contract: ${contract} does not exist.`, EXIT.usage);
  if (tapes !== undefined && !existsSync(tapes)) throw new CliError(`--tapes: ${tapes} does not exist.`, EXIT.usage);
  const old = await readContractText(against, contract);
  const compatibility = await loadCodegen('breaking/compatibility', NAME);
  const { compareVersions, ContractError, TapeError } = compatibility;
  const report = await compareVersions({ against: old, contract, ...(tapes === undefined ? {} : { tapes }) }).catch(
    (error: unknown) => {
      if (error instanceof ContractError || error instanceof TapeError)
        throw new CliError(error.message, EXIT.usage, { cause: error });
      throw error;
    },
  );
  if (json === true || format === 'json') await printJson(report);
  else if (format === 'text') await printLines(compatibility.formatText(report));
  else await printLines(compatibility.formatGithub(report));
  if (report.counts.breaking > 0) process.exitCode = EXIT.findings;
}

/** Contracts are untrusted, so control characters in the printed text are escaped. */
async function printLines(text: string): Promise<void> {
  if (text !== '') await print(text.split('\n').map(plain).join('\n'));
}
