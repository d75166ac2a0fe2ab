/**
 * `npm run generate`: writes everything that comes from `asyncapi.yaml`. `-- --check` writes nothing, and fails when what is
 * on the disk differs from what would be written.
 */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { AsyncAPIDocumentInterface } from './contract.ts';
import { loadContract } from './contract.ts';
import { emitAll, emitSources } from './emit.ts';
import type { Files } from './emit.ts';
import type { Contract } from './model.ts';
import { ContractError } from './source.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const TEMPLATE = fileURLToPath(new URL('template', import.meta.url));
const COMMAND = 'npm run generate';

/** Directories that hold generated files only; what else lies there is left over from an older contract. */
const OWNED = ['generated', 'docs/reference'];
const NOT_GENERATED = /(?:^|\/)(?:dist|node_modules)(?:\/|$)/;

export interface GenerateToOptions {
  /** Path of the contract. */
  readonly contract: string;
  /** Directory for the client's sources; made when it is not there. */
  readonly out: string;
  /**
   * How imports between the sources end. `.ts` is what Node, bundlers and TypeScript with `allowImportingTsExtensions` read;
   * `.js` is for TypeScript projects without it.
   */
  readonly importEnding?: '.ts' | '.js';
}

export interface Generated {
  /** Paths below `out`. */
  readonly files: readonly string[];
  readonly digest: string;
}

/**
 * Writes a typed client for any contract into any project.
 * @throws {ContractError} when the contract breaks a rule; errors of the file system pass through.
 */
export async function generateTo({ contract: file, out, importEnding = '.ts' }: GenerateToOptions): Promise<Generated> {
  const { contract } = await loadContract(file);
  refuseWithoutCommands(contract, file);
  const sources = await emitSources(contract);
  for (const [path, text] of sources) {
    const target = join(out, path);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, path.endsWith('.ts') ? endImports(text, importEnding) : text);
  }
  return { files: [...sources.keys()], digest: contract.digest };
}

/** What the client's runtime sends by itself, or offers as a method. */
const CLIENT_COMMANDS = ['subscribe', 'unsubscribe', 'list_subscriptions', 'broadcast', 'authenticate', 'sync', 'ping'];

function refuseWithoutCommands({ commands }: Contract, file: string): void {
  const missing = CLIENT_COMMANDS.filter((name) => !commands.some((command) => command.name === name));
  if (missing.length === 0) return;
  const text = `The client needs the commands ${missing.join(', ')}. Begin with a copy of Tidemark's own contract and add events to it.`;
  throw new ContractError(file, [{ rule: 'client-commands', pointer: '/operations', line: undefined, text }]);
}

function endImports(text: string, ending: '.ts' | '.js'): string {
  return text.replaceAll(/(from '\.\.?\/[^']+)\.ts';/g, `$1${ending}';`);
}

/** One file that is not as it should be. */
export interface Drift {
  readonly path: string;
  readonly state: 'differs' | 'missing' | 'left over';
}

export interface CheckOptions {
  readonly contract: string;
  readonly root: string;
}

/** Compares what would be generated with what is there. */
export async function check({ contract: file, root }: CheckOptions): Promise<readonly Drift[]> {
  const { contract } = await loadContract(file);
  const files = await emitAll(contract);
  const drift: Drift[] = [];
  for (const [path, text] of files) {
    const present = await readFile(join(root, path), 'utf8').catch(() => undefined);
    if (present !== text) drift.push({ path, state: present === undefined ? 'missing' : 'differs' });
  }
  for (const path of await leftOver(root, files)) drift.push({ path, state: 'left over' });
  return drift;
}

async function leftOver(root: string, files: Files): Promise<string[]> {
  const found = await Promise.all(OWNED.map((directory) => filesBelow(root, directory)));
  return found.flat().filter((path) => !files.has(path));
}

async function filesBelow(root: string, directory: string): Promise<string[]> {
  const entries = await readdir(join(root, directory), { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(resolve(root).length + 1)
        .replaceAll('\\', '/'),
    )
    .filter((path) => !NOT_GENERATED.test(path));
}

async function write(): Promise<void> {
  const { contract, document } = await loadContract(join(ROOT, 'asyncapi.yaml'));
  const files = await emitAll(contract);
  // The generator writes files, but makes no directories.
  for (const path of files.keys()) await mkdir(dirname(join(ROOT, path)), { recursive: true });
  await runGenerator(document);
  for (const path of await leftOver(ROOT, files)) await rm(join(ROOT, path));
}

interface AsyncApiGenerator {
  generate(document: AsyncAPIDocumentInterface): Promise<void>;
}

type GeneratorClass = new (
  template: string,
  target: string,
  options: { readonly forceWrite: true },
) => AsyncApiGenerator;

/**
 * The generator looks for npm while it is being loaded, and crashes where npm does not lie beside Node, as with the Node
 * that npm installs. It would use it to install templates, ours needs none: so it is shown an empty one.
 */
async function loadGenerator(): Promise<GeneratorClass> {
  const directory = await mkdtemp(join(tmpdir(), 'tidemark-generate-'));
  try {
    const npm = join(directory, 'node_modules/npm');
    await mkdir(npm, { recursive: true });
    await writeFile(join(npm, 'index.js'), '');
    process.env['NODE_MODULES'] = directory;
    // It has no types. A variable keeps the compiler from looking for them.
    const name: string = '@asyncapi/generator';
    const { default: Generator } = (await import(name)) as { readonly default: GeneratorClass };
    return Generator;
  } finally {
    await rm(directory, { recursive: true });
  }
}

async function runGenerator(document: AsyncAPIDocumentInterface): Promise<void> {
  const Generator = await loadGenerator();
  await new Generator(TEMPLATE, ROOT, { forceWrite: true }).generate(document);
  await rm(join(TEMPLATE, '__transpiled'), { recursive: true });
}

/** @returns the exit code: 3 stands for findings. */
async function main(argv: readonly string[]): Promise<number> {
  const unknown = argv.find((argument) => argument !== '--check');
  if (unknown !== undefined) {
    process.stderr.write(`Unknown argument ${unknown}. Usage: ${COMMAND} [-- --check]\n`);
    return 2;
  }
  try {
    if (argv.length === 0) await write();
    else return report(await check({ contract: join(ROOT, 'asyncapi.yaml'), root: ROOT }));
    return 0;
  } catch (error) {
    if (!(error instanceof ContractError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 3;
  }
}

function report(drift: readonly Drift[]): number {
  for (const { path, state } of drift)
    process.stderr.write(`${path} ${state === 'differs' ? 'differs from asyncapi.yaml' : `is ${state}`}.\n`);
  if (drift.length > 0) process.stderr.write(`Run \`${COMMAND}\` and commit what it writes.\n`);
  return drift.length === 0 ? 0 : 3;
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  process.exitCode = await main(process.argv.slice(2));
}
