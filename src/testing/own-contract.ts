/** Builds the contract of `examples/own-events/`, once per test file. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildTo } from '../../codegen/own-events/built-form.ts';
import { openContract } from '../../codegen/own-events/open.ts';
import { loadContract } from '../catalogue/built-contract.ts';
import type { BuiltContract } from '../catalogue/built-contract.ts';

export const ACME = join(import.meta.dirname, '../../examples/own-events/acme.yaml');

/** @param file path of a document that declares a team's own events */
export async function buildContract(
  file = ACME,
): Promise<{ readonly directory: string; readonly contract: BuiltContract }> {
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-own-'));
  await buildTo(await openContract(file), directory);
  return { directory, contract: await loadContract(directory) };
}
