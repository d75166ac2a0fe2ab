/**
 * Bundles a contract and the files that it refers to into one document. Schemas and messages from other files get a
 * name in `components`; the names of their types are derived from this name. Any other part replaces the reference to
 * it. References within the contract's own file are unchanged. A contract without other references is unchanged.
 */
import { stringify } from 'yaml';
import { readFromDisk } from '../files.ts';
import type { ReadFile } from '../files.ts';
import { Findings } from '../own-events/findings.ts';
import { ContractError } from '../source.ts';
import type { Finding, Source } from '../source.ts';
import { Bundler } from './bundler.ts';
import { Documents } from './documents.ts';
import { originalPlaces } from './origins.ts';

export interface Bundled {
  readonly source: Source;
  /** Every file that was read. */
  readonly files: readonly string[];
}

export interface BundleOptions {
  /** Reads the files that the contract refers to. By default they are read from the disk. */
  readonly readFile?: ReadFile;
}

/** @throws {ContractError} when a reference does not resolve or is circular */
export async function bundle(main: Source, { readFile = readFromDisk }: BundleOptions = {}): Promise<Bundled> {
  const findings = new Findings();
  const bundler = new Bundler(main, new Documents(main, { findings, readFile }), findings);
  const value = await bundler.run();
  if (findings.list.length > 0) throw new ContractError(main.file, distinct(findings.list));
  if (!bundler.changed) return { source: main, files: bundler.files };
  const back = originalPlaces(bundler.origins, (path) => ({ source: main, path }));
  const text = stringify(value, { aliasDuplicateObjects: false, lineWidth: 0 });
  return { source: { file: main.file, text, value, ...back }, files: bundler.files };
}

/**
 * Removes repeated findings. A reference may be followed more than once, and the same finding is then added each time.
 */
function distinct(findings: readonly Finding[]): Finding[] {
  return [...new Map(findings.map((each) => [`${each.file} ${each.pointer} ${each.text}`, each])).values()];
}
