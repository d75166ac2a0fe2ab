/**
 * Rules about schemas: they must be closed, named, bounded, and in the subset of JSON Schema that every emitter
 * supports.
 */
import { Ajv } from 'ajv';
import { FORMATS } from '../emit/formats.ts';
import { targetOf } from '../members.ts';
import type { Schema } from '../model.ts';
import { schemaName } from '../model.ts';
import { refName } from '../raw.ts';
import type { Rule } from './rule.ts';
import { schemaExists, schemasOf } from './rule.ts';

export const SCHEMA_KEYWORDS: ReadonlySet<string> = new Set([
  '$ref',
  'description',
  'type',
  'const',
  'enum',
  'properties',
  'required',
  'additionalProperties',
  'items',
  'oneOf',
  'anyOf',
  'pattern',
  'format',
  'minLength',
  'maxLength',
  'minimum',
  'maximum',
  'exclusiveMinimum',
  'exclusiveMaximum',
  'multipleOf',
  'minItems',
  'maxItems',
  'uniqueItems',
  'minProperties',
  'maxProperties',
  'default',
  'x-open',
  'x-volatile',
]);

const VOLATILE: ReadonlySet<string> = new Set(['sequence', 'timestamp', 'id', 'secret', 'server', 'text', 'order']);

const RANGES = [
  ['minimum', 'maximum'],
  ['minLength', 'maxLength'],
  ['minItems', 'maxItems'],
  ['minProperties', 'maxProperties'],
] as const;

/** Types whose values can be compared in constant time. */
const SCALARS: ReadonlySet<unknown> = new Set(['string', 'integer', 'number', 'boolean', 'null']);

export const REFERENCE_RULES: Readonly<Record<string, Rule>> = {
  'schema-ref': (raw, report) => {
    for (const { schema, path } of schemasOf(raw)) {
      if (schema.$ref === undefined) continue;
      if (!schemaExists(raw, schema.$ref))
        report(path, `refers to ${schema.$ref}. Refer to a schema of this file by name: #/components/schemas/Name.`);
      else if (Object.keys(schema).length > 1)
        report(path, 'has members beside $ref. Move them to the schema that $ref refers to.');
    }
    for (const [name, { payload }] of Object.entries(raw.components.messages)) {
      if (!schemaExists(raw, payload.$ref))
        report(
          ['components', 'messages', name, 'payload'],
          `refers to ${payload.$ref}. Refer to a schema of this file by name: #/components/schemas/Name.`,
        );
    }
  },
};

export const SCHEMA_RULES: Readonly<Record<string, Rule>> = {
  'schema-title': (raw, report) => {
    for (const { schema, path } of schemasOf(raw)) {
      if ('title' in schema)
        report(
          [...path, 'title'],
          'is a title, which would rename the generated type. Remove it: the type is named after the schema.',
        );
    }
  },

  'schema-allof': (raw, report) => {
    for (const { schema, path } of schemasOf(raw)) {
      if ('allOf' in schema)
        report(
          [...path, 'allOf'],
          'is an allOf, but an object made by allOf cannot be closed. Write all members in one object; YAML merge keys (<<: *anchor) avoid repetition.',
        );
    }
  },

  'schema-keyword': (raw, report) => {
    for (const { schema, path } of schemasOf(raw)) {
      for (const keyword of Object.keys(schema)) {
        if (SCHEMA_KEYWORDS.has(keyword) || keyword === 'title' || keyword === 'allOf') continue;
        report(
          [...path, keyword],
          'is not a supported keyword. Remove it. If it is the end of a text that YAML split at a comma, put the whole text in quotes.',
        );
      }
      const volatility = schema['x-volatile'];
      if (volatility !== undefined && !VOLATILE.has(volatility))
        report([...path, 'x-volatile'], `is ${volatility}. Use one of ${[...VOLATILE].join(', ')}.`);
    }
  },

  'schema-closed': (raw, report) => {
    for (const { schema, path } of schemasOf(raw)) {
      if (schema.type !== 'object' && schema.properties === undefined) continue;
      const { additionalProperties, 'x-open': reason } = schema;
      if (additionalProperties === false && reason !== undefined)
        report([...path, 'x-open'], 'is on a closed object. Remove it, or set additionalProperties: true.');
      if (additionalProperties === undefined)
        report(
          path,
          'does not set additionalProperties, so the object is open. Add additionalProperties: false, or additionalProperties: true and the reason in x-open.',
        );
      if (additionalProperties !== undefined && additionalProperties !== false && reason === undefined)
        report(path, 'allows additional properties. Set additionalProperties: false, or give the reason in x-open.');
    }
  },

  'schema-description': (raw, report) => {
    for (const { schema, path } of schemasOf(raw)) {
      const own = path.length === 3 || path.at(-2) === 'properties';
      if (own && schema.$ref === undefined && schema.description === undefined)
        report(path, 'has no description. Describe it in one sentence.');
    }
  },

  'schema-integer': (raw, report) => {
    for (const { schema, path } of schemasOf(raw)) {
      if (schema.type !== 'integer' && schema.type !== 'number') continue;
      const { minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY } = schema;
      if (schema.const !== undefined || schema.enum !== undefined) continue;
      if (maximum > Number.MAX_SAFE_INTEGER || minimum < Number.MIN_SAFE_INTEGER)
        report(path, `has no bounds within ±${Number.MAX_SAFE_INTEGER} (ENV-5). Add a minimum and a maximum.`);
    }
  },

  'schema-format': (raw, report) => {
    for (const { schema, path } of schemasOf(raw)) {
      if (schema.format === undefined || Object.hasOwn(FORMATS, schema.format)) continue;
      report(
        [...path, 'format'],
        `is ${schema.format}, which no validator checks. Use one of ${Object.keys(FORMATS).join(', ')}, or a pattern.`,
      );
    }
  },

  'schema-range': (raw, report) => {
    for (const { schema, path } of schemasOf(raw)) {
      for (const [low, high] of RANGES) {
        const [least = Number.NEGATIVE_INFINITY, most = Number.POSITIVE_INFINITY] = [schema[low], schema[high]];
        if (least > most)
          report([...path, low], `is ${least}, which is greater than ${high}: ${most}. Correct one of them.`);
      }
      const {
        minimum = -Infinity,
        maximum = Infinity,
        exclusiveMinimum = -Infinity,
        exclusiveMaximum = Infinity,
      } = schema;
      if (exclusiveMinimum >= Math.min(maximum, exclusiveMaximum))
        report(
          [...path, 'exclusiveMinimum'],
          `is ${exclusiveMinimum}, but no greater number satisfies the other bounds. Correct one of the bounds.`,
        );
      else if (exclusiveMaximum <= minimum)
        report(
          [...path, 'exclusiveMaximum'],
          `is ${exclusiveMaximum}, but no smaller number satisfies the other bounds. Correct one of the bounds.`,
        );
    }
  },

  'schema-multiple': (raw, report) => {
    for (const { schema, path } of schemasOf(raw)) {
      const { multipleOf } = schema;
      if (multipleOf === undefined || (Number.isSafeInteger(multipleOf) && multipleOf > 0)) continue;
      report(
        [...path, 'multipleOf'],
        `is ${JSON.stringify(multipleOf)}. Use a positive integer, because fractions are not exact in every language.`,
      );
    }
  },

  'schema-unique': (raw, report) => {
    for (const { schema, path } of schemasOf(raw)) {
      if (schema.uniqueItems !== true) continue;
      const items = schema.items === undefined ? undefined : targetOf(raw.components.schemas, schema.items);
      if (items !== undefined && [items.type].flat().every((each) => SCALARS.has(each))) continue;
      report(
        [...path, 'uniqueItems'],
        'is on a list whose items are not strings, numbers or booleans. Remove it: comparing all pairs of items would take too long.',
      );
    }
  },

  'schema-map-size': (raw, report) => {
    for (const { schema, path } of schemasOf(raw)) {
      for (const keyword of ['minProperties', 'maxProperties'] as const)
        if (schema[keyword] !== undefined && schema.additionalProperties === false)
          report(
            [...path, keyword],
            'limits the number of members, but the object lists all its members. Remove this keyword; list required members in "required".',
          );
    }
  },

  'schema-unused': (raw, report) => {
    const used = new Set(
      Object.values(raw.components.messages).flatMap((message) => [refName(message.payload), message['x-payload']]),
    );
    for (const { schema } of schemasOf(raw)) if (schema.$ref !== undefined) used.add(schemaName(schema.$ref));
    for (const name of Object.keys(raw.components.schemas)) {
      if (!used.has(name)) report(['components', 'schemas', name], 'is not used. Remove it, or refer to it.');
    }
  },

  'schema-compiles': (raw, report) => {
    for (const { schema, path } of schemasOf(raw)) {
      const own = ownKeywords(schema);
      const fault = faultOf(own);
      if (fault !== undefined) {
        // If a single keyword is invalid, the finding points to this keyword.
        const wrong = Object.keys(own).filter((keyword) => faultOf({ [keyword]: own[keyword] }) !== undefined);
        report([...path, ...wrong.slice(0, 1)], `cannot be compiled: ${fault}. Correct it.`);
      }
      for (const member of schema.required ?? []) {
        if (!Object.hasOwn(schema.properties ?? {}, member))
          report(
            [...path, 'required'],
            `requires ${member}, which is not among the properties. Add it to properties, or remove it here.`,
          );
      }
    }
  },
};

/** Keywords that are not compiled here: parts are visited separately, and references have their own rule. */
const ELSEWHERE: ReadonlySet<string> = new Set([
  '$ref',
  'description',
  'default',
  'x-open',
  'x-volatile',
  'title',
  'allOf',
  'format',
  'properties',
  'items',
  'oneOf',
  'anyOf',
  'additionalProperties',
  'required',
]);

function ownKeywords(schema: Schema): Readonly<Record<string, unknown>> {
  const own = Object.entries(schema).filter(([keyword]) => SCHEMA_KEYWORDS.has(keyword) && !ELSEWHERE.has(keyword));
  return Object.fromEntries(own);
}

/** For the text of a schema: why the schema cannot be compiled. Results are kept, because compiling is slow and most texts occur often. */
const faults = new Map<string, string | undefined>();

function faultOf(schema: Readonly<Record<string, unknown>>): string | undefined {
  const text = JSON.stringify(schema);
  if (!faults.has(text)) faults.set(text, compileFault(schema));
  return faults.get(text);
}

const ajv = new Ajv({ allowUnionTypes: true, strict: true, strictTypes: false });

function compileFault(schema: Readonly<Record<string, unknown>>): string | undefined {
  try {
    ajv.compile(schema);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
