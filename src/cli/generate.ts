/** `tidemark generate`: writes a typed client for a given contract into a directory of the user's project. */
import { fileURLToPath } from 'node:url';
import { existsSync } from 'node:fs';
import { Option } from 'commander';
import type { Command } from 'commander';
import { loadCodegen } from './codegen.ts';
import { CliError, EXIT } from './exit.ts';
import { reasonOf } from './reason.ts';
import { printJson, printStatus } from './terminal.ts';

interface GenerateOptions {
  readonly contract?: string;
  readonly out: string;
  readonly importEnding: '.ts' | '.js';
  readonly lang: 'typescript' | 'python';
  readonly json?: true;
}

export function registerGenerate(program: Command): void {
  program
    .command('generate')
    .description('write a typed client, without dependencies, from a contract')
    .option('--contract <file>', 'an AsyncAPI 3 contract (default: the contract of this version)')
    .requiredOption('--out <directory>', 'directory for the generated sources')
    .addOption(
      new Option('--lang <language>', 'language of the client').choices(['typescript', 'python']).default('typescript'),
    )
    .addOption(
      new Option(
        '--import-ending <ending>',
        'file extension in the imports of the generated sources; use .ts if Node runs the TypeScript directly',
      )
        .choices(['.js', '.ts'])
        .default('.js'),
    )
    .option(
      '--json',
      'print the output directory, the digest of the contract, and the names of the written files as JSON',
    )
    .action(generate);
}

/** The contract is two directories up from this file: beside `src/` in a clone, beside `dist/src/` in the package. */
const OWN_CONTRACT = fileURLToPath(new URL('../../asyncapi.yaml', import.meta.url));

async function generate({ contract = OWN_CONTRACT, out, importEnding, lang, json }: GenerateOptions): Promise<void> {
  if (!existsSync(contract)) throw new CliError(`--contract: ${contract} does not exist.`, EXIT.usage);
  const { generateTo } = await loadCodegen('generate', 'tidemark generate');
  try {
    const { files, digest } = await generateTo({ contract, out, importEnding, lang });
    if (json) await printJson({ out, files, digest });
    else printStatus(`${files.length} files written to ${out}, from the contract with the digest ${digest}.`);
  } catch (error) {
    throw await explained(contract, error);
  }
}

async function explained(contract: string, error: unknown): Promise<unknown> {
  const { ContractError } = await loadCodegen('source', 'tidemark generate');
  const { OutputError } = await loadCodegen('directory', 'tidemark generate');
  if (error instanceof ContractError) return new CliError(error.message, EXIT.findings, { cause: error });
  if (error instanceof OutputError) return new CliError(error.message, EXIT.usage, { cause: error });
  if (error instanceof Error && 'syscall' in error)
    return new CliError(`${contract} cannot be read: ${reasonOf(error)}.`, EXIT.usage, { cause: error });
  return error;
}
