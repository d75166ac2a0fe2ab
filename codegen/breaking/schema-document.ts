/** The schemas of one version of a contract: resolves references, lists the values of enumerations, validates values. */
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { ValidateFunction } from 'ajv/dist/2020.js';
import { FORMATS } from '../emit/formats.ts';
import { fromPointer, toPointer } from '../source.ts';
import { canonical, equal, isObject, valueAt } from './json.ts';
import type { JsonObject, Path } from './json.ts';

export type JsonSchema = boolean | JsonObject;

/** A schema and where it is in its document. */
export interface Place {
  readonly schema: JsonSchema;
  readonly path: Path;
}

/** Keywords that do not affect which values are valid. */
const ANNOTATIONS: ReadonlySet<string> = new Set([
  'description',
  'title',
  'summary',
  'examples',
  'example',
  'deprecated',
  'readOnly',
  'writeOnly',
  '$comment',
  '$id',
  '$schema',
  '$defs',
  'definitions',
  'externalDocs',
  'x-open',
  'x-volatile',
]);

function isAnnotation(keyword: string): boolean {
  return ANNOTATIONS.has(keyword) || keyword.startsWith('x-parser-');
}

/** The keywords of a schema, without annotations. */
export function assertionsOf(schema: JsonObject): [keyword: string, value: unknown][] {
  return Object.entries(schema).filter(([keyword]) => !isAnnotation(keyword));
}

export function acceptsAll(schema: JsonSchema): boolean {
  if (typeof schema === 'boolean') return schema;
  return !assertionsOf(schema).some(([keyword]) => restricts(keyword));
}

/** Whether a keyword affects which values are valid. */
function restricts(keyword: string): boolean {
  return keyword !== 'default' && !keyword.startsWith('x-');
}

export function part({ schema, path }: Place, ...keys: Path): Place | undefined {
  const found = valueAt(schema, keys);
  return typeof found === 'boolean' || isObject(found) ? { schema: found, path: [...path, ...keys] } : undefined;
}

export class SchemaDocument {
  readonly #document: JsonObject;
  #ajv: Ajv2020 | undefined;
  readonly #validators = new Map<string, ValidateFunction | undefined>();
  readonly #bare = new WeakMap<JsonObject, Bare>();

  constructor(document: JsonObject) {
    this.#document = document;
  }

  /** @returns undefined if there is no schema at the path. */
  at(path: Path): Place | undefined {
    const schema = valueAt(this.#document, path);
    return typeof schema === 'boolean' || isObject(schema) ? { schema, path } : undefined;
  }

  /** Follows references. @returns undefined if a reference leaves the document, does not resolve, or is circular. */
  resolve(place: Place): Place | undefined {
    let at: Place | undefined = place;
    for (const seen = new Set<string>(); at !== undefined;) {
      const { schema, path }: Place = at;
      if (typeof schema === 'boolean') return at;
      const only = onlyPart(at);
      if (only !== undefined) {
        at = only;
        continue;
      }
      if (typeof schema['$ref'] !== 'string') return at;
      const { $ref, ...rest } = schema;
      // A value must satisfy both the reference and the keywords beside it.
      if (assertionsOf(rest).length > 0)
        return { schema: { ...rest, allOf: [{ $ref }, ...listOf(rest['allOf'])] }, path };
      if (seen.has($ref) || !$ref.startsWith('#/')) return undefined;
      seen.add($ref);
      at = this.at(fromPointer($ref.slice(1)).map(decode));
    }
    return undefined;
  }

  /** Whether the value is valid; undefined when the schema cannot be compiled. */
  accepts(place: Place, value: unknown): boolean | undefined {
    return typeof place.schema === 'boolean' ? place.schema : this.validator(place)?.(value);
  }

  validator({ path }: Place): ValidateFunction | undefined {
    const pointer = toPointer(path);
    if (!this.#validators.has(pointer)) this.#validators.set(pointer, this.#compile(pointer));
    return this.#validators.get(pointer);
  }

  #compile(pointer: string): ValidateFunction | undefined {
    try {
      return this.#validation().compile({ $ref: `contract#${encodeURI(pointer)}` });
    } catch {
      return undefined;
    }
  }

  /** The validator. It is created when the first value is checked. */
  #validation(): Ajv2020 {
    if (this.#ajv !== undefined) return this.#ajv;
    const ajv = new Ajv2020({
      formats: FORMATS,
      strict: false,
      logger: false,
      meta: false,
      validateSchema: false,
      allErrors: true,
      verbose: true,
    });
    const { components = {}, operations = {}, channels = {} } = this.#document;
    ajv.addSchema({ $id: 'contract', components, operations, channels });
    this.#ajv = ajv;
    return ajv;
  }

  /** The text of a schema without its annotations, and the references in it. */
  bare(schema: JsonObject): Bare {
    const known = this.#bare.get(schema);
    if (known !== undefined) return known;
    const refs: string[] = [];
    const bare = { text: canonical(strip(schema, refs)), refs };
    this.#bare.set(schema, bare);
    return bare;
  }

  /** Every value that the schema accepts. Undefined if neither the schema nor its alternatives list the values. */
  valuesOf(place: Place, depth = 0): readonly unknown[] | undefined {
    const at = depth > 32 ? undefined : this.resolve(place);
    if (at === undefined || at.schema === true) return undefined;
    if (at.schema === false) return [];
    const listed = listedValues(at.schema);
    if (listed !== undefined) {
      const fitting = listed.filter((value) => this.accepts(at, value) !== false);
      return unique(fitting);
    }
    const branches = this.branchesOf(at);
    if (branches.length < 2) return undefined;
    const values = branches.map((branch) => this.valuesOf(branch, depth + 1));
    return values.every((each) => each !== undefined) ? unique(values.flat()) : undefined;
  }

  /** The alternatives of a schema that consists of alternatives; otherwise the schema itself. */
  branchesOf(place: Place, depth = 0): readonly Place[] {
    const at = depth > 32 ? undefined : this.resolve(place);
    if (at === undefined || typeof at.schema === 'boolean') return [at ?? place];
    const keywords = assertionsOf(at.schema).filter(([keyword]) => restricts(keyword));
    const [keyword, list] = keywords[0] ?? [];
    if (keywords.length !== 1 || (keyword !== 'oneOf' && keyword !== 'anyOf') || !Array.isArray(list)) return [at];
    return list.flatMap((_each, index) => {
      const branch = part(at, keyword, index);
      return branch === undefined ? [] : this.branchesOf(branch, depth + 1);
    });
  }

  /** Whether {@link branchesOf} splits a `oneOf`, whose alternatives must not overlap. */
  isExclusive(place: Place, depth = 0): boolean {
    const at = depth > 32 ? undefined : this.resolve(place);
    if (at === undefined || typeof at.schema === 'boolean') return false;
    if (Array.isArray(at.schema['oneOf'])) return true;
    return listOf(at.schema['anyOf']).some((_each, index) => {
      const branch = part(at, 'anyOf', index);
      return branch !== undefined && this.isExclusive(branch, depth + 1);
    });
  }
}

export interface Bare {
  readonly text: string;
  readonly refs: readonly string[];
}

export function listOf(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) return [];
  const list: readonly unknown[] = value;
  return list;
}

function decode(part_: string): string {
  try {
    return decodeURIComponent(part_);
  } catch {
    return part_;
  }
}

/** If a schema consists only of an `allOf` with a single part: this part. */
function onlyPart(place: Place): Place | undefined {
  if (typeof place.schema === 'boolean' || listOf(place.schema['allOf']).length !== 1) return undefined;
  const others = assertionsOf(place.schema).filter(([keyword]) => keyword !== 'allOf');
  return others.length === 0 ? part(place, 'allOf', 0) : undefined;
}

function listedValues(schema: JsonObject): readonly unknown[] | undefined {
  if ('const' in schema) return [schema['const']];
  if (Array.isArray(schema['enum'])) return listOf(schema['enum']);
  const types = typeof schema['type'] === 'string' ? [schema['type']] : listOf(schema['type']);
  if (types.length === 0 || !types.every((type) => type === 'boolean' || type === 'null')) return undefined;
  return types.flatMap((type) => (type === 'null' ? [null] : [true, false]));
}

export function unique(values: readonly unknown[]): unknown[] {
  return values.filter((value, index) => values.findIndex((other) => equal(other, value)) === index);
}

const MAPS_OF_SCHEMAS: ReadonlySet<string> = new Set(['properties', 'patternProperties', 'dependentSchemas']);
const SETS: ReadonlySet<string> = new Set(['required', 'enum', 'type']);

/** Copies a schema without annotations, and sorts lists whose order has no meaning. Adds the references of the schema to `refs`. */
function strip(schema: unknown, refs: string[]): unknown {
  if (Array.isArray(schema)) return schema.map((each) => strip(each, refs));
  if (!isObject(schema)) return schema;
  if (typeof schema['$ref'] === 'string') refs.push(schema['$ref']);
  const members = assertionsOf(schema).map(([keyword, value]): [string, unknown] => {
    if (keyword === 'const' || keyword === 'default') return [keyword, value];
    if (SETS.has(keyword) && Array.isArray(value)) return [keyword, value.map(canonical).toSorted()];
    if (MAPS_OF_SCHEMAS.has(keyword) && isObject(value)) {
      const parts = Object.entries(value).map(([name, each]) => [name, strip(each, refs)]);
      return [keyword, Object.fromEntries(parts)];
    }
    return [keyword, strip(value, refs)];
  });
  return Object.fromEntries(members);
}
