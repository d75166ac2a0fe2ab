/** Reads the files of a contract and resolves references between them. */
import { dirname, resolve } from 'node:path';
import { below, isObject } from '../own-events/findings.ts';
import type { Findings, Place } from '../own-events/findings.ts';
import { UnreadableFile } from '../files.ts';
import type { ReadFile } from '../files.ts';
import { ContractError, decodeUri, fromPointer, pathOf, toPointer } from '../source.ts';
import type { Source } from '../source.ts';

/** Longest chain of references; a longer one is treated as circular. */
const MOST_HOPS = 20;

export interface Target {
  readonly value: unknown;
  readonly place: Place;
}

export interface DocumentsOptions {
  readonly findings: Findings;
  readonly readFile: ReadFile;
}

export class Documents {
  readonly #main: Source;
  readonly #findings: Findings;
  readonly #readFile: ReadFile;
  readonly #sources = new Map<string, Source | undefined>();

  constructor(main: Source, { findings, readFile }: DocumentsOptions) {
    this.#main = main;
    this.#findings = findings;
    this.#readFile = readFile;
    this.#sources.set(resolve(pathOf(main)), main);
  }

  /** Every file that was read. */
  get files(): readonly string[] {
    return [...this.#sources.values()].flatMap((source) => (source === undefined ? [] : [source.file]));
  }

  /**
   * Finds what a reference refers to. @param place place of the object that contains the reference. @returns undefined if
   * the reference does not resolve; this is reported as a finding.
   */
  async locate(ref: string, place: Place, hops = 0): Promise<Target | undefined> {
    const at = below(place, '$ref');
    const refuse = (text: string): undefined => {
      this.#findings.add('reference', at, `refers to ${ref}, ${text}`);
    };
    const [path, fragment] = [decodeUri(ref.split('#', 1)[0] ?? ''), decodeUri(ref.split('#').slice(1).join('#'))];
    if (path === undefined || fragment === undefined)
      return refuse('which has a % without two hexadecimal digits. Write %25 for the character %.');
    if (/^[a-z][a-z0-9+.-]+:/i.test(path))
      return refuse(
        'which is not a local file. Save it as a file and refer to the file, such as ./schemas/order.json.',
      );
    if (fragment !== '' && !fragment.startsWith('/'))
      return refuse(
        'whose part after # is not a JSON pointer. Write a JSON pointer, such as #/components/schemas/Name.',
      );
    const source = path === '' ? place.source : await this.#open(resolve(dirname(pathOf(place.source)), path), refuse);
    if (source === undefined) return undefined;
    const top: Target = { value: source.value, place: { source, path: [] } };
    const target = await this.#descend(top, fromPointer(fragment), hops);
    return target ?? refuse(`and ${fragment} is not in that file. Correct the reference.`);
  }

  /**
   * Follows the keys of a pointer, and the references on the way. Example: `#/components/schemas/Order/properties/id`,
   * where `Order` is itself a reference to a file.
   */
  async #descend(top: Target, keys: readonly string[], hops: number): Promise<Target | undefined> {
    let at = top;
    let taken = hops;
    for (const key of keys) {
      while (isObject(at.value) && typeof at.value['$ref'] === 'string' && !Object.hasOwn(at.value, key)) {
        taken += 1;
        const next = taken > MOST_HOPS ? undefined : await this.locate(at.value['$ref'], at.place, taken);
        if (next === undefined) return undefined;
        at = next;
      }
      const isOwn = typeof at.value === 'object' && at.value !== null && Object.hasOwn(at.value, key);
      if (!isOwn) return undefined;
      at = { value: (at.value as Readonly<Record<string, unknown>>)[key], place: below(at.place, key) };
    }
    return at;
  }

  /** The final target of a chain of references. */
  async follow(object: unknown, place: Place): Promise<Target | undefined> {
    const seen = new Set<string>();
    let at: Target = { value: object, place };
    while (isObject(at.value) && typeof at.value['$ref'] === 'string') {
      const ref = at.value['$ref'];
      // Stop at a named part of the contract's own file, even if it is only a reference, so that it keeps its name.
      if (at.place.source === this.#main && at.place.path.length === 3 && keyOf(at.place) !== keyOf(place)) return at;
      if (seen.has(keyOf(at.place))) {
        this.#findings.add(
          'schema-circle',
          below(place, '$ref'),
          'is part of a circle of references. Replace one of these references with a schema.',
        );
        return undefined;
      }
      seen.add(keyOf(at.place));
      const next = await this.locate(ref, at.place);
      if (next === undefined) return undefined;
      at = next;
    }
    return at;
  }

  async #open(file: string, refuse: (text: string) => undefined): Promise<Source | undefined> {
    if (this.#sources.has(file)) return this.#sources.get(file);
    const source = await this.#read(file, refuse);
    this.#sources.set(file, source);
    return source;
  }

  async #read(file: string, refuse: (text: string) => undefined): Promise<Source | undefined> {
    try {
      return await this.#readFile(file);
    } catch (error) {
      if (error instanceof UnreadableFile) return refuse(error.message);
      if (!(error instanceof ContractError)) throw error;
      for (const { rule, line, text } of error.findings)
        this.#findings.add(
          rule,
          { source: { file: error.file, text: '', value: undefined, lineOf: () => line }, path: [] },
          text,
        );
      return undefined;
    }
  }
}

export function keyOf({ source, path }: Place): string {
  return `${resolve(pathOf(source))}#${toPointer(path)}`;
}
