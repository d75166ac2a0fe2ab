/**
 * The JSON Schemas in `generated/schemas`, as somebody who writes an implementation in another language would use them:
 * a second opinion on every value that our own validators judge.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { ValidateFunction } from 'ajv/dist/2020.js';
import { FORMATS } from '../emit/formats.ts';

const DIRECTORY = new URL('../../generated/schemas/', import.meta.url);

export type JsonSchemas = (name: string) => ValidateFunction;

/** What is done to a schema before it is compiled. */
type Change = (schema: object) => object;

/** Those of this repository. */
export function readJsonSchemas(change?: Change): JsonSchemas {
  const texts = readdirSync(DIRECTORY).map((file): [string, string] => [
    file.replace(/\.json$/, ''),
    readFileSync(new URL(file, DIRECTORY), 'utf8'),
  ]);
  return compileJsonSchemas(texts, change);
}

/** @returns what gives the compiled schema of a name; it throws where there is no schema of that name. */
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
 * ENV-4, said over a published schema: a member that nobody knows is no fault, but at the top of a message (ENV-1). A value
 * may then fit several of what were alternatives.
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
