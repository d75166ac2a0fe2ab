/** Compares the generated validators with ajv at run time, on values made from the schemas. */
import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Validator } from '../generated/validators.js';
import { checkContract } from './contract.ts';
import { FORMATS } from './emit/formats.ts';
import { emitValidators } from './emit/validators.ts';
import type { Contract, Schema } from './model.ts';
import { sourceOf } from './source.ts';
import { load } from './testing/compile.ts';
import { tolerant } from './testing/json-schemas.ts';
import { oddContract } from './testing/odd-contract.ts';
import { ODD_MEMBERS } from './testing/odd-members.ts';
import { SHOP } from './testing/shop.ts';
import { valuesOf } from './testing/values.ts';

const STOCK = readFileSync(new URL('../asyncapi.yaml', import.meta.url), 'utf8');

type Tables = Readonly<Record<'commandValidators' | 'payloadValidators' | 'serverValidators', Table>>;
type Table = Readonly<Record<string, Validator>>;

/** Two validators for the same values. */
interface Subject {
  readonly name: string;
  readonly values: fc.Arbitrary<unknown>;
  readonly generated: (value: unknown) => boolean;
  readonly atRunTime: (value: unknown) => boolean;
}

async function tablesOf(contract: Contract): Promise<Tables> {
  return (await load(emitValidators(contract).code)) as unknown as Tables;
}

/** Ordinary use of ajv on the contract's schemas. */
function runTime(schemas: Readonly<Record<string, Schema>>): (name: string) => (value: unknown) => boolean {
  const ajv = new Ajv2020({ strict: false, formats: FORMATS, ownProperties: true });
  ajv.addSchema({ $id: 'contract', components: { schemas } });
  return (name) => {
    const validate = ajv.compile({ $ref: `contract#/components/schemas/${name}` });
    return (value) => validate(value);
  };
}

/** The validators of commands, payloads and server messages, each with ajv's validator of the same schema. */
async function subjectsOf(contract: Contract): Promise<Subject[]> {
  const { schemas, messages, commands, pushes, events } = contract;
  const tables = await tablesOf(contract);
  const strict = runTime(schemas);
  const loose = runTime(Object.fromEntries(Object.entries(schemas).map(([name, each]) => [name, tolerant(each)])));
  const subject = (table: keyof Tables, key: string, schema: string): Subject => ({
    name: `${table}.${key}`,
    values: valuesOf(schemas, { $ref: `#/components/schemas/${schema}` }),
    generated: (value) => tables[table][key]?.(value) ?? false,
    atRunTime: (table === 'serverValidators' ? loose : strict)(schema),
  });
  const schemaOf = (message: string): string => messages[message]?.schema ?? '';
  const answers = [...new Set(commands.map(({ reply }) => reply)), 'error', ...pushes.map(({ name }) => name)];
  return [
    ...commands.map(({ name }) => subject('commandValidators', name, schemaOf(name))),
    ...events.map(({ name, payload }) => subject('payloadValidators', name, payload)),
    ...events.map(({ name, messageSchema }) => subject('serverValidators', name, messageSchema)),
    ...answers.filter((name) => name !== 'event').map((name) => subject('serverValidators', name, schemaOf(name))),
  ];
}

/**
 * The verdict of ajv at run time; undefined if ajv throws. For a schema with a constant object, ajv throws if the value
 * has a member `toString` that is not a function. The generated validators do not throw.
 */
function opinionOf(atRunTime: Subject['atRunTime'], value: unknown): boolean | undefined {
  try {
    return atRunTime(value);
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

/** @returns how often the rarer verdict (valid or invalid) occurred: if all verdicts were equal, the comparison would prove little. */
function rarerVerdict(subjects: readonly Subject[], numRuns: number): number {
  const seen = { accepted: 0, refused: 0 };
  const cases = fc.constantFrom(...subjects).chain((subject) => subject.values.map((value) => ({ subject, value })));
  fc.assert(
    fc.property(cases, ({ subject: { name, generated, atRunTime }, value }) => {
      const accepted = opinionOf(atRunTime, value);
      fc.pre(accepted !== undefined);
      seen[accepted ? 'accepted' : 'refused'] += 1;
      expect({ name, accepted: generated(value) }).toEqual({ name, accepted });
    }),
    { numRuns },
  );
  return Math.min(seen.accepted, seen.refused);
}

describe('the generated validators agree with ajv at run time', () => {
  test.each([
    ['the stock contract', STOCK],
    ['the contract of the shop', SHOP],
  ])('for %s', async (_name, text) => {
    const contract = checkContract(sourceOf('contract.yaml', text));
    expect(rarerVerdict(await subjectsOf(contract), 4_000)).toBeGreaterThan(400);
  });

  test('for every odd name, value and keyword', async () => {
    const contract = checkContract(sourceOf('odd.yaml', oddContract()));
    const { schemas } = contract;
    const validate = (await tablesOf(contract)).payloadValidators['order_placed'];
    const atRunTime = runTime(schemas)('OrderPayload');
    const subjects = ODD_MEMBERS.map(({ name, schema }): Subject => {
      const member = valuesOf(schemas, schema);
      return {
        name,
        values: member.map((value) => ({ id: 'o1', lines: [], [name]: value })),
        generated: (value) => validate?.(value) ?? false,
        atRunTime,
      };
    });
    expect(rarerVerdict(subjects, 8_000)).toBeGreaterThan(800);
  });
});
