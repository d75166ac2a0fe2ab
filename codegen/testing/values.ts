/** Makes random values that match, or nearly match, a schema. */
import * as fc from 'fast-check';
import { FORMATS } from '../emit/formats.ts';
import type { Schema } from '../model.ts';
import { resolveSchema } from '../model.ts';
import { withOneChange } from './mutations.ts';

type Schemas = Readonly<Record<string, Schema>>;

/** Below this depth optional members are omitted and lists are empty, because a schema may contain itself. */
const DEEPEST = 6;
const TYPES: readonly string[] = ['null', 'boolean', 'integer', 'number', 'string', 'array', 'object'];

/** Half of the values are valid if possible; the others are mutated. */
export function valuesOf(schemas: Schemas, schema: Schema): fc.Arbitrary<unknown> {
  const straight = arbitraryOf(schemas, schema, 0);
  return fc.oneof(straight, straight.chain(withOneChange));
}

function arbitraryOf(schemas: Schemas, written: Schema, depth: number): fc.Arbitrary<unknown> {
  const schema = resolveSchema({ schemas }, written);
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  const branches = schema.oneOf ?? schema.anyOf;
  // Deep in a value only the first alternative is used, so that the value ends: in every tested schema it is not recursive.
  if (branches !== undefined)
    return fc.oneof(
      ...branches.slice(0, depth > DEEPEST ? 1 : undefined).map((each) => arbitraryOf(schemas, each, depth + 1)),
    );
  const types = [schema.type ?? (schema.properties === undefined ? TYPES : 'object')].flat();
  return fc.oneof(...types.map((type) => ofType(schemas, { ...schema, type }, depth)));
}

function ofType(schemas: Schemas, schema: Schema, depth: number): fc.Arbitrary<unknown> {
  const { exclusiveMinimum, exclusiveMaximum, multipleOf: step = 1 } = schema;
  const { minimum = Number.MIN_SAFE_INTEGER, maximum = Number.MAX_SAFE_INTEGER } = schema;
  switch (schema.type) {
    case 'null':
      return fc.constant(null);
    case 'boolean':
      return fc.boolean();
    case 'integer':
      return fc.integer({ min: Math.ceil(minimum / step), max: Math.floor(maximum / step) }).map((each) => each * step);
    case 'number':
      return fc.double({
        min: exclusiveMinimum ?? minimum,
        max: exclusiveMaximum ?? maximum,
        minExcluded: exclusiveMinimum !== undefined,
        maxExcluded: exclusiveMaximum !== undefined,
        noNaN: true,
      });
    case 'array':
      return arrayOf(schemas, schema, depth);
    case 'object':
      return objectOf(schemas, schema, depth);
    default:
      return textOf(schema);
  }
}

function arrayOf(
  schemas: Schemas,
  { items, minItems = 0, maxItems = 3, uniqueItems }: Schema,
  depth: number,
): fc.Arbitrary<unknown> {
  if (depth > DEEPEST) return fc.constant([]);
  const item = items === undefined ? fc.jsonValue({ maxDepth: 1 }) : arbitraryOf(schemas, items, depth + 1);
  const lengths = { minLength: minItems, maxLength: Math.max(minItems, Math.min(maxItems, 3)) };
  return uniqueItems === true ? fc.uniqueArray(item, lengths) : fc.array(item, lengths);
}

function objectOf(schemas: Schemas, schema: Schema, depth: number): fc.Arbitrary<unknown> {
  const { properties = {}, required = [], additionalProperties = true, minProperties = 0 } = schema;
  const names = Object.keys(properties).filter((name) => depth <= DEEPEST || required.includes(name));
  const known = names.map((name) => {
    const value = arbitraryOf(schemas, properties[name] ?? {}, depth + 1);
    const entry = value.map((each): [string, unknown][] => [[name, each]]);
    return required.includes(name) ? entry : fc.oneof(entry, fc.constant([]));
  });
  const extra =
    additionalProperties === false || depth > DEEPEST
      ? fc.constant([])
      : fc.array(fc.tuple(fc.string({ maxLength: 4 }), extraValue(schemas, additionalProperties, depth)), {
          minLength: minProperties,
          maxLength: 2,
        });
  return fc
    .tuple(extra, ...known)
    .map((entries) => Object.fromEntries(entries.flat().filter(([name]) => name !== '__proto__')));
}

function extraValue(schemas: Schemas, schema: true | Schema, depth: number): fc.Arbitrary<unknown> {
  return schema === true ? fc.jsonValue({ maxDepth: 1 }) : arbitraryOf(schemas, schema, depth + 1);
}

function textOf({ pattern, format, minLength = 0, maxLength = minLength + 8 }: Schema): fc.Arbitrary<string> {
  const plain = fc.string({ unit: 'grapheme', minLength, maxLength: Math.min(maxLength, minLength + 8) });
  if (format === 'date-time')
    return fc.date({ noInvalidDate: true, min: new Date(0), max: new Date(4e12) }).map((each) => each.toISOString());
  if (format !== undefined && Object.hasOwn(FORMATS, format)) return fc.uuid();
  if (pattern === undefined) return plain;
  try {
    return fc.oneof({ arbitrary: fc.stringMatching(new RegExp(pattern)), weight: 4 }, plain);
  } catch {
    // Syntax of regular expressions that fast-check does not support, such as \p{…}.
    return plain;
  }
}
