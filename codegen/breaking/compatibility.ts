/**
 * `tidemark breaking`: reads two versions of a contract, compares them, and checks recorded tapes against the new one. The
 * command line calls only this file.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundle } from '../bundle/bundle.ts';
import { isOwnEventsDocument } from '../own-events/document.ts';
import { openContract } from '../own-events/open.ts';
import { readSource } from '../files.ts';
import { ContractError, sourceOf } from '../source.ts';
import type { Source } from '../source.ts';
import { compareContracts } from './compare.ts';
import type { ContractVersion } from './compare.ts';
import type { CompatibilityFinding, Severity } from './finding.ts';
import { isObject } from './json.ts';
import { readFrames } from './tape-frames.ts';
import { checkTapes } from './tapes.ts';
import type { CompatibilityReport } from './report.ts';

export { ContractError } from '../source.ts';
export { formatGithub, formatText } from './format.ts';
export { TapeError } from './tape-frames.ts';

export interface CompatibilityOptions {
  /** The older version. `name` is its name in findings and messages; `file` is its path, if it is a file. */
  readonly against: { readonly name: string; readonly text: string; readonly file?: string };
  /** Path of the newer version. */
  readonly contract: string;
  /** Directory with recorded tapes. */
  readonly tapes?: string;
}

/**
 * @throws {ContractError} when one of the two versions is not YAML or not an AsyncAPI document.
 * @throws {TapeError} when there are no tapes or they are invalid; file system errors are not caught.
 */
export async function compareVersions({
  against,
  contract,
  tapes,
}: CompatibilityOptions): Promise<CompatibilityReport> {
  const before = readVersion(await openBaseline(against));
  const after = readVersion(await openVersion(await readSource(contract)));
  const findings = compareContracts(before, after);
  const names = { against: against.name, contract };
  if (tapes === undefined) return { ...names, counts: countOf(findings), findings };
  const { tapes: count, frames } = await readFrames(tapes);
  const report = checkTapes({ before, after, findings, frames });
  const summary = { tapes: count, frames: report.judged, broken: report.broken };
  return { ...names, counts: countOf(findings), findings: report.findings, tapes: summary };
}

/**
 * Opens a version. An own-events document is first merged with the contract that it extends; the merged contract is compared.
 */
async function openVersion(source: Source): Promise<Source> {
  return isOwnEventsDocument(source.value) ? (await openContract(source.file)).source : (await bundle(source)).source;
}

const ALONE =
  'Only one file can be read from a Git revision or a URL. Compare with a local file, or with the contract.json that tidemark generate wrote.';

/**
 * Opens the older version. An own-events document is first copied to a temporary file, because the merge reads files. References from this
 * copy to other files cannot be resolved; each is reported as a finding.
 */
async function openBaseline({ name, text, file }: CompatibilityOptions['against']): Promise<Source> {
  const source = sourceOf(file ?? name, text);
  if (!isOwnEventsDocument(source.value)) {
    const { source: whole } = await bundle(source, file === undefined ? { withoutFiles: ALONE } : {});
    return { ...whole, file: name };
  }
  const directory = await mkdtemp(join(tmpdir(), 'tidemark-breaking-'));
  try {
    const copy = join(directory, 'against.yaml');
    await writeFile(copy, text);
    return { ...(await openContract(copy)).source, file: name };
  } finally {
    await rm(directory, { recursive: true });
  }
}

/**
 * Reads a version without checking the house rules, because an older contract may follow other rules, and a newer one
 * may be unfinished.
 */
function readVersion(source: Source): ContractVersion {
  if (!isObject(source.value) || !isObject(source.value['channels']) || !isObject(source.value['operations']))
    throw new ContractError(source.file, [
      {
        rule: 'asyncapi',
        pointer: '',
        line: 1,
        text: 'is not an AsyncAPI 3 document with channels and operations. Pass a version of the contract.',
      },
    ]);
  return versionOf(source);
}

function versionOf({ file, value, lineOf }: Source): ContractVersion {
  return { name: file, document: isObject(value) ? value : {}, lineOf };
}

function countOf(findings: readonly CompatibilityFinding[]): Record<Severity, number> {
  const count = (severity: Severity): number => findings.filter((each) => each.severity === severity).length;
  return { breaking: count('breaking'), warning: count('warning'), compatible: count('compatible') };
}
