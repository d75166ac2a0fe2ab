/**
 * Calls all emitters, and returns the text of every file that is generated from a contract. Some of these files are copies of the
 * client runtime, which is read here. `generate.ts` writes the files.
 */
import { readdir, readFile } from 'node:fs/promises';
import type { AsyncAPIDocumentInterface } from './contract.ts';
import { contractOf } from './contract.ts';
import { emitClient } from './emit/client.ts';
import { emitHandlers } from './emit/handlers.ts';
import { emitMirror } from './emit/mirror.ts';
import { emitPackage } from './emit/package.ts';
import { emitReadme } from './emit/readme.ts';
import { emitProtocol } from './emit/protocol.ts';
import { emitPythonPackage, emitPythonSources } from './emit/python/package.ts';
import { emitReferencePage } from './emit/reference/page.ts';
import { emitReferenceText } from './emit/reference/text.ts';
import { emitSchemas } from './emit/schemas.ts';
import { ORIGIN } from './emit/text.ts';
import { emitStreams } from './emit/streams.ts';
import { emitTypes } from './emit/types.ts';
import { emitValidators } from './emit/validators.ts';
import type { Contract } from './model.ts';

/** The text of each file, by path and sorted by path. */
export type Files = ReadonlyMap<string, string>;

/** Directories of the client and the reference in this repository. */
const CLIENT = 'generated';
const PYTHON = 'generated/python';
const REFERENCE = 'docs/reference';

/** Every generated file of this repository, by path from its root. */
export async function emitAll(contract: Contract): Promise<Files> {
  const client = await emitPackageFiles(contract);
  const python = await emitPythonPackage(contract, pythonBanner(ORIGIN));
  return sorted([
    ...[...client].map(([path, text]): [string, string] => [`${CLIENT}/${path}`, text]),
    ...[...python].map(([path, text]): [string, string] => [`${PYTHON}/${path}`, text]),
    [`${REFERENCE}/index.html`, emitReferencePage(contract)],
    [`${REFERENCE}/protocol.md`, emitReferenceText(contract)],
  ]);
}

/** Does the same as `emitAll`, from the parser's document. The template of the AsyncAPI generator calls it. */
export async function render(document: AsyncAPIDocumentInterface): Promise<Files> {
  return emitAll(contractOf(document));
}

/** The TypeScript client as an npm package: its sources, `package.json` and `README.md`. */
async function emitPackageFiles(contract: Contract): Promise<Files> {
  const sources = await emitSources(contract);
  return sorted([...sources, ['package.json', emitPackage(contract)], ['README.md', emitReadme(contract)]]);
}

/**
 * The Python client as sources for any project. @param origin the contract file and the command that generates the
 * client; the first line of each file names both
 */
export async function emitPython(contract: Contract, origin: string): Promise<Files> {
  return emitPythonSources(contract, pythonBanner(origin));
}

function pythonBanner(origin: string): string {
  return `Generated from ${origin}. Do not edit: change the contract and generate again.`;
}

/** The TypeScript client as sources for any project. */
export async function emitSources(contract: Contract): Promise<Files> {
  const validators = emitValidators(contract);
  const schemas = [...emitSchemas(contract)].map(([name, text]): [string, string] => [`schemas/${name}.json`, text]);
  return sorted([
    ['client.ts', emitClient(contract)],
    ['contract.json', contract.bundle],
    ['handlers.ts', emitHandlers(contract)],
    ['mirror.ts', emitMirror(contract)],
    ['protocol.ts', emitProtocol(contract)],
    ['streams.ts', emitStreams()],
    ['types.ts', await emitTypes(contract)],
    ['validators.d.ts', validators.types],
    ['validators.js', validators.code],
    ...schemas,
    ...(await readRuntime()),
  ]);
}

/** The hand-written part of the client, copied unchanged: every source except the tests. */
async function readRuntime(): Promise<[string, string][]> {
  const directory = new URL('runtime/', import.meta.url);
  const names = (await readdir(directory)).filter((name) => name.endsWith('.ts') && !/\.(?:test|d)\.ts$/.test(name));
  return Promise.all(names.map(async (name) => [`runtime/${name}`, await readFile(new URL(name, directory), 'utf8')]));
}

/** Sorts by path. Code units are compared, so that the order does not depend on the locale. */
function sorted(entries: readonly (readonly [string, string])[]): Files {
  return new Map(entries.toSorted(([a], [b]) => (a < b ? -1 : Number(a > b))));
}
