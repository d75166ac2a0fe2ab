/**
 * `npm run generate`: writes everything that is generated from `asyncapi.yaml`. With `-- --check` it writes nothing, and fails if the
 * files on disk differ from those that it would write.
 */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkClientNeeds } from './client-needs.ts';
import type { AsyncAPIDocumentInterface } from './contract.ts';
import { loadContract } from './contract.ts';
import { makeDirectory, unwritable } from './directory.ts';
import { emitAll, emitPython, emitSources } from './emit.ts';
import type { Files } from './emit.ts';
import { ORIGIN } from './emit/text.ts';
import { openContract } from './own-events/open.ts';
import { resolveReferences } from './references.ts';
import { ContractError, contractError } from './source.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const TEMPLATE = fileURLToPath(new URL('template', import.meta.url));
/** Path of the contract, relative to the working directory, because findings show it. */
const CONTRACT = relative(process.cwd(), join(ROOT, 'asyncapi.yaml'));
const COMMAND = 'npm run generate';

/** Directories that contain only generated files. Any other file in them is left over from an older contract. */
const OWNED = ['generated', 'docs/reference'];
const NOT_GENERATED = /(?:^|\/)(?:dist|node_modules|LICENSE|__pycache__|\.[a-z]+_cache|build|[^/]+\.egg-info)(?:\/|$)/;

export interface GenerateToOptions {
  /** Path of the contract. */
  readonly contract: string;
  /** Directory for the client's sources. It is created if it does not exist. */
  readonly out: string;
  /**
   * File extension in the imports between the sources. `.js`, the default, works in bundlers and with any TypeScript setting. `.ts`
   * is for projects in which Node runs the TypeScript files directly; they need `allowImportingTsExtensions`.
   */
  readonly importEnding?: '.ts' | '.js';
  /** Language of the client; TypeScript by default. */
  readonly lang?: Language;
}

export type Language = 'typescript' | 'python';

export interface Generated {
  /** Paths below `out`. */
  readonly files: readonly string[];
  readonly digest: string;
}

/**
 * Writes a typed client for any contract into any project.
 * @throws {ContractError} when the contract breaks a rule.
 * @throws {OutputError} when `out` cannot be written; file system errors of reading are not caught.
 */
export async function generateTo(options: GenerateToOptions): Promise<Generated> {
  const { contract: file, out, importEnding = '.js', lang = 'typescript' } = options;
  const { contract, source } = await openContract(file);
  const needs = checkClientNeeds({ ...source, value: resolveReferences(source).value });
  if (needs.length > 0) throw contractError(source, needs);
  const origin = `${basename(file)} by \`tidemark generate\``;
  const sources = lang === 'python' ? await emitPython(contract, origin) : await emitSources(contract);
  const directories = new Set([...sources.keys()].map((path) => dirname(join(out, path))));
  for (const directory of directories) await makeDirectory(directory);
  for (const [path, text] of sources) {
    const target = join(out, path);
    const signed = sign(text, origin);
    await writeFile(target, path.endsWith('.ts') ? endImports(signed, importEnding) : signed).catch(
      (error: unknown) => {
        throw unwritable(target, error);
      },
    );
  }
  return { files: [...sources.keys()], digest: contract.digest };
}

/** Replaces the origin in the first lines of a generated file, because another project regenerates it with another command. */
function sign(text: string, origin: string): string {
  return text.replace(`// Generated from ${ORIGIN}.`, `// Generated from ${origin}.`);
}

function endImports(text: string, ending: '.ts' | '.js'): string {
  return text.replaceAll(/(from '\.\.?\/[^']+)\.ts';/g, `$1${ending}';`);
}

/** A file on disk that differs from the generated one, is missing, or is no longer generated. */
export interface Drift {
  readonly path: string;
  readonly state: 'differs' | 'missing' | 'left over';
}

export interface CheckOptions {
  readonly contract: string;
  readonly root: string;
}

/** Compares the files on disk with those that would be generated. */
export async function check({ contract: file, root }: CheckOptions): Promise<readonly Drift[]> {
  const { contract } = await loadContract(file);
  return driftOf(root, await emitAll(contract));
}

async function driftOf(root: string, files: Files): Promise<readonly Drift[]> {
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

/** @returns the files that were wrong and are now corrected. */
async function write(): Promise<readonly Drift[]> {
  const { contract, document } = await loadContract(CONTRACT);
  const files = await emitAll(contract);
  const drift = await driftOf(ROOT, files);
  // The AsyncAPI generator writes files but does not make directories.
  for (const path of files.keys()) await mkdir(dirname(join(ROOT, path)), { recursive: true });
  await runGenerator(document);
  for (const { path, state } of drift) if (state === 'left over') await rm(join(ROOT, path));
  return drift;
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
 * Loads the AsyncAPI generator. While the generator is loaded, it looks for npm, and crashes if npm is not installed
 * beside Node. The Node that npm installs (the package `node`) has no npm beside it. The generator uses npm only to
 * install templates, which is not needed here. Therefore it gets an empty module instead of npm.
 */
async function loadGenerator(): Promise<GeneratorClass> {
  const directory = await mkdtemp(join(tmpdir(), 'tidemark-generate-'));
  try {
    const npm = join(directory, 'node_modules/npm');
    await mkdir(npm, { recursive: true });
    await writeFile(join(npm, 'index.js'), '');
    process.env['NODE_MODULES'] = directory;
    // The generator has no types. If the name is in a variable, the compiler does not look for types.
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

const WRITTEN = { differs: 'changed', missing: 'is new', 'left over': 'was left over and is removed' } as const;
const FOUND = {
  differs: 'differs from asyncapi.yaml',
  missing: 'is missing',
  'left over': 'is left over: it is no longer generated from asyncapi.yaml',
} as const;

/** @returns the exit code: 2 for an unknown argument, 3 for findings or differing files, otherwise 0 */
async function main(argv: readonly string[]): Promise<number> {
  const unknown = argv.find((argument) => argument !== '--check');
  if (unknown !== undefined) {
    print(`Unknown argument ${unknown}. Usage: ${COMMAND} [-- --check]`);
    return 2;
  }
  try {
    if (argv.length > 0) return report(await check({ contract: CONTRACT, root: ROOT }));
    const drift = await write();
    for (const { path, state } of drift) print(`${path} ${WRITTEN[state]}.`);
    if (drift.length === 0) print('Every generated file was up to date.');
    return 0;
  } catch (error) {
    if (!(error instanceof ContractError)) throw error;
    const { length } = error.findings;
    print(`${error.message}\n${length} ${length === 1 ? 'finding' : 'findings'}; nothing was generated.`);
    return 3;
  }
}

function report(drift: readonly Drift[]): number {
  for (const { path, state } of drift) print(`${path} ${FOUND[state]}.`);
  if (drift.length === 0) print('Every generated file is up to date with asyncapi.yaml.');
  else print(`Run \`${COMMAND}\` and commit the changes. Edit the contract or codegen/, never the generated files.`);
  return drift.length === 0 ? 0 : 3;
}

function print(text: string): void {
  process.stderr.write(`${text}\n`);
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  process.exitCode = await main(process.argv.slice(2));
}
