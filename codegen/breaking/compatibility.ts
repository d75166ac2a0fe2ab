/**
 * `tidemark breaking`: reads two versions of a contract, compares them, and checks recorded tapes against the new one. The
 * command line calls only this file.
 */
import { bundle } from '../bundle/bundle.ts';
import { isOwnEventsDocument } from '../own-events/document.ts';
import { openSource } from '../own-events/open.ts';
import { readFromDisk, readSource } from '../files.ts';
import type { ReadFile } from '../files.ts';
import { ContractError } from '../source.ts';
import type { Origin, Source } from '../source.ts';
import { readerOf, sourceOfBaseline } from './baseline.ts';
import type { Baseline } from './baseline.ts';
import { compareContracts } from './compare.ts';
import type { ContractVersion } from './compare.ts';
import type { CompatibilityFinding, Severity } from './finding.ts';
import { isObject } from './json.ts';
import type { Path } from './json.ts';
import { readFrames } from './tape-frames.ts';
import { checkTapes } from './tapes.ts';
import type { CompatibilityReport } from './report.ts';

export type { Baseline, Revision } from './baseline.ts';
export { ContractError } from '../source.ts';
export { formatGithub, formatText } from './format.ts';
export { TapeError } from './tape-frames.ts';

export interface CompatibilityOptions {
  /** The older version. */
  readonly against: Baseline;
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
  const before = readVersion(await openVersion(sourceOfBaseline(against), readerOf(against)));
  const after = readVersion(await openVersion(await readSource(contract), readFromDisk));
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
async function openVersion(source: Source, readFile: ReadFile): Promise<Source> {
  const open = isOwnEventsDocument(source.value) ? openSource : bundle;
  return (await open(source, { readFile })).source;
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

function versionOf({ file, value, lineOf, originOf }: Source): ContractVersion {
  const inFile = (path: Path): Origin => ({ file, path, line: lineOf(path) });
  return { name: file, document: isObject(value) ? value : {}, originOf: originOf ?? inFile };
}

function countOf(findings: readonly CompatibilityFinding[]): Record<Severity, number> {
  const count = (severity: Severity): number => findings.filter((each) => each.severity === severity).length;
  return { breaking: count('breaking'), warning: count('warning'), compatible: count('compatible') };
}
