/** Rules about messages: each message has a description and valid examples, and its type is its own name. */
import { Ajv } from 'ajv';
import type { ValidateFunction } from 'ajv';
import { FORMATS } from '../emit/formats.ts';
import { CONNECTION, messageName, refName } from '../raw.ts';
import type { RawContract } from '../raw.ts';
import type { Rule } from './rule.ts';
import { schemaAt } from './rule.ts';

export const MESSAGE_RULES: Readonly<Record<string, Rule>> = {
  'message-name': (raw, report) => {
    for (const [key, { name }] of Object.entries(raw.components.messages)) {
      if (name !== key)
        report(
          ['components', 'messages', key, 'name'],
          `is ${name}, but the message is called ${key}. Make them the same.`,
        );
    }
  },

  'message-traits': (raw, report) => {
    for (const [name, message] of Object.entries(raw.components.messages)) {
      if (message.traits !== undefined)
        report(
          ['components', 'messages', name, 'traits'],
          'are message traits. AsyncAPI tools lose the names of schemas when they merge traits into a message. Write the members of the traits in the message instead.',
        );
    }
    if ('messageTraits' in raw.components)
      report(
        ['components', 'messageTraits'],
        'are message traits. AsyncAPI tools lose the names of schemas when they merge traits into a message. Write the members of the traits in the messages instead.',
      );
  },

  'message-example': (raw, report) => {
    const validate = compilePayloads(raw);
    for (const [name, { examples, payload }] of Object.entries(raw.components.messages)) {
      const fits = validate(refName(payload));
      if (fits === undefined) continue;
      for (const [index, example] of examples.entries()) {
        if (fits(example.payload)) continue;
        const [error] = fits.errors ?? [];
        const place = error === undefined || error.instancePath === '' ? 'it' : error.instancePath;
        const detail =
          error?.keyword === 'additionalProperties' ? ` (${JSON.stringify(error.params['additionalProperty'])})` : '';
        report(
          ['components', 'messages', name, 'examples', index],
          `does not match the message's schema: ${place} ${error?.message ?? ''}${detail}. Correct the example or the schema.`,
        );
      }
      const names = examples.map((example) => example.name);
      for (const twice of names.filter((each, index) => names.indexOf(each) !== index)) {
        report(['components', 'messages', name, 'examples'], `has two examples named ${twice}. Rename one.`);
      }
    }
  },

  'message-type': (raw, report) => {
    for (const ref of Object.values(raw.channels[CONNECTION]?.messages ?? {})) {
      const name = refName(ref);
      const message = raw.components.messages[name];
      if (message === undefined) continue;
      const type = schemaAt(raw, refName(message.payload), '/type')?.const;
      const expected = message['x-event'] === undefined ? name : 'event';
      if (type !== expected)
        report(
          ['components', 'messages', name, 'payload'],
          `has ${type === undefined ? 'no constant type' : `the type ${JSON.stringify(type)}`}. Its schema must have type: { const: ${expected} }.`,
        );
      if (schemaAt(raw, refName(message.payload), '/data') === undefined)
        report(
          ['components', 'messages', name, 'payload'],
          'has no data. Add the property data to its schema, as a reference to another schema (ENV-1).',
        );
    }
  },

  'message-used': (raw, report) => {
    const inOperations = new Set(
      Object.values(raw.operations).flatMap(({ messages, reply }) =>
        [...messages, ...(reply?.messages ?? [])].map((ref) => messageName(raw, ref)),
      ),
    );
    for (const name of Object.keys(raw.components.messages)) {
      if (!inOperations.has(name))
        report(['components', 'messages', name], 'is not used by any operation. Remove it, or add it to an operation.');
    }
  },

  'message-error-pointer': (raw, report) => {
    for (const [name, message] of Object.entries(raw.components.messages)) {
      for (const [pointer, code] of Object.entries(message['x-error-pointers'] ?? {})) {
        const path = ['components', 'messages', name, 'x-error-pointers', pointer];
        if (schemaAt(raw, refName(message.payload), pointer) === undefined)
          report(path, 'does not exist in the message. Correct the pointer.');
        if (!Object.hasOwn(raw['x-errors'], code))
          report(path, `names the error ${code}, which x-errors lacks. Correct the name, or add the error there.`);
      }
    }
  },
};

/**
 * @returns a function that returns the validator of a named schema, or undefined if the schema cannot be compiled. The rule
 *   `schema-compiles` reports such schemas.
 */
function compilePayloads(raw: RawContract): (schema: string) => ValidateFunction | undefined {
  // Each validator checks only a few examples, so optimizing its code would take longer than it saves.
  const ajv = new Ajv({
    code: { optimize: false },
    strict: false,
    formats: FORMATS,
    logger: false,
    ownProperties: true,
  });
  ajv.addSchema({ $id: 'contract', components: { schemas: raw.components.schemas } });
  return (name) => {
    const text = JSON.stringify([name, withReferences(raw.components.schemas, name)]);
    if (validators.size > MOST_VALIDATORS) validators.clear();
    if (!validators.has(text)) validators.set(text, compile(ajv, name));
    return validators.get(text);
  };
}

/**
 * Compiled validators. The key is the text of a schema and of all schemas that the schema refers to. The validators are kept, because a
 * process may check several contracts, which have most schemas in common.
 */
const validators = new Map<string, ValidateFunction | undefined>();
const MOST_VALIDATORS = 1_000;

function compile(ajv: Ajv, name: string): ValidateFunction | undefined {
  try {
    return ajv.compile({ $ref: `contract#/components/schemas/${name}` });
  } catch {
    return undefined;
  }
}

type Schemas = RawContract['components']['schemas'];

/** A schema and all schemas that it refers to, directly or through others. */
function withReferences(all: Schemas, name: string): Schemas {
  const found = new Map<string, Schemas[string]>();
  const visit = (each: string): void => {
    const schema = Object.hasOwn(all, each) ? all[each] : undefined;
    if (schema === undefined || found.has(each)) return;
    found.set(each, schema);
    for (const [, next = ''] of JSON.stringify(schema).matchAll(REFERENCE)) visit(next);
  };
  visit(name);
  return Object.fromEntries(found);
}

const REFERENCE = /"\$ref":"#\/components\/schemas\/([^"]+)"/g;
