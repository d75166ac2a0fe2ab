/** Finds the targets of references in an own-events document: in the document itself, and in files beside it. */
import { dirname, join, resolve } from 'node:path';
import { UnreadableFile } from '../files.ts';
import type { ReadFile } from '../files.ts';
import { typeName } from '../names.ts';
import { ContractError, decodeUri, fromPointer, pathOf } from '../source.ts';
import type { Source } from '../source.ts';
import { below } from './findings.ts';
import type { Findings, Place } from './findings.ts';

const LARGEST_FILE_BYTES = 1024 * 1024;

/** The target of a reference. */
export interface Target {
  readonly value: unknown;
  readonly place: Place;
  /** A name for the type, made from the last part of the reference. */
  readonly name: string;
  /** The name of the file without its extension. */
  readonly stem: string;
}

export interface SchemaFilesOptions {
  readonly document: Source;
  readonly findings: Findings;
  readonly readFile: ReadFile;
}

export class SchemaFiles {
  readonly #findings: Findings;
  readonly #readFile: ReadFile;
  /** The files that were read by their resolved paths; undefined for a file that cannot be read. */
  readonly #files: Map<string, Source | undefined>;

  constructor({ document, findings, readFile }: SchemaFilesOptions) {
    this.#findings = findings;
    this.#readFile = readFile;
    this.#files = new Map([[resolve(pathOf(document)), document]]);
  }

  /** @returns undefined if there is no target; the reason is added to the findings */
  async locate(ref: string, place: Place): Promise<Target | undefined> {
    const findings = this.#findings;
    const at = below(place, '$ref');
    const [path = '', fragment = ''] = ref.split('#', 2);
    if (/^[a-z][a-z0-9+.-]+:/i.test(path)) {
      findings.add(
        'schema-ref',
        at,
        `refers to ${ref}, which is not a local file. Refer to a file beside this one, such as ./build.schema.json.`,
      );
      return undefined;
    }
    const source = path === '' ? place.source : await this.#open(ref, path, place.source, at);
    if (source === undefined) return undefined;
    if (fragment !== '' && !fragment.startsWith('/')) {
      findings.add(
        'schema-ref',
        at,
        `has the fragment #${fragment}, which is not a JSON pointer. Write a JSON pointer, such as #/$defs/Name.`,
      );
      return undefined;
    }
    const keys = fromPointer(decodeUri(fragment) ?? fragment);
    let value: unknown = source.value;
    for (const key of keys) {
      const isOwn = typeof value === 'object' && value !== null && Object.hasOwn(value, key);
      value = isOwn ? (value as Readonly<Record<string, unknown>>)[key] : undefined;
    }
    if (value === undefined) {
      findings.add('schema-ref', at, `refers to ${ref}, which does not exist. Correct the reference.`);
      return undefined;
    }
    const stem = (pathOf(source).split('/').at(-1) ?? '').replace(/(?:\.schema)?\.(?:json|ya?ml)$/i, '');
    const name = typeName(keys.at(-1) ?? stem);
    if (name === '') {
      findings.add('schema-name', at, `refers to ${ref}, from whose name no type name can be made. Rename the target.`);
      return undefined;
    }
    return { value, place: { source, path: keys }, name, stem };
  }

  /** Opens the file at a path that is relative to another file. */
  async #open(ref: string, path: string, from: Source, at: Place): Promise<Source | undefined> {
    const file = join(dirname(pathOf(from)), path);
    const key = resolve(file);
    if (!this.#files.has(key)) this.#files.set(key, await this.#read(ref, file, at));
    return this.#files.get(key);
  }

  async #read(ref: string, file: string, at: Place): Promise<Source | undefined> {
    const findings = this.#findings;
    try {
      const source = await this.#readFile(file);
      if (source.text.length <= LARGEST_FILE_BYTES) return source;
      findings.add(
        'schema-ref',
        at,
        `refers to ${ref}, which has more than 1 MiB. Refer to a file with only the schema.`,
      );
    } catch (error) {
      if (error instanceof UnreadableFile) findings.add('schema-ref', at, `refers to ${ref}, ${error.message}`);
      else if (error instanceof ContractError) {
        for (const each of error.findings)
          findings.add(
            each.rule,
            { source: { ...at.source, file: error.file, lineOf: () => each.line }, path: [] },
            each.text,
          );
      } else throw error;
    }
    return undefined;
  }
}
