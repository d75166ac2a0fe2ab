/** Finds the targets of references in an own-events document: in the document itself, and in files beside it. */
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { typeName } from '../names.ts';
import { ContractError, decodeUri, fromPointer, sourceOf } from '../source.ts';
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

export class SchemaFiles {
  readonly #document: Source;
  readonly #findings: Findings;
  readonly #files = new Map<string, Source | undefined>();

  constructor(document: Source, findings: Findings) {
    this.#document = document;
    this.#findings = findings;
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
    const source = path === '' ? place.source : await this.#open(join(dirname(place.source.file), path), at);
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
    const stem = (source.file.split('/').at(-1) ?? '').replace(/(?:\.schema)?\.(?:json|ya?ml)$/i, '');
    const name = typeName(keys.at(-1) ?? stem);
    if (name === '') {
      findings.add('schema-name', at, `refers to ${ref}, from whose name no type name can be made. Rename the target.`);
      return undefined;
    }
    return { value, place: { source, path: keys }, name, stem };
  }

  async #open(file: string, at: Place): Promise<Source | undefined> {
    if (this.#files.has(file)) return this.#files.get(file);
    const source = await this.#readFile(file, at);
    this.#files.set(file, source);
    return source;
  }

  async #readFile(file: string, at: Place): Promise<Source | undefined> {
    const [document, findings] = [this.#document, this.#findings];
    if (file === document.file) return document;
    try {
      const text = await readFile(file, 'utf8');
      if (text.length <= LARGEST_FILE_BYTES) return sourceOf(file, text);
      findings.add(
        'schema-ref',
        at,
        `refers to ${file}, which has more than 1 MiB. Refer to a file with only the schema.`,
      );
    } catch (error) {
      if (!(error instanceof ContractError)) {
        const reason = error instanceof Error && 'code' in error ? String(error.code) : String(error);
        findings.add('schema-ref', at, `refers to ${file}, which cannot be read (${reason}). Correct the path.`);
      } else {
        for (const each of error.findings)
          findings.add(each.rule, { source: { ...at.source, file, lineOf: () => each.line }, path: [] }, each.text);
      }
    }
    return undefined;
  }
}
