/**
 * Replaces an `allOf` with one schema that has the keywords of all its parts. An `allOf` cannot be closed, and has no type of its own in
 * most languages; the merged schema can be closed and becomes one type. Usually the parts are objects with different members, such as a
 * base and an extension.
 */
import { isDeepStrictEqual } from 'node:util';
import { below, isObject } from './findings.ts';
import type { Findings, Place } from './findings.ts';

type Json = Readonly<Record<string, unknown>>;

/** A schema whose parts may come from different places. */
export interface PlacedSchema {
  readonly value: Json;
  readonly place: Place;
  /** The place of a keyword, or of a part below it. */
  readonly at: (keyword: string, ...keys: readonly string[]) => Place;
}

export interface AllOfOptions {
  readonly findings: Findings;
  /** Keywords that only describe a schema. */
  readonly annotations: ReadonlySet<string>;
  /** Finds the target of a reference. @returns undefined if there is none, which is reported */
  readonly locate: (
    ref: string,
    place: Place,
  ) => Promise<{ readonly value: unknown; readonly place: Place } | undefined>;
}

export function placed(value: Json, place: Place): PlacedSchema {
  return { value, place, at: (keyword, ...keys) => below(place, keyword, ...keys) };
}

/**
 * The only part of an `allOf`, if the schema has no other keywords except annotations. Authors use this form to add a
 * description to a reference.
 */
export function onlyPart({ allOf, ...rest }: Json, annotations: ReadonlySet<string>): unknown {
  if (!Array.isArray(allOf) || allOf.length !== 1) return undefined;
  const isPlain = Object.keys(rest).every((each) => annotations.has(each) || each === 'description');
  return isPlain ? (allOf[0] as unknown) : undefined;
}

/** Merges a schema with the parts of its `allOf`. Reports parts that cannot be merged. */
export async function mergeAllOf(value: Json, place: Place, options: AllOfOptions): Promise<PlacedSchema> {
  const merge = new Merge(options);
  for (const part of await new Parts(options).of(value, place)) merge.add(part);
  return merge.result(place, value['description']);
}

interface Part {
  readonly value: Json;
  readonly place: Place;
}

/** Collects the parts of a schema: itself without `allOf`, and the parts of its `allOf`, at any depth. */
class Parts {
  readonly #options: AllOfOptions;
  /** The references that are being followed. */
  readonly #open: string[] = [];

  constructor(options: AllOfOptions) {
    this.#options = options;
  }

  async of(value: unknown, place: Place): Promise<Part[]> {
    if (!isObject(value)) {
      this.#options.findings.add(
        'schema',
        place,
        `must be a JSON Schema (an object). Write one, such as { type: object }.`,
      );
      return [];
    }
    if (typeof value['$ref'] === 'string') return this.#ofTarget(value['$ref'], place);
    const { allOf, ...rest } = value;
    const parts: Part[] = [{ value: rest, place }];
    if (allOf === undefined) return parts;
    if (!Array.isArray(allOf) || allOf.length === 0) {
      this.#options.findings.add(
        'schema',
        below(place, 'allOf'),
        'must be a list of schemas. Write at least one schema in it.',
      );
      return parts;
    }
    for (const [at, part] of allOf.entries()) parts.push(...(await this.of(part, below(place, 'allOf', String(at)))));
    return parts;
  }

  async #ofTarget(ref: string, place: Place): Promise<Part[]> {
    const target = await this.#options.locate(ref, place);
    if (target === undefined) return [];
    const key = `${target.place.source.file}#${target.place.path.join('/')}`;
    if (this.#open.includes(key)) {
      this.#options.findings.add(
        'schema-ref',
        below(place, '$ref'),
        'refers back to a schema that contains this reference. Remove the reference.',
      );
      return [];
    }
    this.#open.push(key);
    const parts = await this.of(target.value, target.place);
    this.#open.pop();
    return parts;
  }
}

class Merge {
  readonly #options: AllOfOptions;
  readonly #merged: Record<string, unknown> = {};
  readonly #properties = new Map<string, { readonly value: unknown; readonly place: Place }>();
  readonly #required = new Set<unknown>();
  /** The place of each merged keyword. */
  readonly #places = new Map<string, Place>();

  constructor(options: AllOfOptions) {
    this.#options = options;
  }

  add({ value, place }: Part): void {
    for (const [keyword, each] of Object.entries(value)) {
      const at = below(place, keyword);
      if (this.#options.annotations.has(keyword) || keyword === 'description') continue;
      if (keyword === 'properties' && isObject(each)) this.#addProperties(each, at);
      else if (keyword === 'required' && Array.isArray(each)) this.#addRequired(each, at);
      else if (keyword === 'additionalProperties') this.#addOthers(each, at);
      else this.#addKeyword(keyword, each, at);
    }
  }

  result(place: Place, description: unknown): PlacedSchema {
    if (this.#required.size > 0) this.#merged['required'] = [...this.#required];
    if (this.#properties.size > 0)
      this.#merged['properties'] = Object.fromEntries([...this.#properties].map(([name, { value }]) => [name, value]));
    if (description !== undefined) this.#merged['description'] = description;
    for (const keyword of ['oneOf', 'anyOf'] as const)
      if (keyword in this.#merged && this.#properties.size > 0)
        this.#report(
          this.#placeOf(place, keyword),
          'is in an allOf that also has properties. Write these properties into each alternative instead.',
        );
    const at = (keyword: string, ...keys: readonly string[]): Place => {
      const [name, ...rest] = keys;
      const property = keyword === 'properties' && name !== undefined ? this.#properties.get(name) : undefined;
      return property === undefined ? below(this.#placeOf(place, keyword), ...keys) : below(property.place, ...rest);
    };
    return { value: this.#merged, place, at };
  }

  #placeOf(whole: Place, keyword: string): Place {
    return this.#places.get(keyword) ?? below(whole, keyword);
  }

  #addProperties(properties: Json, at: Place): void {
    this.#places.set('properties', at);
    for (const [name, value] of Object.entries(properties)) {
      const before = this.#properties.get(name);
      const place = below(at, name);
      if (before === undefined) this.#properties.set(name, { value, place });
      else if (!isDeepStrictEqual(before.value, value))
        this.#report(place, 'is declared differently by another part of the allOf. Declare it in one part only.');
    }
  }

  #addRequired(required: readonly unknown[], at: Place): void {
    this.#places.set('required', at);
    for (const name of required) this.#required.add(name);
  }

  /** If one part is closed, the merged schema is closed too. */
  #addOthers(value: unknown, at: Place): void {
    const before = this.#merged['additionalProperties'];
    if (isObject(before) && isObject(value) && !isDeepStrictEqual(before, value))
      this.#report(at, 'differs from the value in another part of the allOf. Make the values equal.');
    if (before === false || (isObject(before) && value === true)) return;
    this.#merged['additionalProperties'] = value;
    this.#places.set('additionalProperties', at);
  }

  #addKeyword(keyword: string, value: unknown, at: Place): void {
    if (Object.hasOwn(this.#merged, keyword) && !isDeepStrictEqual(this.#merged[keyword], value)) {
      this.#report(
        at,
        'differs from the value in another part of the allOf, and the two values cannot be merged. Write one schema instead of the allOf.',
      );
      return;
    }
    this.#merged[keyword] = value;
    this.#places.set(keyword, at);
  }

  #report(place: Place, text: string): void {
    this.#options.findings.add('schema-allof', place, text);
  }
}
