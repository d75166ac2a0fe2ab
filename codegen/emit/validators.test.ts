import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Script, createContext } from 'node:vm';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { commandValidators, httpValidators, payloadValidators, serverValidators } from '../../generated/validators.js';
import type { Validator } from '../../generated/validators.js';
import { checkContract } from '../contract.ts';
import { load } from '../testing/compile.ts';
import { compileJsonSchemas, readJsonSchemas, tolerant } from '../testing/json-schemas.ts';
import type { JsonSchemas } from '../testing/json-schemas.ts';
import { withOneChange, objectsIn, valueAt, withAt } from '../testing/mutations.ts';
import { ODD, ODD_EXAMPLE, shopWith } from '../testing/shop.ts';
import { emitSchemas } from './schemas.ts';
import { emitValidators } from './validators.ts';
import { readStockContract } from '../testing/stock-contract.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const contract = await readStockContract();
const { messages, commands, events, customEvent, http } = contract;
const code = readFileSync(resolve(ROOT, 'generated/validators.js'), 'utf8');

const strictSchema = readJsonSchemas();
const tolerantSchema = readJsonSchemas(tolerant);

/** A validator, values that it must accept, and the name of the published schema with which it must agree. */
interface Subject {
  readonly name: string;
  readonly validate: Validator;
  readonly example: unknown;
  readonly schema: string;
}

function subjectsOf(table: Readonly<Record<string, Validator>>, messageOf: (name: string) => string): Subject[] {
  return Object.entries(table).flatMap(([name, validate]) => {
    const { schema = '', examples = [] } = messages[messageOf(name)] ?? {};
    return examples.map(({ payload }) => ({ name, validate, example: payload, schema }));
  });
}

const requests = new Set(http.map(({ request }) => request));
const bodies = subjectsOf(httpValidators, (name) => name);

/** Messages from clients. */
const INBOUND: readonly Subject[] = [
  ...subjectsOf(commandValidators, (name) => name),
  ...bodies.filter(({ name }) => requests.has(name)),
  ...events.flatMap(({ name, message, payload }) =>
    (messages[message]?.examples ?? []).map((example) => ({
      name,
      validate: payloadValidators[name as keyof typeof payloadValidators],
      example: valueAt(example.payload, ['data', 'payload']),
      schema: payload,
    })),
  ),
];

/** Messages from servers. */
const OUTBOUND: readonly Subject[] = [
  ...subjectsOf(serverValidators, (name) => events.find((event) => event.name === name)?.message ?? name),
  ...bodies.filter(({ name }) => !requests.has(name)),
];

interface Fault {
  readonly at: string;
  readonly keyword: string;
  readonly member?: unknown;
}

/** The errors of a value. If no alternative matches, the errors of every alternative are included. */
function faults(validate: Validator, value: unknown): readonly Fault[] {
  if (validate(value)) return [];
  return (validate.errors ?? []).map(({ instancePath, keyword, params }) =>
    keyword === 'additionalProperties'
      ? { at: instancePath, keyword, member: params['additionalProperty'] }
      : { at: instancePath, keyword },
  );
}

const pointer = (path: readonly (string | number)[]): string =>
  path.map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');

describe('the validators', () => {
  test('exist for every message, every HTTP body and every payload', () => {
    expect(Object.keys(commandValidators)).toEqual(commands.map(({ name }) => name));
    expect(Object.keys(payloadValidators)).toEqual(events.map(({ name }) => name));
    const sent = [
      ...commands.map(({ reply }) => reply),
      'error',
      ...contract.pushes.map(({ name }) => name).filter((name) => name !== 'event'),
      ...events.map(({ name }) => name),
      customEvent.message,
    ];
    expect(Object.keys(serverValidators)).toEqual(sent);
    const spoken = http.flatMap(({ request, replies }) => [request, ...replies]);
    expect(Object.keys(httpValidators).toSorted()).toEqual([...new Set(spoken)].toSorted());
    for (const subjects of [INBOUND, OUTBOUND]) expect(subjects.length).toBeGreaterThan(20);
  });

  test('import nothing and evaluate no text, so that a Content-Security-Policy may forbid both', () => {
    expect(code).not.toMatch(/^\s*import\b|\brequire\s*\(|\beval\s*\(|\bnew Function\b|\bimport\s*\(/m);
    const body = code.replaceAll(/^export const /gm, 'const ');
    const context = createContext({}, { codeGeneration: { strings: false, wasm: false } });
    const run = (text: string): unknown => new Script(text).runInContext(context);
    expect(() => run("new Function('return 1')")).toThrow(/Code generation/);
    const tables = run(`${body};Object.assign({}, httpValidators, serverValidators, commandValidators)`);
    for (const { name, example } of [...OUTBOUND, ...INBOUND.filter((each) => each.schema.endsWith('Message'))])
      expect((tables as Readonly<Record<string, Validator>>)[name]?.(example)).toBe(true);
  });

  test('count characters, not code units', () => {
    const ping = (id: string): boolean => commandValidators.ping({ type: 'ping', id, data: {} });
    expect([ping('a'.repeat(64)), ping('a'.repeat(65))]).toEqual([true, false]);
    const push = (message: string): boolean =>
      serverValidators.error({ type: 'error', data: { code: 'internal', message, retryable: false } });
    const limit = valueAt(contract.schemas['ErrorData'], ['properties', 'message', 'maxLength']) as number;
    expect([push('𝄞'.repeat(limit)), push('𝄞'.repeat(limit + 1))]).toEqual([true, false]);
  });
});

describe('what a client sends', () => {
  test.each(INBOUND.map((subject) => [subject.name, subject] as const))(
    '%s is refused with an unknown member, and the error points to it',
    (_name, { validate, example, schema }) => {
      expect(faults(validate, example)).toEqual([]);
      const extended = objectsIn(example).map((path) => ({
        at: pointer(path),
        value: withAt(example, [...path, 'a/b~c'], 1),
      }));
      const open = extended.filter(({ value }) => strictSchema(schema)(value));
      // Only these parts are open in the contract: metadata, details and custom payloads.
      for (const { at } of open) expect(at).toMatch(/\/(?:metadata|details|payload)(?:\/|$)/);
      for (const { at, value } of extended.filter((each) => !open.includes(each)))
        expect(faults(validate, value)).toContainEqual({ at, keyword: 'additionalProperties', member: 'a/b~c' });
    },
  );

  test('is refused with a pointer to the invalid value', () => {
    const { subscribe, unsubscribe } = commandValidators;
    const at = (validate: Validator, value: unknown): string | undefined => faults(validate, value)[0]?.at;
    const subscribing = (data: object): unknown => ({ type: 'subscribe', data: { events: ['*'], ...data } });
    expect(at(subscribe, { ...Object(subscribing({})), id: 7 })).toBe('/id');
    expect(at(subscribe, subscribing({ events: [] }))).toBe('/data/events');
    expect(at(subscribe, subscribing({ events: ['*', 'A'] }))).toBe('/data/events/1');
    expect(at(subscribe, subscribing({ replay: { mode: 'resume', after: { epoch: 'e', sequenceId: -1 } } }))).toBe(
      '/data/replay/after/sequenceId',
    );
    expect(at(subscribe, subscribing({ replay: { mode: 'none', after: {} } }))).toBe('/data/replay');
    expect(at(subscribe, subscribing({ replay: { mode: 'often' } }))).toBe('/data/replay');
    expect(at(unsubscribe, { type: 'unsubscribe', data: { subscriptionId: '' } })).toBe('/data/subscriptionId');
  });

  test("is refused with the contract's description of the pattern when it does not match the pattern", () => {
    const { subscribe } = commandValidators;
    expect(subscribe({ type: 'subscribe', id: '1', data: { events: ['a b'] } })).toBe(false);
    expect(subscribe.errors).toEqual([
      expect.objectContaining({
        instancePath: '/data/events/0',
        message: `does not have the required form: ${contract.schemas['EventPattern']?.description?.replace(/\.$/, '')}`,
      }),
    ]);
  });

  test('is accepted exactly when the published schema accepts it, for every mutation', () => {
    expect(rarerVerdict(INBOUND, strictSchema)).toBeGreaterThan(300);
  });
});

describe('what a server sends', () => {
  test.each(OUTBOUND.map((subject) => [subject.name, subject] as const))(
    '%s may have unknown members, but not beside `data`',
    (_name, { validate, example, schema }) => {
      const isMessage = schema.endsWith('Message');
      for (const path of objectsIn(example)) {
        // A map accepts any name, but not any value. So add one of its own values, which is valid.
        const [value = 1] = Object.values(valueAt(example, path) as object);
        const extended = withAt(example, [...path, 'newer'], value);
        const top = isMessage && path.length === 0;
        expect(faults(validate, extended)).toEqual(
          top ? [{ at: '', keyword: 'additionalProperties', member: 'newer' }] : [],
        );
      }
    },
  );

  test('is accepted exactly when the published schema, read tolerantly, accepts it, for every mutation', () => {
    expect(rarerVerdict(OUTBOUND, tolerantSchema)).toBeGreaterThan(300);
  });
});

describe('the validators of a contract with every keyword, and schemas that refer to each other', async () => {
  const odd = checkContract(shopWith(ODD));
  const tables = (await load(emitValidators(odd).code)) as unknown as Tables;
  const schemas = emitSchemas(odd);
  const payload = {
    name: 'order_placed',
    schema: 'OrderPayload',
    example: ODD_EXAMPLE,
    validate: tables.payloadValidators.order_placed,
  };
  const event = {
    name: 'order_placed',
    schema: 'OrderPlacedEventMessage',
    example: odd.messages['order_placed']?.examples[0]?.payload,
    validate: tables.serverValidators.order_placed,
  };

  test('agree with the published schemas', () => {
    expect(rarerVerdict([payload], compileJsonSchemas(schemas))).toBeGreaterThan(300);
    expect(rarerVerdict([event], compileJsonSchemas(schemas, tolerant))).toBeGreaterThan(300);
  });

  test('are also tolerant in a part that is reached by a circular reference', () => {
    const twig = (leaf: object): object => ({ branch: { twigs: [{ branch: { twig: { leaf } } }] } });
    const newer = { tag: 'green', newer: 1 };
    const message = (leaf: object): unknown =>
      withAt(event.example, ['data', 'payload'], { id: 'o1', twig: twig(leaf) });
    expect(faults(event.validate, message(newer))).toEqual([]);
    expect(faults(event.validate, message({ newer: 1 }))[0]).toMatchObject({ keyword: 'required' });
    expect(faults(payload.validate, { id: 'o1', twig: twig(newer) })).toEqual([
      { at: '/twig/branch/twigs/0/branch/twig/leaf', keyword: 'additionalProperties', member: 'newer' },
    ]);
  });
});

interface Tables {
  readonly payloadValidators: { readonly order_placed: Validator };
  readonly serverValidators: { readonly order_placed: Validator };
}

/**
 * Compares the verdicts on 3,000 mutated examples.
 * @returns how often the rarer verdict (valid or invalid) occurred: if all verdicts were equal, the comparison would prove little.
 */
function rarerVerdict(subjects: readonly Subject[], schemaOf: JsonSchemas): number {
  const seen = { accepted: 0, refused: 0 };
  const subject = fc.constantFrom(...subjects);
  const cases = subject.chain((each) => withOneChange(each.example).map((value) => ({ each, value })));
  fc.assert(
    fc.property(cases, ({ each: { name, validate, schema }, value }) => {
      const accepted = schemaOf(schema)(value);
      seen[accepted ? 'accepted' : 'refused'] += 1;
      expect({ name, accepted: validate(value) }).toEqual({ name, accepted });
    }),
    { numRuns: 3_000 },
  );
  return Math.min(seen.accepted, seen.refused);
}
