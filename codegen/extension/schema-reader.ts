/**
 * Turns the JSON Schemas of an own-events document, and of the files that it refers to, into schemas as the contract has
 * them: named, closed, described and bounded. What the contract demands of its authors beyond JSON Schema is filled in.
 */
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Schema } from '../model.ts';
import { SCHEMA_KEYWORDS } from '../rules/schemas.ts';
import { ContractError, decodeUri, fromPointer, sourceOf } from '../source.ts';
import type { Source } from '../source.ts';
import { below, isObject, suggestion } from './findings.ts';
import type { Findings, Place } from './findings.ts';
import { typeName } from '../names.ts';

/** Keywords that only describe, and that the generated code has no use for. */
const ANNOTATIONS: ReadonlySet<string> = new Set([
  ...['title', '$schema', '$id', 'id', '$anchor', '$comment', 'example', 'examples', 'deprecated'],
  ...['readOnly', 'writeOnly', '$defs', 'definitions'],
]);
const LARGEST_FILE_BYTES = 1024 * 1024;
const PREFIX = '#/components/schemas/';

/** What a JSON Schema says by a keyword of a type alone. */
const TYPE_OF_KEYWORD: Readonly<Record<string, string>> = {
  properties: 'object',
  required: 'object',
  additionalProperties: 'object',
  items: 'array',
  minItems: 'array',
  maxItems: 'array',
  pattern: 'string',
  minLength: 'string',
  maxLength: 'string',
  format: 'string',
  minimum: 'number',
  maximum: 'number',
};

export interface SchemaReaderOptions {
  readonly document: Source;
  /** The schemas that the document declares. */
  readonly own: Readonly<Record<string, unknown>>;
  /** Names of the schemas of the contract that is extended; the document may refer to them. */
  readonly stock: readonly string[];
  readonly findings: Findings;
}

/** A schema that got a name, with where it comes from. */
export interface NamedSchema {
  readonly schema: Schema;
  readonly place: Place;
}

export class SchemaReader {
  readonly #options: SchemaReaderOptions;
  readonly #files = new Map<string, Source | undefined>();
  /** `file#pointer` → name, so that a schema that is referred to twice is one type. */
  readonly #names = new Map<string, string>();
  readonly named = new Map<string, NamedSchema>();

  constructor(options: SchemaReaderOptions) {
    this.#options = options;
  }

  /**
   * Gives a schema a name of its own, or the one that it has where it is only a reference.
   * @param what what the schema describes, for a description where the author gave none
   */
  async name(
    value: unknown,
    place: Place,
    { name, what }: { readonly name: string; readonly what: string },
  ): Promise<string> {
    if (isObject(value) && typeof value['$ref'] === 'string') {
      const ref = await this.#reference(value, place);
      return ref.$ref?.slice(PREFIX.length) ?? name;
    }
    return this.#register(name, value, place, what);
  }

  async #register(name: string, value: unknown, place: Place, what: string): Promise<string> {
    const { findings, stock } = this.#options;
    const key = keyOf(place);
    if (stock.includes(name))
      findings.add('schema-name', place, `would be called ${name}, as a schema of the contract is. Rename it.`);
    const taken = this.named.get(name);
    if (taken !== undefined)
      findings.add('schema-name', place, `would be called ${name}, as ${wordsOf(taken.place)} is. Rename one of them.`);
    this.#names.set(key, name);
    // First a placeholder: the schema may refer to itself.
    this.named.set(name, { schema: {}, place });
    const schema = await this.#read(value, place, what);
    this.named.set(name, { schema, place });
    return name;
  }

  async #read(value: unknown, place: Place, what: string): Promise<Schema> {
    const { findings } = this.#options;
    if (!isObject(value)) {
      findings.add('schema', place, `must be a JSON Schema (an object), not ${JSON.stringify(value)}. Correct it.`);
      return {};
    }
    if (typeof value['$ref'] === 'string') return this.#reference(value, place);
    this.#checkKeywords(value, place);
    this.#checkRequired(value, place);
    const { type, closing } = shapeOf(value);
    const description = value['description'] ?? value['title'] ?? what;
    return {
      ...Object.fromEntries(Object.entries(value).filter(([keyword]) => isKept(keyword))),
      ...(type === undefined ? {} : { type }),
      ...(typeof description === 'string' ? { description } : {}),
      ...closing,
      ...numberBounds(type, value),
      ...(await this.#parts(value, place)),
    };
  }

  async #parts(value: Readonly<Record<string, unknown>>, place: Place): Promise<Partial<Schema>> {
    const { properties, items, additionalProperties } = value;
    const parts: Record<string, unknown> = {};
    if (isObject(properties)) {
      const read: [string, Schema][] = [];
      for (const [name, each] of Object.entries(properties))
        read.push([name, await this.#read(each, below(place, 'properties', name), `\`${name}\`.`)]);
      parts['properties'] = Object.fromEntries(read);
    }
    if (isObject(items)) parts['items'] = await this.#read(items, below(place, 'items'), 'One of them.');
    if (isObject(additionalProperties))
      parts['additionalProperties'] = await this.#read(additionalProperties, below(place, 'additionalProperties'), '');
    for (const keyword of ['oneOf', 'anyOf'] as const) {
      const branches = value[keyword];
      if (!Array.isArray(branches)) continue;
      const read: Schema[] = [];
      for (const [at, branch] of branches.entries())
        read.push(await this.#read(branch, below(place, keyword, String(at)), 'One of the alternatives.'));
      parts[keyword] = read;
    }
    return parts;
  }

  #checkRequired({ required, properties }: Readonly<Record<string, unknown>>, place: Place): void {
    if (!Array.isArray(required)) return;
    const members = isObject(properties) ? Object.keys(properties) : [];
    for (const name of required.map(String).filter((each) => !members.includes(each))) {
      const text = `asks for ${name}, which is not among the properties.${suggestion(name, members)} Add it there.`;
      this.#options.findings.add('schema-required', below(place, 'required'), text);
    }
  }

  #checkKeywords(value: Readonly<Record<string, unknown>>, place: Place): void {
    for (const keyword of Object.keys(value)) {
      if (SCHEMA_KEYWORDS.has(keyword) || ANNOTATIONS.has(keyword) || keyword.startsWith('x-')) continue;
      const hint = keyword === 'allOf' ? '' : suggestion(keyword, [...SCHEMA_KEYWORDS]);
      const remedy =
        keyword === 'allOf'
          ? 'Write the members out, or refer to one schema: an allOf cannot be closed.'
          : `Remove it, or say the same with ${[...SCHEMA_KEYWORDS].filter((each) => !each.includes('-') && each !== '$ref').join(', ')}.`;
      const fault = hint === '' ? 'is not among the keywords of JSON Schema that are supported.' : 'is no keyword.';
      this.#options.findings.add('schema-keyword', below(place, keyword), `${fault}${hint} ${remedy}`);
    }
  }

  /** A reference to a named schema of the merged contract; named on the way where it was not. */
  async #reference(value: Readonly<Record<string, unknown>>, place: Place): Promise<Schema> {
    const { findings, document, own, stock } = this.#options;
    const ref = String(value['$ref']);
    const beside = Object.keys(value).find(
      (each) => each !== '$ref' && !ANNOTATIONS.has(each) && each !== 'description',
    );
    if (beside !== undefined)
      findings.add(
        'schema-ref',
        below(place, beside),
        'stands beside $ref. Move it to the schema that is referred to.',
      );
    const name = ref.startsWith(PREFIX) ? ref.slice(PREFIX.length) : '';
    const isNamed = place.source === document && ref.startsWith(PREFIX);
    if (isNamed && !Object.hasOwn(own, name)) {
      if (!stock.includes(name))
        findings.add(
          'schema-ref',
          below(place, '$ref'),
          `refers to ${name}, which is neither declared here nor in the contract.${suggestion(name, [...Object.keys(own), ...stock])} Correct it, or add it below components.schemas.`,
        );
      return { $ref: `${PREFIX}${name}` };
    }
    const target = await this.#locate(ref, place);
    return target === undefined ? {} : { $ref: `${PREFIX}${await this.#nameOf(target, place)}` };
  }

  async #nameOf(target: Target, from: Place): Promise<string> {
    const known = this.#names.get(keyOf(target.place));
    if (known !== undefined) return known;
    if (isObject(target.value) && typeof target.value['$ref'] === 'string') return this.#follow(target, from);
    const wanted = this.named.has(target.name) ? typeName(`${target.stem} ${target.name}`) : target.name;
    return this.#register(wanted, target.value, target.place, `${target.name}.`);
  }

  /** A reference to a reference: the last one is the schema. */
  async #follow(target: Target, from: Place): Promise<string> {
    const key = keyOf(target.place);
    if (this.#following.has(key)) {
      this.#options.findings.add('schema-ref', from, 'leads in a circle of references. Let one of them be a schema.');
      return target.name;
    }
    this.#following.add(key);
    const { $ref = '' } = await this.#reference(target.value as Readonly<Record<string, unknown>>, target.place);
    this.#following.delete(key);
    return $ref.slice(PREFIX.length);
  }

  readonly #following = new Set<string>();

  async #locate(ref: string, place: Place): Promise<Target | undefined> {
    const { findings } = this.#options;
    const at = below(place, '$ref');
    const [path = '', fragment = ''] = ref.split('#', 2);
    if (/^[a-z][a-z0-9+.-]+:/i.test(path)) {
      findings.add('schema-ref', at, `refers to ${ref}. Refer to a file beside this one, such as ./build.schema.json.`);
      return undefined;
    }
    const source = path === '' ? place.source : await this.#open(join(dirname(place.source.file), path), at);
    if (source === undefined) return undefined;
    if (fragment !== '' && !fragment.startsWith('/')) {
      findings.add('schema-ref', at, `has the fragment #${fragment}. Write a JSON pointer, such as #/$defs/Name.`);
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
      findings.add('schema-name', at, `refers to ${ref}, of which no name of a type can be made. Rename the target.`);
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
    const { findings, document } = this.#options;
    if (file === document.file) return document;
    try {
      const text = await readFile(file, 'utf8');
      if (text.length <= LARGEST_FILE_BYTES) return sourceOf(file, text);
      findings.add('schema-ref', at, `refers to ${file}, which has more than 1 MiB. Refer to the schema alone.`);
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

interface Target {
  readonly value: unknown;
  readonly place: Place;
  readonly name: string;
  readonly stem: string;
}

function keyOf({ source, path }: Place): string {
  return `${source.file}#${path.join('/')}`;
}

function wordsOf({ source, path }: Place): string {
  return `${source.file}#/${path.join('/')}`;
}

function isKept(keyword: string): boolean {
  return !ANNOTATIONS.has(keyword) && (!keyword.startsWith('x-') || SCHEMA_KEYWORDS.has(keyword));
}

/** The type, also where it is only implied, and what makes an object closed, or open for a reason. */
function shapeOf(value: Readonly<Record<string, unknown>>): {
  readonly type: string | undefined;
  readonly closing: Partial<Schema>;
} {
  const type =
    typeof value['type'] === 'string' ? value['type'] : value['type'] === undefined ? impliedType(value) : undefined;
  if (type !== 'object') return { type, closing: {} };
  const { additionalProperties } = value;
  if (additionalProperties === undefined || additionalProperties === false)
    return { type, closing: { additionalProperties: false } };
  const reason = typeof value['x-open'] === 'string' ? value['x-open'] : 'Its author declares it open.';
  return { type, closing: { ...(additionalProperties === true ? { additionalProperties } : {}), 'x-open': reason } };
}

function impliedType(value: Readonly<Record<string, unknown>>): string | undefined {
  const listed = Array.isArray(value['enum'])
    ? (value['enum'] as readonly unknown[])
    : 'const' in value
      ? [value['const']]
      : [];
  const types = new Set(listed.map(jsonType));
  const [only] = types;
  if (types.size === 1) return only;
  const keyword = Object.keys(value).find((each) => Object.hasOwn(TYPE_OF_KEYWORD, each));
  return keyword === undefined ? undefined : TYPE_OF_KEYWORD[keyword];
}

function jsonType(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return typeof value === 'number' && Number.isInteger(value) ? 'integer' : typeof value;
}

/** Numbers are exact in every language only within these bounds (ENV-5). */
function numberBounds(type: string | undefined, value: Readonly<Record<string, unknown>>): Partial<Schema> {
  if ((type !== 'integer' && type !== 'number') || 'const' in value || 'enum' in value) return {};
  const bound = (keyword: string, standard: number): number =>
    typeof value[keyword] === 'number' ? value[keyword] : standard;
  return {
    minimum: bound('minimum', Number.MIN_SAFE_INTEGER),
    maximum: bound('maximum', Number.MAX_SAFE_INTEGER),
  };
}
