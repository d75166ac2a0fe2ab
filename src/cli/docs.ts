/** `tidemark docs build`: writes the documentation of a contract as static files, for any web host. */
import type { Command } from 'commander';
import { loadCodegen } from './codegen.ts';
import { asCliError } from './open-contract.ts';
import { printJson, printStatus } from './terminal.ts';

interface BuildOptions {
  readonly contract?: string;
  readonly out: string;
  readonly json?: true;
}

export function registerDocs(program: Command): void {
  const docs = program.command('docs').description('build the documentation that every gateway serves at /docs');
  docs
    .command('build')
    .description('write the documentation as static files for any web host')
    .requiredOption('--out <directory>', 'directory to write')
    .option(
      '--contract <file>',
      'a document with your own events, or a whole contract (default: the contract of this version)',
    )
    .option('--json', 'print the output directory and the names of the written files as JSON')
    .action(build);
}

async function build({ contract, out, json }: BuildOptions): Promise<void> {
  const { buildDocs } = await loadCodegen('site/build', 'tidemark docs build');
  try {
    const { files } = await buildDocs({ out, ...(contract === undefined ? {} : { contract }) });
    if (json) await printJson({ out, files });
    else printStatus(`${files.length} files written to ${out}. Open ${out}/index.html, or serve the directory.`);
  } catch (error) {
    throw await asCliError(contract ?? out, error);
  }
}
