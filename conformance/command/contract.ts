/** `run --contract`: the events that a team's own contract declares beside those that the suite knows. */
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { declareEvents, isDeclared } from '../filters/declared-events.ts';
import { ownEventTapes, readOwnContract } from '../tape/own-event-tapes.ts';
import type { Tape } from '../tape/tape.ts';
import type { Json } from '../trace/json.ts';
import { readInput, UsageError } from './terminal.ts';

/** What is used of tidemark-codegen, which is loaded only where a document has to be merged. */
interface Codegen {
  readonly openContract: (file: string) => Promise<{ readonly contract: { readonly bundle: string } }>;
}

/**
 * Declares the events of a contract, and makes their checks.
 * @param path of a built form (`tidemark contract build`), of its `contract.json`, or of an own-events document
 * @throws {UsageError} when no contract can be read there
 */
export async function useContract(path: string): Promise<readonly Tape[]> {
  try {
    const own = readOwnContract(JSON.parse(await bundleOf(path)) as Json, isDeclared);
    declareEvents(new Map(own.events.map((event) => [event.name, event])), own.filters);
    return ownEventTapes(own);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`--contract ${path}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}

async function bundleOf(path: string): Promise<string> {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return readInput(join(path, 'contract.json'));
  if (path.endsWith('.json')) return readInput(path);
  const { openContract } = await loadCodegen();
  return (await openContract(path)).contract.bundle;
}

async function loadCodegen(): Promise<Codegen> {
  // In a clone the sources stand beside the suite.
  const source = new URL('../../codegen/extension/open.ts', import.meta.url);
  const name: string = existsSync(source) ? source.href : 'tidemark-codegen/extension/open';
  try {
    return (await import(name)) as Codegen;
  } catch (error) {
    throw new UsageError(
      'An own-events document is read by the package tidemark-codegen, which is not installed. Install it with `npm install --save-dev tidemark-codegen`, or name what `tidemark contract build` wrote.',
      { cause: error },
    );
  }
}
