/** Opens the contract that `--contract` names. A built contract is read directly; a source document is first built by tidemark-codegen. */
import { rmSync } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BuiltContractError, loadContract } from '../catalogue/built-contract.ts';
import type { BuiltContract } from '../catalogue/built-contract.ts';
import { loadCodegen } from './codegen.ts';
import { CliError, EXIT } from './exit.ts';
import { reasonOf } from './reason.ts';

export interface OpenContract {
  readonly contract: BuiltContract;
  /** Removes the temporary files from which the gateway serves the documentation. They are also removed when the process exits. */
  readonly dispose: () => Promise<void>;
}

/**
 * Opens a contract.
 * @param path path of the directory of a built contract, or of its source document
 * @throws {CliError} with exit code 3 and the findings if the document has errors; with exit code 2 if the path cannot be opened
 */
export async function openContract(path: string): Promise<OpenContract> {
  try {
    if ((await stat(path)).isDirectory())
      return { contract: await loadContract(path), dispose: () => Promise.resolve() };
    return await buildAndLoad(path);
  } catch (error) {
    throw await asCliError(path, error);
  }
}

async function buildAndLoad(path: string): Promise<OpenContract> {
  const { openContract: open } = await loadCodegen('own-events/open', `--contract ${path}`);
  const { buildTo } = await loadCodegen('own-events/built-form', `--contract ${path}`);
  const opened = await open(path);
  const directory = await mkdtemp(join(tmpdir(), 'tidemark-contract-'));
  const removeAtExit = (): void => rmSync(directory, { recursive: true, force: true });
  process.once('exit', removeAtExit);
  const dispose = async (): Promise<void> => {
    process.off('exit', removeAtExit);
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await buildTo(opened, directory);
    return { contract: await loadContract(directory), dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/**
 * Converts an error that occurred while a contract was read or built. An error of another kind is returned unchanged.
 * @param path the path of the contract
 */
export async function asCliError(path: string, error: unknown): Promise<unknown> {
  if (error instanceof CliError) return error;
  if (error instanceof BuiltContractError) return new CliError(error.message, EXIT.usage, { cause: error });
  if (error instanceof Error && 'syscall' in error)
    return new CliError(`The contract ${path} cannot be read: ${reasonOf(error)}`, EXIT.usage, { cause: error });
  if (error instanceof Error && (error.name === 'ContractError' || error.name === 'OutputError'))
    return new CliError(error.message, error.name === 'ContractError' ? EXIT.findings : EXIT.usage, { cause: error });
  return error;
}
