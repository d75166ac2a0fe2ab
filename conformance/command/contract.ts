/** `--contract`: adds a team's own events, which its contract declares, to the events that the suite knows. */
import { existsSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Validator } from '../../generated/validators.js';
import { declareEvents, isDeclared } from '../filters/declared-events.ts';
import { ownEventTapes, readOwnContract } from '../tape/own-event-tapes.ts';
import type { Tape } from '../tape/tape.ts';
import type { Json } from '../trace/json.ts';
import { readInput, UsageError } from './terminal.ts';

/** The functions of tidemark-codegen that the suite uses. The package is loaded only if an own-events document must be built. */
interface Codegen {
  readonly openContract: (file: string) => Promise<object>;
  readonly buildTo: (opened: object, directory: string) => Promise<unknown>;
}

/** The file that contains the validators, in the directory that `tidemark contract build` writes. */
const VALIDATORS = 'validators.js';
const BUNDLE = 'contract.json';

/**
 * Declares the events of a contract, with their validators, and makes tapes that test these events.
 * @param path the directory that `tidemark contract build` wrote, the `contract.json` in it, or an own-events document
 * @throws {UsageError} when the path has no readable contract
 */
export async function useContract(path: string): Promise<readonly Tape[]> {
  try {
    const built = builtDirectory(path);
    return built === undefined ? await buildAndDeclare(path) : await declareBuilt(built);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`--contract ${path}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}

function builtDirectory(path: string): string | undefined {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return path;
  return basename(path) === BUNDLE && existsSync(join(dirname(path), VALIDATORS)) ? dirname(path) : undefined;
}

async function declareBuilt(directory: string): Promise<readonly Tape[]> {
  const own = readOwnContract(JSON.parse(readInput(join(directory, BUNDLE))) as Json, isDeclared);
  const { serverValidators } = (await import(pathToFileURL(resolve(directory, VALIDATORS)).href)) as {
    readonly serverValidators: Readonly<Record<string, Validator>>;
  };
  const validators = own.events.map(({ name }) => [name, checkOf(serverValidators, name)] as const);
  declareEvents({
    events: new Map(own.events.map((event) => [event.name, event])),
    fields: own.filters,
    validators: new Map(validators),
  });
  return ownEventTapes(own);
}

function checkOf(validators: Readonly<Record<string, Validator>>, event: string): Validator {
  const validator = Object.hasOwn(validators, event) ? validators[event] : undefined;
  if (validator === undefined)
    throw new UsageError(
      `${VALIDATORS} has no validator for ${event}. Build the contract again: tidemark contract build.`,
    );
  return validator;
}

async function buildAndDeclare(path: string): Promise<readonly Tape[]> {
  const { openContract, buildTo } = await loadCodegen();
  const opened = await openContract(path);
  const directory = await mkdtemp(join(tmpdir(), 'tidemark-contract-'));
  try {
    await buildTo(opened, directory);
    return await declareBuilt(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function loadCodegen(): Promise<Codegen> {
  const [open, built] = await Promise.all([loadModule('open'), loadModule('built-form')]);
  return { ...open, ...built } as Codegen;
}

async function loadModule(name: 'open' | 'built-form'): Promise<object> {
  // In a clone of the project, the sources of tidemark-codegen are beside the suite.
  const source = new URL(`../../codegen/own-events/${name}.ts`, import.meta.url);
  try {
    const module: unknown = await import(existsSync(source) ? source.href : `tidemark-codegen/own-events/${name}`);
    return module as object;
  } catch (error) {
    throw new UsageError(
      'Reading an own-events document needs the package tidemark-codegen, which is not installed. Install it with `npm install --save-dev tidemark-codegen`, or pass the directory that `tidemark contract build` wrote.',
      { cause: error },
    );
  }
}
