/**
 * Validates with the JSON Schemas in `generated/schemas`, as an implementation in another language would. Tests compare the result
 * with the generated validators.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { ValidateFunction } from 'ajv/dist/2020.js';
import { FORMATS } from '../emit/formats.ts';

const DIRECTORY = new URL('../../generated/schemas/', import.meta.url);

export type JsonSchemas = (name: string) => ValidateFunction;

/** Changes a schema before it is compiled. */
type Change = (schema: object) => object;

/** The schemas of this repository. */
export function readJsonSchemas(change?: Change): JsonSchemas {
  const texts = readdirSync(DIRECTORY).map((file): [string, string] => [
    file.replace(/\.json$/, ''),
    readFileSync(new URL(file, DIRECTORY), 'utf8'),
  ]);
  return compileJsonSchemas(texts, change);
}

/** @returns a function that returns the compiled schema of a name, and throws if there is none. */
export function compileJsonSchemas(
  texts: Iterable<readonly [name: string, text: string]>,
  change: Change = (schema) => schema,
): JsonSchemas {
  const ajv = new Ajv2020({ formats: FORMATS, strict: true, strictRequired: false });
  ajv.addVocabulary(['x-open', 'x-volatile']);
  const compiled = new Map(
    Array.from(texts, ([name, text]) => [name, ajv.compile(change(JSON.parse(text) as object))]),
  );
  return (name) => {
    const validate = compiled.get(name);
    if (validate === undefined) throw new Error(`There is no JSON Schema named ${name}.`);
    return validate;
  };
}

/**
 * Makes a published schema tolerant (ENV-4): unknown members are allowed, except at the top level of a message (ENV-1).
 * A value may then match several alternatives of a `oneOf`, so this is allowed too.
 */
export function tolerant(schema: object): object {
  const { properties } = schema as { readonly properties?: object };
  const isMessage = properties !== undefined && 'type' in properties && 'data' in properties;
  return { ...(opened(schema) as object), ...(isMessage ? { additionalProperties: false } : {}) };
}

function opened(part: unknown): unknown {
  if (typeof part !== 'object' || part === null) return part;
  if (Array.isArray(part)) return part.map(opened);
  return Object.fromEntries(
    Object.entries(part)
      .filter(([keyword, value]) => keyword !== 'additionalProperties' || value !== false)
      .map(([keyword, value]) => [keyword === 'oneOf' ? 'anyOf' : keyword, opened(value)]),
  );
}
