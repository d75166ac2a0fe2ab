/** `tidemark contract init | check | show | build`: commands for users who define their own events in one small file. */
import { access, writeFile } from 'node:fs/promises';
import { Option } from 'commander';
import type { Command } from 'commander';
import type { OpenedContract } from 'tidemark-codegen/own-events/open';
import { loadCodegen } from './codegen.ts';
import { CliError, EXIT } from './exit.ts';
import { FileChanges } from './file-changes.ts';
import { asCliError } from './open-contract.ts';
import { print, printJson, printStatus, table, tint } from './terminal.ts';

const STANDARD_FILE = 'events.yaml';

interface CheckOptions {
  readonly watch?: true;
  readonly json?: true;
}

interface ShowOptions {
  readonly json?: true;
  readonly yaml?: true;
  readonly all?: true;
}

interface BuildOptions extends CheckOptions {
  readonly out: string;
}

export function registerContract(program: Command): void {
  const contract = program.command('contract').description('check and build a contract with your own events');
  const watching = new Option('--watch', 'repeat after each change of a file');
  contract
    .command('init')
    .argument('[file]', 'file to write', STANDARD_FILE)
    .description('write a small example document with one event')
    .action(init);
  contract
    .command('check')
    .argument('<file>', 'file that adds your own events to a contract (x-extends), or a whole contract')
    .description('report errors with file, line and correction; exits with 3 if there are errors')
    .addOption(watching)
    .option('--json', 'print the digest and the events of the contract, or the errors, as JSON')
    .action(check);
  contract
    .command('show')
    .argument('<file>', 'file that adds your own events to a contract (x-extends), or a whole contract')
    .description('print the events of the file, with their payloads, filters and replay policies')
    .option('--all', 'also print the events of the contract that the file extends')
    .addOption(new Option('--json', 'print the whole merged contract as JSON').conflicts('yaml'))
    .option('--yaml', 'print the whole merged contract as an AsyncAPI document')
    .action(show);
  contract
    .command('build')
    .argument('<file>', 'file that adds your own events to a contract (x-extends), or a whole contract')
    .requiredOption('--out <directory>', 'directory to write')
    .description(
      'write a directory from which a gateway serves the contract without code generation: serve --contract <directory>',
    )
    .addOption(watching)
    .option(
      '--json',
      'print the output directory, the digest of the contract, and the names of the written files as JSON',
    )
    .action(build);
}

async function init(file: string): Promise<void> {
  const { STARTER } = await loadCodegen('own-events/starter', 'tidemark contract');
  try {
    await writeFile(file, STARTER, { flag: 'wx' });
  } catch (error) {
    const taken = error instanceof Error && 'code' in error && error.code === 'EEXIST';
    if (taken) throw new CliError(`${file} already exists; choose another file name.`, EXIT.usage, { cause: error });
    throw await asCliError(file, error);
  }
  printStatus(`${file} declares one event. Change it, then: tidemark serve --contract ${file}`);
}

async function open(file: string): Promise<OpenedContract> {
  const { openContract } = await loadCodegen('own-events/open', 'tidemark contract');
  try {
    await access(file);
    return await openContract(file);
  } catch (error) {
    throw await asCliError(file, error);
  }
}

async function check(file: string, options: CheckOptions): Promise<void> {
  await repeat(file, options, async () => {
    try {
      const opened = await open(file);
      const events = opened.contract.events.map(({ name }) => name);
      const own = opened.own?.events.map(({ name }) => name) ?? events;
      process.exitCode = EXIT.ok;
      if (options.json) await printJson({ ok: true, digest: opened.contract.digest, events, own, findings: [] });
      else printStatus(tint('green', `${file} is valid. Events: ${own.join(', ')}.`));
      return opened.files;
    } catch (error) {
      const findings = findingsOf(error);
      if (!options.json || findings === undefined) throw error;
      await printJson({ ok: false, findings });
      process.exitCode = EXIT.findings;
      return filesWithFindings(error);
    }
  });
}

function findingsOf(error: unknown): unknown {
  const cause = error instanceof CliError ? error.cause : undefined;
  return cause instanceof Error && 'findings' in cause ? cause.findings : undefined;
}

async function show(file: string, { all, json, yaml }: ShowOptions): Promise<void> {
  const opened = await open(file);
  if (json) return print(opened.contract.bundle.trimEnd());
  if (yaml) return print(opened.source.text.trimEnd());
  const { summarise } = await loadCodegen('own-events/summary', 'tidemark contract');
  const { title, version, digest, events } = summarise(opened);
  const shown = events.filter(({ own }) => own || all === true || opened.own === undefined);
  const rows = shown.map(({ event, payload, filters, replay }) => [
    event,
    payload.join(' '),
    filters.join(' '),
    replay,
  ]);
  printStatus(`${title} ${version}, ${digest}`);
  await print(table([['EVENT', 'PAYLOAD', 'FILTERS', 'REPLAY'], ...rows]));
  if (shown.length < events.length)
    printStatus(`and ${events.length - shown.length} events of the contract that the file extends; --all prints them`);
}

async function build(file: string, options: BuildOptions): Promise<void> {
  await repeat(file, options, async () => {
    const opened = await open(file);
    const { buildTo } = await loadCodegen('own-events/built-form', 'tidemark contract');
    try {
      const { digest, files } = await buildTo(opened, options.out);
      if (options.json) await printJson({ out: options.out, digest, files });
      else
        printStatus(
          `${options.out} contains the contract ${digest}. Serve it with: tidemark serve --contract ${options.out}`,
        );
    } catch (error) {
      throw await asCliError(options.out, error);
    }
    return opened.files;
  });
}

/**
 * Runs `work`. With `--watch`, runs `work` again after each change of `file` or of another file that `work` used.
 * @param work returns the files that it used. If it fails, the findings of its error name the files.
 */
async function repeat(
  file: string,
  { watch: isWatching }: CheckOptions,
  work: () => Promise<readonly string[]>,
): Promise<void> {
  if (isWatching !== true) {
    await work();
    return;
  }
  const changes = new FileChanges();
  await changes.follow([file], Infinity).catch(async (error: unknown) => {
    throw await asCliError(file, error);
  });
  for (;;) {
    const began = Date.now();
    const files = await work().catch((error: unknown) => {
      if (!(error instanceof CliError)) throw error;
      printStatus(tint('red', error.message));
      return filesWithFindings(error);
    });
    const local = files.filter((each) => !/^https?:/.test(each));
    await changes.follow(local, began);
    await changes.next();
  }
}

/** The files that the findings of an error name. */
function filesWithFindings(error: unknown): readonly string[] {
  const findings = findingsOf(error);
  if (!Array.isArray(findings)) return [];
  return findings.flatMap((each: { readonly file?: unknown }) => (typeof each.file === 'string' ? [each.file] : []));
}
