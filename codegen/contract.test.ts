import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { CONTRACT_DIGEST } from '../generated/protocol.ts';
import { commandValidators, httpValidators, payloadValidators, serverValidators } from '../generated/validators.js';
import type { Validator } from '../generated/validators.js';
import { loadContract } from './contract.ts';
import { emitSchemas } from './emit/schemas.ts';

const ROOT = resolve(import.meta.dirname, '..');
const { contract } = await loadContract(resolve(ROOT, 'asyncapi.yaml'));

/** Every example, under the name of its message. */
const EXAMPLES = Object.values(contract.messages).flatMap(({ name, schema, examples }) =>
  examples.map((example) => [`${name}: ${example.name}`, { message: name, schema, payload: example.payload }] as const),
);

const ajv = new Ajv2020({ strict: false, validateFormats: false });
for (const text of emitSchemas(contract).values()) ajv.addSchema(JSON.parse(text) as object);

/** The validator that a program would use for a message. */
function validatorOf(message: string): Validator | undefined {
  const tables: readonly Readonly<Record<string, Validator>>[] = [commandValidators, serverValidators, httpValidators];
  return tables.find((table) => Object.hasOwn(table, message))?.[message];
}

describe('every message of the contract', () => {
  test.each(Object.values(contract.messages).map((message) => [message.name, message] as const))(
    '%s is described and has an example',
    (_name, { summary, description, examples }) => {
      expect(summary.trim()).not.toBe('');
      expect(description.trim()).not.toBe('');
      expect(examples.length).toBeGreaterThan(0);
    },
  );

  test.each(EXAMPLES)('%s fits its JSON Schema', (_name, { schema, payload }) => {
    const validate = ajv.getSchema(`urn:tidemark:${contract.version}:${schema}`);
    expect({ fits: validate?.(payload), errors: validate?.errors }).toEqual({ fits: true, errors: null });
  });

  test.each(EXAMPLES)('%s passes the validator that programs use', (_name, { message, payload }) => {
    const validate = validatorOf(message);
    expect({ fits: validate?.(payload), errors: validate?.errors }).toEqual({ fits: true, errors: null });
  });

  test('of a declared event carries a payload that may be published', () => {
    for (const { message, name } of contract.events) {
      for (const { payload } of contract.messages[message]?.examples ?? []) {
        const validate = payloadValidators[name as keyof typeof payloadValidators];
        expect(validate((payload as { readonly data: { readonly payload: unknown } }).data.payload)).toBe(true);
      }
    }
  });
});

describe('the requirements', () => {
  test('are all those of protocol 1.0, each cited where it holds', () => {
    const families = { ENV: 5, CON: 6, STR: 4, EVT: 4, SUB: 6, RPL: 6, GAP: 2, BCK: 2, BRD: 2, SEC: 5, SYN: 1, ERR: 3 };
    const numbered = Object.entries(families).flatMap(([family, count]) =>
      Array.from({ length: count }, (_, index) => `${family}-${index + 1}`),
    );
    const operations = ['OPS-0', 'OPS-1', 'OPS-2', 'OPS-3', 'OPS-4'];
    expect(Object.keys(contract.clauses).toSorted()).toEqual([...numbered, ...operations].toSorted());
  });
});

describe('one name', () => {
  const page = readFileSync(resolve(ROOT, 'docs/reference/index.html'), 'utf8');
  const types = readFileSync(resolve(ROOT, 'generated/types.ts'), 'utf8');

  test.each(contract.commands.map(({ name, reply }) => [name, reply] as const))(
    '%s leads to its handler, its types, its section and its tapes',
    (name, reply) => {
      expect(readFileSync(resolve(ROOT, `src/handlers/${name}.ts`), 'utf8')).toContain(
        `Handlers<HandlerContext>['${name}']`,
      );
      for (const message of [name, reply]) {
        const schema = contract.messages[message]?.schema ?? '';
        expect(types).toMatch(new RegExp(`export interface ${schema} \\{`));
      }
      expect(page).toContain(`<h3 id="${name}">`);
      expect(existsSync(resolve(ROOT, `conformance/tapes/${name}`))).toBe(true);
    },
  );
});

describe('the contract that a gateway serves', () => {
  test('has the digest that welcome tells', () => {
    expect(CONTRACT_DIGEST).toBe(contract.digest);
  });
});
