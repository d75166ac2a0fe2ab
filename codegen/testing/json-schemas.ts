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

/**
 * @param change is applied to each schema before it is compiled.
 * @returns what gives the compiled schema of a name; it throws where there is no file of that name.
 */
export function readJsonSchemas(change: (schema: object) => object = (schema) => schema): JsonSchemas {
  const ajv = new Ajv2020({ formats: FORMATS, strict: true, strictRequired: false });
  ajv.addVocabulary(['x-open', 'x-volatile']);
  const read = (file: string): object => JSON.parse(readFileSync(new URL(file, DIRECTORY), 'utf8')) as object;
  const compiled = new Map(
    readdirSync(DIRECTORY).map((file) => [file.replace(/\.json$/, ''), ajv.compile(change(read(file)))]),
  );
  return (name) => {
    const validate = compiled.get(name);
    if (validate === undefined) throw new Error(`There is no generated/schemas/${name}.json.`);
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
