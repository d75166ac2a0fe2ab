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

/** @returns what compiles the schema of a name; it throws where there is no file of that name. */
export function readJsonSchemas(): JsonSchemas {
  const ajv = new Ajv2020({ formats: FORMATS, strict: true, strictRequired: false, allowUnionTypes: true });
  ajv.addVocabulary(['x-open', 'x-volatile']);
  const names = readdirSync(DIRECTORY).map((file) => file.replace(/\.json$/, ''));
  const compiled = new Map(
    names.map((name) => [name, ajv.compile(JSON.parse(readFileSync(new URL(`${name}.json`, DIRECTORY), 'utf8')))]),
  );
  return (name) => {
    const validate = compiled.get(name);
    if (validate === undefined) throw new Error(`There is no generated/schemas/${name}.json.`);
    return validate;
  };
}
