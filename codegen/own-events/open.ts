/**
 * Opens a contract. An own-events document is merged with the contract that it extends.
 */
import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { bundle } from '../bundle/bundle.ts';
import { originalPlaces } from '../bundle/origins.ts';
import { checkContract, parseContract } from '../contract.ts';
import { readFromDisk, readNothing, readSource, UnreadableFile } from '../files.ts';
import type { ReadFile } from '../files.ts';
import type { Contract } from '../model.ts';
import type { RawContract } from '../raw.ts';
import { ContractError, pathOf, sourceOf } from '../source.ts';
import type { Source } from '../source.ts';
import { EXTENDS, isOwnEventsDocument, readDocument } from './document.ts';
import type { OwnDocument } from './document.ts';
import { Findings } from './findings.ts';
import { merge } from './merge.ts';

/** The value of `x-extends` for the contract of this version. */
export const STOCK = 'tidemark';
/** In a clone the contract is beside `codegen/`; in the package it is beside the compiled modules. */
export const STOCK_FILE = fileURLToPath(
  [new URL('../asyncapi.yaml', import.meta.url), new URL('../../asyncapi.yaml', import.meta.url)].find(existsSync) ??
    new URL('../asyncapi.yaml', import.meta.url),
);

const FETCH_TIMEOUT_MS = 10_000;
const LARGEST_BYTES = 8 * 1024 * 1024;

export interface OpenOptions {
  /** Path of the contract of this version, if it is not in the usual place in this package. */
  readonly stock?: string;
  /** Reads the files that the contract refers to. By default they are read from the disk. */
  readonly readFile?: ReadFile;
}

export interface OpenedContract {
  readonly contract: Contract;
  /** The whole contract, after a merge. */
  readonly source: Source;
  /** The own-events document, if the file is one. */
  readonly own: OwnDocument | undefined;
  /** Every file that was read, so that callers can watch them. */
  readonly files: readonly string[];
}

/** @throws {ContractError} with file, line, pointer and remedy of every fault; file system errors are not caught. */
export async function openContract(file: string, options: OpenOptions = {}): Promise<OpenedContract> {
  return openSource(await readSource(file), options);
}

/**
 * Opens a contract that was already read.
 * @throws {ContractError} with file, line, pointer and remedy of every fault
 */
export async function openSource(
  written: Source,
  { stock = STOCK_FILE, readFile = readFromDisk }: OpenOptions = {},
): Promise<OpenedContract> {
  if (!isOwnEventsDocument(written.value)) {
    const { source, files } = await bundle(written, { readFile });
    const { contract } = await parseContract(source);
    return { contract, source, own: undefined, files };
  }
  const opener = new Opener(stock);
  const { source, own } = await opener.extend(written, { readFile, above: [] });
  // The AsyncAPI parser is not used here, because it takes seconds. It is not needed: the extended contract is valid
  // AsyncAPI, and so are the parts that the merge adds. Tests check several kinds of merged contracts with the parser.
  return { contract: checkContract(source), source, own, files: opener.files };
}

interface Extended {
  readonly source: Source;
  readonly own: OwnDocument;
}

interface Context {
  /** Reads the files that the document refers to. */
  readonly readFile: ReadFile;
  /** Paths and addresses of the documents that extend this one, to detect a circle. */
  readonly above: readonly string[];
}

class Opener {
  readonly #stock: string;
  readonly files: string[] = [];

  constructor(stock: string) {
    this.#stock = stock;
  }

  async extend(source: Source, { readFile, above }: Context): Promise<Extended> {
    this.files.push(source.file);
    const findings = new Findings();
    const own = readDocument(source, findings);
    const context = { readFile, above: [...above, locationOf(pathOf(source))] };
    const base = own.base === '' ? undefined : await this.#base(own, context, findings);
    const merged = base === undefined ? undefined : await merge({ document: own, base, findings, readFile });
    if (findings.list.length > 0 || merged === undefined) throw new ContractError(source.file, findings.list);
    for (const { source: each } of merged.origins.values())
      if (!this.files.includes(each.file)) this.files.push(each.file);
    const text = stringify(merged.contract, { aliasDuplicateObjects: false, lineWidth: 0 });
    const back = originalPlaces(merged.origins, () => undefined);
    return { own, source: { file: source.file, text, value: merged.contract, ...back } };
  }

  async #base(own: OwnDocument, { readFile, above }: Context, findings: Findings): Promise<RawContract | undefined> {
    const { base } = own;
    const refuse = (text: string): undefined => {
      findings.add('extends', { source: own.source, path: [EXTENDS] }, `is ${base}, ${text}`);
    };
    const at = base === STOCK ? this.#stock : locationOf(base, dirname(pathOf(own.source)));
    if (above.includes(at)) return refuse('which extends this document. Let one of them extend tidemark.');
    const read = base === STOCK ? readFromDisk : isUrl(at) ? readNothing : readFile;
    try {
      const written = isUrl(at) ? sourceOf(at, await fetchText(at)) : await read(at);
      if (isOwnEventsDocument(written.value))
        return (await this.extend(written, { readFile: read, above })).source.value as RawContract;
      const { source, files } = await bundle(written, { readFile: read });
      // The contract of this version was checked before its release.
      if (at !== this.#stock) {
        this.files.push(...files);
        await parseContract(source);
      }
      return source.value as RawContract;
    } catch (error) {
      if (error instanceof ContractError) throw error;
      if (error instanceof UnreadableFile && read === readNothing)
        return refuse(
          `${error.reason}. Extend tidemark or an address, such as that of a gateway's /asyncapi.yaml, or save both files and use their paths.`,
        );
      if (error instanceof UnreadableFile)
        return refuse(`${error.message} Or write tidemark, or the address of a gateway's /asyncapi.yaml.`);
      const reason = error instanceof Error ? error.message : String(error);
      return refuse(
        `which cannot be read: ${reason}. Write tidemark, a file, or the address of a gateway's /asyncapi.yaml.`,
      );
    }
  }
}

/** An address, or the absolute path of a file. */
function locationOf(path: string, directory = ''): string {
  return isUrl(path) ? path : resolve(directory, path);
}

function isUrl(text: string): boolean {
  return /^https?:\/\//.test(text);
}

/** @throws {Error} with the reason, if the address does not return a document in time, or the document is too large */
async function fetchText(url: string): Promise<string> {
  const response = await fetch(url, { signal: AbortSignal.timeout(FETCH_TIMEOUT_MS) });
  if (!response.ok) throw new Error(`it answered ${response.status}`);
  const text = await response.text();
  if (text.length > LARGEST_BYTES) throw new Error(`it has more than ${LARGEST_BYTES} bytes`);
  return text;
}
