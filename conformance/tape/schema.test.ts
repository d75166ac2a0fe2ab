import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { loadTapes } from './library.ts';
import { MATCHERS } from './matcher.ts';
import { readLines } from './parse.ts';

const schema = JSON.parse(readFileSync(new URL('tape.schema.json', import.meta.url), 'utf8')) as object;
const fits = new Ajv2020({ strict: true, allowUnionTypes: true, strictRequired: false }).compile(schema);

describe('the JSON Schema of tapes', () => {
  test.each(loadTapes().map((tape) => [tape.header.id, tape] as const))('accepts every line of %s', (_id, { file }) => {
    for (const { number, value } of readLines(readFileSync(file, 'utf8'), file))
      expect([number, fits(value), fits.errors]).toEqual([number, true, null]);
  });

  test.each([
    ['an unknown verb', { as: 'alice', hear: {} }],
    ['two verbs', { as: 'alice', recv: {}, pause: 'read' }],
    ['a missing actor', { recv: {} }],
    ['never without until', { as: 'alice', never: {} }],
    ['a key that the verb does not take', { as: 'alice', send: {}, within: 5 }],
    ['a single branch', { par: [[{ as: 'alice', recv: {} }]] }],
    ['a fault inside a branch', { par: [[{ as: 'alice', recv: {} }], [{ recv: {} }]] }],
    ['text and hex together', { as: 'alice', sendFrame: { opcode: 'text', text: 'a', hex: '00' } }],
    ['a header of another version', { tape: 2, id: 'ping/echo', clauses: ['ENV-3'], why: 'w' }],
    [
      'an actor with a name that is reserved for the runner',
      { tape: 1, id: 'a/b', clauses: ['ENV-3'], why: 'w', actors: { http: {} } },
    ],
  ])('rejects %s', (_what, line) => {
    expect(fits(line)).toBe(false);
  });
});

test('matcher-cases.json has cases for every matcher', () => {
  const { cases } = JSON.parse(readFileSync(new URL('matcher-cases.json', import.meta.url), 'utf8')) as {
    readonly cases: readonly { readonly pattern: unknown }[];
  };
  const used = new Set(
    JSON.stringify(cases)
      .match(/"\$[a-z]+"/g)
      ?.map((each) => each.slice(1, -1)),
  );
  expect([...used].toSorted()).toEqual([...MATCHERS].toSorted());
});
