/**
 * Converts the JSON Schemas of an own-events document, and of the files that it refers to, into schemas of the contract: named,
 * closed, described and bounded. Fills in what the contract requires beyond JSON Schema.
 */
import type { ReadFile } from '../files.ts';
import type { Schema } from '../model.ts';
import { SCHEMA_KEYWORDS } from '../rules/schemas.ts';
import type { Source } from '../source.ts';
import { mergeAllOf, onlyPart, placed } from './all-of.ts';
import type { PlacedSchema } from './all-of.ts';
import { below, isObject, suggestion } from './findings.ts';
import type { Findings, Place } from './findings.ts';
import { typeName } from '../names.ts';
import { SchemaFiles } from './schema-files.ts';
import type { Target } from './schema-files.ts';

/** Keywords that only describe a schema. Generated code does not use them. */
const ANNOTATIONS: ReadonlySet<string> = new Set([
  ...['title', '$schema', '$id', 'id', '$anchor', '$comment', 'example', 'examples', 'deprecated'],
  ...['readOnly', 'writeOnly', '$defs', 'definitions'],
]);
const PREFIX = '#/components/schemas/';

/** The type that each keyword implies. */
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
  exclusiveMinimum: 'number',
  exclusiveMaximum: 'number',
  multipleOf: 'number',
  uniqueItems: 'array',
  minProperties: 'object',
  maxProperties: 'object',
};

export interface SchemaReaderOptions {
  readonly document: Source;
  /** The schemas that the document declares. */
  readonly own: Readonly<Record<string, unknown>>;
  /** Names of the schemas of the contract that is extended; the document may refer to them. */
  readonly stock: readonly string[];
  readonly findings: Findings;
  readonly readFile: ReadFile;
}

/** A named schema and its origin. */
export interface NamedSchema {
  readonly schema: Schema;
  readonly place: Place;
}

export class SchemaReader {
  readonly #options: SchemaReaderOptions;
  readonly #files: SchemaFiles;
  /** The name of each schema by its `file#pointer`, so that a schema with two references becomes one type. */
  readonly #names = new Map<string, string>();
  readonly named = new Map<string, NamedSchema>();
  /** Declared schemas that were copied into others as parts of an `allOf`. They become types only if something else refers to them. */
  readonly parts = new Set<string>();

  constructor(options: SchemaReaderOptions) {
    this.#options = options;
    this.#files = new SchemaFiles(options);
  }

  /**
   * Names a schema. If the schema is only a reference, it keeps the name of the target.
   * @param what description of the schema, used if the author wrote none
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
      findings.add('schema-name', place, `would be named ${name}, like a schema of the contract. Rename it.`);
    const taken = this.named.get(name);
    if (taken !== undefined)
      findings.add('schema-name', place, `would be named ${name}, like ${wordsOf(taken.place)}. Rename one of them.`);
    this.#names.set(key, name);
    // Add a placeholder first, because the schema may refer to itself.
    this.named.set(name, { schema: {}, place });
    const schema = await this.#read(value, place, what);
    this.named.set(name, { schema, place });
    return name;
  }

  async #read(value: unknown, place: Place, what: string): Promise<Schema> {
    const { findings } = this.#options;
    if (!isObject(value)) {
      findings.add(
        'schema',
        place,
        `must be a JSON Schema (an object), not ${JSON.stringify(value)}. Write a JSON Schema, such as { type: string }.`,
      );
      return {};
    }
    if (typeof value['$ref'] === 'string') return this.#reference(value, place);
    const part = onlyPart(value, ANNOTATIONS);
    if (isObject(part) && typeof part['$ref'] === 'string') return this.#reference(part, below(place, 'allOf', '0'));
    return this.#readPlaced('allOf' in value ? await this.#merge(value, place) : placed(value, place), what);
  }

  #merge(value: Readonly<Record<string, unknown>>, place: Place): Promise<PlacedSchema> {
    return mergeAllOf(value, place, {
      findings: this.#options.findings,
      annotations: ANNOTATIONS,
      locate: (ref, from) => this.#locatePart(ref, from),
    });
  }

  async #readPlaced(schema: PlacedSchema, what: string): Promise<Schema> {
    const { value } = schema;
    this.#checkKeywords(schema);
    this.#checkRequired(schema);
    const { type, closing } = shapeOf(value);
    const description = value['description'] ?? value['title'] ?? what;
    return {
      ...Object.fromEntries(Object.entries(value).filter(([keyword]) => isKept(keyword))),
      ...(type === undefined ? {} : { type }),
      ...(typeof description === 'string' ? { description } : {}),
      ...closing,
      ...numberBounds(type, value),
      ...(await this.#parts(schema)),
    };
  }

  async #parts({ value, at }: PlacedSchema): Promise<Partial<Schema>> {
    const { properties, items, additionalProperties } = value;
    const parts: Record<string, unknown> = {};
    if (isObject(properties)) {
      const read: [string, Schema][] = [];
      for (const [name, each] of Object.entries(properties))
        read.push([name, await this.#read(each, at('properties', name), `\`${name}\`.`)]);
      parts['properties'] = Object.fromEntries(read);
    }
    if (isObject(items)) parts['items'] = await this.#read(items, at('items'), 'An item of the list.');
    if (isObject(additionalProperties))
      parts['additionalProperties'] = await this.#read(additionalProperties, at('additionalProperties'), '');
    for (const keyword of ['oneOf', 'anyOf'] as const) {
      const branches = value[keyword];
      if (!Array.isArray(branches)) continue;
      const read: Schema[] = [];
      for (const [index, branch] of branches.entries())
        read.push(await this.#read(branch, at(keyword, String(index)), 'One of the alternatives.'));
      parts[keyword] = read;
    }
    return parts;
  }

  #checkRequired({ value: { required, properties }, at }: PlacedSchema): void {
    if (!Array.isArray(required)) return;
    const members = isObject(properties) ? Object.keys(properties) : [];
    for (const name of required.map(String).filter((each) => !members.includes(each))) {
      const text = `requires ${name}, which is not among the properties.${suggestion(name, members)} Add it to properties, or remove it here.`;
      this.#options.findings.add('schema-required', at('required'), text);
    }
  }

  #checkKeywords({ value, at }: PlacedSchema): void {
    for (const keyword of Object.keys(value)) {
      if (SCHEMA_KEYWORDS.has(keyword) || ANNOTATIONS.has(keyword) || keyword.startsWith('x-')) continue;
      const supported = [...SCHEMA_KEYWORDS].filter((each) => !each.includes('-') && each !== '$ref');
      const hint = suggestion(keyword, supported);
      const fault = hint === '' ? 'is not among the keywords of JSON Schema that are supported.' : 'is not a keyword.';
      const remedy = `Remove it, or express it with ${supported.join(', ')} or allOf.`;
      this.#options.findings.add('schema-keyword', at(keyword), `${fault}${hint} ${remedy}`);
    }
  }

  /**
   * Finds the target of a reference in an `allOf`. The target is copied, so it must be declared in this document or in a file. A schema of
   * the contract that is extended is reported as a finding.
   */
  async #locatePart(ref: string, place: Place): Promise<Target | undefined> {
    const { document, own, stock, findings } = this.#options;
    const name = ref.startsWith(PREFIX) ? ref.slice(PREFIX.length) : '';
    const isStock = place.source === document && stock.includes(name) && !Object.hasOwn(own, name);
    if (place.source === document && Object.hasOwn(own, name)) this.parts.add(name);
    if (!isStock) return this.#files.locate(ref, place);
    findings.add(
      'schema-allof',
      below(place, '$ref'),
      `refers to ${name} of the contract that is extended, which cannot be a part of an allOf. Use it as the schema of a member.`,
    );
    return undefined;
  }

  /** A reference to a named schema of the merged contract. An anonymous target gets a name. */
  async #reference(value: Readonly<Record<string, unknown>>, place: Place): Promise<Schema> {
    const { findings, document, own, stock } = this.#options;
    const ref = String(value['$ref']);
    const beside = Object.keys(value).find(
      (each) => each !== '$ref' && !ANNOTATIONS.has(each) && each !== 'description',
    );
    if (beside !== undefined)
      findings.add('schema-ref', below(place, beside), 'is beside $ref. Move it to the schema that $ref refers to.');
    const name = ref.startsWith(PREFIX) ? ref.slice(PREFIX.length) : '';
    const isNamed = place.source === document && ref.startsWith(PREFIX);
    if (isNamed && !Object.hasOwn(own, name)) {
      if (!stock.includes(name))
        findings.add(
          'schema-ref',
          below(place, '$ref'),
          `refers to ${name}, which is neither declared here nor in the contract.${suggestion(name, [...Object.keys(own), ...stock])} Correct the name, or add a schema of this name under components.schemas.`,
        );
      return { $ref: `${PREFIX}${name}` };
    }
    const target = await this.#files.locate(ref, place);
    return target === undefined ? {} : { $ref: `${PREFIX}${await this.#nameOf(target, place)}` };
  }

  async #nameOf(target: Target, from: Place): Promise<string> {
    const known = this.#names.get(keyOf(target.place));
    if (known !== undefined) return known;
    if (isObject(target.value) && typeof target.value['$ref'] === 'string') return this.#follow(target, from);
    const wanted = this.named.has(target.name) ? typeName(`${target.stem} ${target.name}`) : target.name;
    return this.#register(wanted, target.value, target.place, `${target.name}.`);
  }

  /** Follows references to references, to the schema at the end. */
  async #follow(target: Target, from: Place): Promise<string> {
    const key = keyOf(target.place);
    if (this.#following.has(key)) {
      this.#options.findings.add(
        'schema-ref',
        from,
        'is part of a circle of references. Replace one of these references with a schema.',
      );
      return target.name;
    }
    this.#following.add(key);
    const { $ref = '' } = await this.#reference(target.value as Readonly<Record<string, unknown>>, target.place);
    this.#following.delete(key);
    return $ref.slice(PREFIX.length);
  }

  readonly #following = new Set<string>();
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

/**
 * The type that the schema states or implies. For an object, also the keywords that close the object, or that open it
 * and give the reason.
 */
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
  const reason = typeof value['x-open'] === 'string' ? value['x-open'] : 'Declared open by its author.';
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

/** Adds bounds to a number, because only numbers within these bounds are exact in every language (ENV-5). */
function numberBounds(type: string | undefined, value: Readonly<Record<string, unknown>>): Partial<Schema> {
  if ((type !== 'integer' && type !== 'number') || 'const' in value || 'enum' in value) return {};
  const bound = (keyword: string, standard: number): number =>
    typeof value[keyword] === 'number' ? value[keyword] : standard;
  return {
    minimum: bound('minimum', Number.MIN_SAFE_INTEGER),
    maximum: bound('maximum', Number.MAX_SAFE_INTEGER),
  };
}
