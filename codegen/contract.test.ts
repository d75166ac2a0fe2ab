import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { CONTRACT_DIGEST } from '../generated/protocol.ts';
import { commandValidators, httpValidators, payloadValidators, serverValidators } from '../generated/validators.js';
import type { Validator } from '../generated/validators.js';
import { loadContract } from './contract.ts';
import { readJsonSchemas } from './testing/json-schemas.ts';

const ROOT = resolve(import.meta.dirname, '..');
const { contract } = await loadContract(resolve(ROOT, 'asyncapi.yaml'));

/** Every example, by the name of its message. */
const EXAMPLES = Object.values(contract.messages).flatMap(({ name, schema, examples }) =>
  examples.map((example) => [`${name}: ${example.name}`, { message: name, schema, payload: example.payload }] as const),
);

const jsonSchema = readJsonSchemas();

/** The validator that programs use for a message. */
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

  test.each(EXAMPLES)('%s matches its JSON Schema', (_name, { schema, payload }) => {
    const validate = jsonSchema(schema);
    expect({ fits: validate(payload), errors: validate.errors }).toEqual({ fits: true, errors: null });
  });

  test.each(EXAMPLES)('%s passes the validator that programs use', (_name, { message, payload }) => {
    const validate = validatorOf(message);
    expect({ fits: validate?.(payload), errors: validate?.errors }).toEqual({ fits: true, errors: null });
  });

  test('of a declared event has a payload that may be published', () => {
    for (const { message, name } of contract.events) {
      for (const { payload } of contract.messages[message]?.examples ?? []) {
        const validate = payloadValidators[name as keyof typeof payloadValidators];
        expect(validate((payload as { readonly data: { readonly payload: unknown } }).data.payload)).toBe(true);
      }
    }
  });
});

/** Ids are permanent: never remove one from this list, and add new ones by hand. */
const CLAUSES = [
  ...['ENV-1', 'ENV-2', 'ENV-3', 'ENV-4', 'ENV-5'],
  ...['CON-1', 'CON-2', 'CON-3', 'CON-4', 'CON-5', 'CON-6', 'CON-7'],
  ...['STR-1', 'STR-2', 'STR-3', 'STR-4', 'STR-5'],
  ...['EVT-1', 'EVT-2', 'EVT-3', 'EVT-4'],
  ...['SUB-1', 'SUB-2', 'SUB-3', 'SUB-4', 'SUB-5', 'SUB-6', 'SUB-7'],
  ...['RPL-1', 'RPL-2', 'RPL-3', 'RPL-4', 'RPL-5', 'RPL-6', 'RPL-7'],
  ...['GAP-1', 'GAP-2'],
  ...['BCK-1', 'BCK-2', 'BCK-3'],
  ...['BRD-1', 'BRD-2'],
  ...['FIL-1', 'FIL-2', 'FIL-3'],
  ...['SEC-1', 'SEC-2', 'SEC-3', 'SEC-4', 'SEC-5'],
  ...['SYN-1'],
  ...['ERR-1', 'ERR-2', 'ERR-3'],
  ...['OPS-0', 'OPS-1', 'OPS-2', 'OPS-3', 'OPS-4', 'OPS-5', 'OPS-6', 'OPS-7', 'OPS-8', 'OPS-9'],
  ...['SSE-1', 'SSE-2', 'SSE-3', 'SSE-4', 'SSE-5'],
  ...[
    'CLI-1',
    'CLI-2',
    'CLI-3',
    'CLI-4',
    'CLI-5',
    'CLI-6',
    'CLI-7',
    'CLI-8',
    'CLI-9',
    'CLI-10',
    'CLI-11',
    'CLI-12',
    'CLI-13',
  ],
  ...['MUL-1', 'MUL-2', 'MUL-3', 'MUL-4', 'MUL-5', 'MUL-6', 'MUL-7', 'MUL-8', 'MUL-9'],
];

describe('the requirements', () => {
  test('are all those of protocol 1.0', () => {
    expect(Object.keys(contract.clauses).toSorted()).toEqual(CLAUSES.toSorted());
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

describe('the digest in welcome', () => {
  test('is the SHA-256 of contract.json', () => {
    const bytes = readFileSync(resolve(ROOT, 'generated/contract.json'));
    expect(CONTRACT_DIGEST).toBe(`sha256:${createHash('sha256').update(bytes).digest('hex')}`);
    expect(JSON.parse(bytes.toString('utf8'))).toEqual(
      parse(readFileSync(resolve(ROOT, 'asyncapi.yaml'), 'utf8'), { merge: true }),
    );
  });
});
