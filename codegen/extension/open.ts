/**
 * Opens a contract: a whole one as it stands, an own-events document merged with the contract that it extends.
 */
import { readFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { checkContract, parseContract } from '../contract.ts';
import type { Contract } from '../model.ts';
import type { RawContract } from '../raw.ts';
import { ContractError, fromPointer, sourceOf, toPointer } from '../source.ts';
import type { Finding, Source } from '../source.ts';
import { EXTENDS, isExtension, readDocument } from './document.ts';
import type { OwnDocument } from './document.ts';
import { Findings } from './findings.ts';
import type { Place } from './findings.ts';
import { merge } from './merge.ts';

/** What `x-extends` says for the contract of this version. */
export const STOCK = 'tidemark';
/** In a clone it stands beside `codegen/`, in the package beside the compiled modules. */
const STOCK_FILE = fileURLToPath(
  [new URL('../asyncapi.yaml', import.meta.url), new URL('../../asyncapi.yaml', import.meta.url)].find(existsSync) ??
    new URL('../asyncapi.yaml', import.meta.url),
);

const FETCH_TIMEOUT_MS = 10_000;
const LARGEST_BYTES = 8 * 1024 * 1024;

export interface OpenOptions {
  /** Path of the contract of this version, where it does not lie beside this package. */
  readonly stock?: string;
}

export interface OpenedContract {
  readonly contract: Contract;
  /** Of the whole contract, merged where there was anything to merge. */
  readonly source: Source;
  /** The own-events document, where the file is one. */
  readonly own: OwnDocument | undefined;
  /** Every file that was read, for those who watch for changes. */
  readonly files: readonly string[];
}

/** @throws {ContractError} naming file, line, pointer and the fix of everything that is wrong; errors of reading the file pass through. */
export async function openContract(file: string, options: OpenOptions = {}): Promise<OpenedContract> {
  const opener = new Opener(options.stock ?? STOCK_FILE);
  const source = sourceOf(file, await readFile(file, 'utf8'));
  if (!isExtension(source.value)) {
    const { contract } = await parseContract(source);
    return { contract, source, own: undefined, files: [file] };
  }
  const { source: merged, own, relocate } = await opener.extend(source, []);
  try {
    // Without the AsyncAPI parser, which takes seconds: what the document is merged with is AsyncAPI, and so is what the
    // merge adds. Tests give merged contracts of every kind to the parser.
    const contract = checkContract(merged);
    return { contract, source: merged, own, files: opener.files };
  } catch (error) {
    throw error instanceof ContractError ? new ContractError(file, error.findings.map(relocate)) : error;
  }
}

interface Extended {
  readonly source: Source;
  readonly own: OwnDocument;
  /** From a place in the merged contract to where its author wrote it. */
  readonly relocate: (finding: Finding) => Finding;
}

class Opener {
  readonly #stock: string;
  readonly files: string[] = [];

  constructor(stock: string) {
    this.#stock = stock;
  }

  /** @param above the documents that lead here by `x-extends`, to find a circle */
  async extend(source: Source, above: readonly string[]): Promise<Extended> {
    this.files.push(source.file);
    const findings = new Findings();
    const own = readDocument(source, findings);
    const base = own.base === '' ? undefined : await this.#base(own, [...above, source.file], findings);
    const merged = base === undefined ? undefined : await merge({ document: own, base, findings });
    if (findings.list.length > 0 || merged === undefined) throw new ContractError(source.file, findings.list);
    for (const { source: each } of merged.origins.values())
      if (!this.files.includes(each.file)) this.files.push(each.file);
    const place = (path: readonly (string | number)[]): Place | undefined => placeOf(merged.origins, path.map(String));
    return {
      own,
      source: {
        file: source.file,
        text: stringify(merged.contract, { aliasDuplicateObjects: false, lineWidth: 0 }),
        value: merged.contract,
        lineOf: (path) => {
          const at = place(path);
          return at?.source.lineOf(at.path);
        },
      },
      relocate: (finding) => {
        const at = place(fromPointer(finding.pointer));
        if (at === undefined) return { ...finding, line: undefined };
        return { ...finding, file: at.source.file, pointer: toPointer(at.path), line: at.source.lineOf(at.path) };
      },
    };
  }

  async #base(own: OwnDocument, above: readonly string[], findings: Findings): Promise<RawContract | undefined> {
    const place: Place = { source: own.source, path: [EXTENDS] };
    const { base } = own;
    const file = base === STOCK ? this.#stock : isUrl(base) ? base : resolve(dirname(own.source.file), base);
    try {
      if (above.map((each) => resolve(each)).includes(file)) {
        findings.add('extends', place, `is ${base}, which extends this document. Let one of them extend tidemark.`);
        return undefined;
      }
      const source = sourceOf(file, isUrl(file) ? await fetchText(file) : await readFile(file, 'utf8'));
      if (isExtension(source.value)) return (await this.extend(source, above)).source.value as RawContract;
      // The contract of this version was checked when it was released.
      if (file !== this.#stock) {
        this.files.push(file);
        await parseContract(source);
      }
      return source.value as RawContract;
    } catch (error) {
      if (error instanceof ContractError) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      findings.add(
        'extends',
        place,
        `is ${base}, which cannot be read: ${reason}. Write tidemark, a file, or the address of a gateway's /asyncapi.yaml.`,
      );
      return undefined;
    }
  }
}

function isUrl(text: string): boolean {
  return /^https?:\/\//.test(text);
}

/** @throws {Error} in words, when it does not answer with a document of bounded size in time */
async function fetchText(url: string): Promise<string> {
  const response = await fetch(url, { signal: AbortSignal.timeout(FETCH_TIMEOUT_MS) });
  if (!response.ok) throw new Error(`it answered ${response.status}`);
  const text = await response.text();
  if (text.length > LARGEST_BYTES) throw new Error(`it has more than ${LARGEST_BYTES} bytes`);
  return text;
}

/** The nearest part of the merged contract that its author wrote. */
function placeOf(origins: ReadonlyMap<string, Place>, path: readonly string[]): Place | undefined {
  for (let length = path.length; length > 0; length -= 1) {
    const origin = origins.get(path.slice(0, length).join('/'));
    if (origin !== undefined) return { source: origin.source, path: [...origin.path, ...path.slice(length)] };
  }
  return undefined;
}
