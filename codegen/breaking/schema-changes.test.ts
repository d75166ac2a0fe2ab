/**
 * Tests changes of a schema: the verdict if a client sends the value, and the verdict if the server sends it. Each
 * change is also tested in reverse.
 */
import { describe, expect, test } from 'vitest';
import { findingsOf } from './testing/versions.ts';
import type { Changes } from './testing/versions.ts';

type Schema = object | boolean;
/** The verdicts: `ok` is compatible; `broken` is breaking; `open` is undecided, which counts as breaking; `look` is a warning. */
type Verdict = 'ok' | 'broken' | 'open' | 'look';
/** Name of the change, before, after, verdict if clients send the value, verdict if the server sends it. */
type Row = readonly [name: string, before: Schema, after: Schema, sent: Verdict, received: Verdict];

const text = { type: 'string' };
const closed = (properties: object, required: readonly string[] = [], more: object = {}): object => ({
  type: 'object',
  additionalProperties: false,
  required,
  properties,
  ...more,
});
const tagged = (kind: string, more: object = {}): object =>
  closed({ kind: { type: 'string', const: kind }, ...more }, ['kind', ...Object.keys(more)]);
const ref = (name: string): object => ({ $ref: `#/components/schemas/${name}` });

/** Each change narrows the schema, or both narrows and widens it. The test also reverses the change. */
const NARROWING: readonly Row[] = [
  ['a value is removed from an enumeration', { enum: ['a', 'b', 'c'] }, { enum: ['a', 'b'] }, 'broken', 'ok'],
  ['an enumeration appears', text, { type: 'string', enum: ['a'] }, 'broken', 'ok'],
  ['an enumeration becomes a constant', { enum: ['a', 'b'] }, { const: 'a' }, 'broken', 'ok'],
  ['a flag becomes a constant', { type: 'boolean' }, { type: 'boolean', const: true }, 'broken', 'ok'],
  ['null is removed from the type', { type: ['string', 'null'] }, text, 'broken', 'ok'],
  ['a number becomes an integer', { type: 'number' }, { type: 'integer' }, 'broken', 'ok'],
  ['a type appears', {}, text, 'broken', 'ok'],
  ['minLength rises', { ...text, minLength: 1 }, { ...text, minLength: 2 }, 'broken', 'ok'],
  ['maxLength falls', { ...text, maxLength: 9 }, { ...text, maxLength: 8 }, 'broken', 'ok'],
  ['maxLength appears', text, { ...text, maxLength: 8 }, 'broken', 'ok'],
  ['a pattern appears', text, { ...text, pattern: '^a' }, 'broken', 'ok'],
  ['a format appears', text, { ...text, format: 'uuid' }, 'broken', 'ok'],
  ['minimum rises', { type: 'integer', minimum: 0 }, { type: 'integer', minimum: 1 }, 'broken', 'ok'],
  ['maximum falls', { type: 'number', maximum: 2 }, { type: 'number', maximum: 1 }, 'broken', 'ok'],
  [
    'a bound becomes exclusive',
    { type: 'number', minimum: 0 },
    { type: 'number', exclusiveMinimum: 0 },
    'broken',
    'ok',
  ],
  ['multipleOf doubles', { type: 'integer', multipleOf: 2 }, { type: 'integer', multipleOf: 4 }, 'broken', 'ok'],
  ['minItems appears', { type: 'array' }, { type: 'array', minItems: 1 }, 'broken', 'ok'],
  ['maxItems falls', { type: 'array', maxItems: 3 }, { type: 'array', maxItems: 2 }, 'broken', 'ok'],
  ['items narrow', { type: 'array', items: { enum: [1, 2] } }, { type: 'array', items: { enum: [1] } }, 'broken', 'ok'],
  ['items become unique', { type: 'array' }, { type: 'array', uniqueItems: true }, 'broken', 'ok'],
  ['a member becomes required', closed({ a: text }), closed({ a: text }, ['a']), 'broken', 'ok'],
  [
    'an optional member is removed from a closed object',
    closed({ a: text, b: text }),
    closed({ a: text }),
    'broken',
    'ok',
  ],
  [
    'a nested member narrows',
    closed({ a: closed({ b: text }) }),
    closed({ a: closed({ b: { enum: ['x'] } }) }),
    'broken',
    'ok',
  ],
  ['an open object becomes closed', { type: 'object' }, closed({}), 'broken', 'ok'],
  [
    'a member without a schema gets one',
    { type: 'object' },
    { type: 'object', properties: { a: text } },
    'broken',
    'ok',
  ],
  [
    'the values of a map narrow',
    { type: 'object', additionalProperties: { type: 'number' } },
    { type: 'object', additionalProperties: { type: 'integer' } },
    'broken',
    'ok',
  ],
  ['maxProperties falls', { type: 'object', maxProperties: 3 }, { type: 'object', maxProperties: 2 }, 'broken', 'ok'],
  [
    'an alternative is removed from oneOf',
    { oneOf: [tagged('a'), tagged('b')] },
    { oneOf: [tagged('a')] },
    'broken',
    'ok',
  ],
  ['an alternative is removed from anyOf', { anyOf: [text, { type: 'integer' }] }, { anyOf: [text] }, 'broken', 'ok'],
  [
    'an alternative narrows',
    { oneOf: [tagged('a', { n: { type: 'number' } }), tagged('b')] },
    { oneOf: [tagged('b'), tagged('a', { n: { type: 'integer' } })] },
    'broken',
    'ok',
  ],
  ['alternatives become one schema', { anyOf: [text, { type: 'null' }] }, text, 'broken', 'ok'],
  ['a part is added to allOf', { allOf: [text] }, { allOf: [text, { maxLength: 3 }] }, 'broken', 'ok'],
  ['everything becomes nothing', true, false, 'broken', 'ok'],
];

/** Each change breaks clients that send the value, and clients that receive it. */
const REPLACING: readonly Row[] = [
  ['the type changes', text, { type: 'integer' }, 'broken', 'broken'],
  ['the constant changes', { const: 'a' }, { const: 'b' }, 'broken', 'broken'],
  ['a member is renamed', closed({ a: text }, ['a']), closed({ b: text }, ['b']), 'broken', 'broken'],
  ['multipleOf changes', { type: 'integer', multipleOf: 2 }, { type: 'integer', multipleOf: 3 }, 'broken', 'broken'],
  [
    'the discriminator is renamed',
    { oneOf: [tagged('a'), tagged('b')] },
    { oneOf: [tagged('a'), tagged('c')] },
    'broken',
    'broken',
  ],
  ['a reference leads to another schema', ref('StreamName'), ref('Count'), 'broken', 'broken'],
];

const UNDECIDED: readonly Row[] = [
  ['the pattern changes', { ...text, pattern: '^a+$' }, { ...text, pattern: '^(a|b)+$' }, 'open', 'open'],
  ['the format changes', { ...text, format: 'uuid' }, { ...text, format: 'date-time' }, 'open', 'open'],
  ['not changes', { not: { const: 1 } }, { not: { const: 2 } }, 'open', 'open'],
  ['a condition changes', { if: text, else: { minimum: 1 } }, { if: text, else: { minimum: 2 } }, 'open', 'open'],
  ['an unknown keyword appears', text, { ...text, contentEncoding: 'base64' }, 'open', 'open'],
  ['a reference does not resolve', text, { $ref: '#/components/schemas/Nowhere' }, 'open', 'open'],
  [
    'an alternative of oneOf changes next to an alternative that accepts everything',
    { oneOf: [{}, tagged('a', { n: { type: 'integer' } })] },
    { oneOf: [{}, tagged('a', { n: { type: 'number' } })] },
    'open',
    'broken',
  ],
  [
    'alternatives of oneOf overlap',
    {
      oneOf: [
        { type: 'object', properties: { a: text } },
        { type: 'object', properties: { b: text } },
      ],
    },
    { oneOf: [{ type: 'object', properties: { a: text } }] },
    'broken',
    'open',
  ],
];

const COMPATIBLE: readonly Row[] = [
  ['an optional member is added', closed({ a: text }), closed({ a: text, b: text }), 'ok', 'ok'],
  ['a closed object opens', closed({}), { type: 'object' }, 'ok', 'ok'],
  ['the description changes', { ...text, description: 'a' }, { ...text, description: 'b' }, 'ok', 'ok'],
  ['the order of an enumeration changes', { enum: ['a', 'b'] }, { enum: ['b', 'a'] }, 'ok', 'ok'],
  ['a referenced schema is written inline', ref('StreamName'), { allOf: [ref('StreamName')] }, 'ok', 'ok'],
  ['a constant is written as an enumeration of one value', { const: 'a' }, { enum: ['a'] }, 'ok', 'ok'],
  ['null is written as an alternative', { type: ['string', 'null'] }, { anyOf: [text, { type: 'null' }] }, 'ok', 'ok'],
  ['0 < n is written as 1 ≤ n', { type: 'integer', exclusiveMinimum: 0 }, { type: 'integer', minimum: 1 }, 'ok', 'ok'],
  [
    'a flag is written as its two values',
    { type: 'boolean' },
    { oneOf: [{ const: true }, { const: false }] },
    'ok',
    'ok',
  ],
  [
    'alternatives change places',
    { oneOf: [tagged('a'), tagged('b')] },
    { oneOf: [tagged('b'), tagged('a')] },
    'ok',
    'ok',
  ],
  ['the default changes', { ...text, default: 'a' }, { ...text, default: 'b' }, 'look', 'look'],
];

const PLACES = {
  sent: '/components/schemas/SubscribeData/properties/probe',
  received: '/components/schemas/SubscribedData/properties/probe',
} as const;

function judged(place: keyof typeof PLACES, before: Schema, after: Schema): Verdict {
  const version = (schema: Schema): Changes => ({ [PLACES[place]]: schema });
  const findings = findingsOf(version(before), version(after));
  const breaking = findings.filter(({ severity }) => severity === 'breaking');
  if (breaking.some(({ decided }) => decided)) return 'broken';
  if (breaking.length > 0) return 'open';
  return findings.some(({ severity }) => severity === 'warning') ? 'look' : 'ok';
}

describe('a change of a schema', () => {
  const all = [...NARROWING, ...REPLACING, ...UNDECIDED, ...COMPATIBLE];
  test.each(all)('%s', (_name, before, after, sent, received) => {
    expect({ sent: judged('sent', before, after), received: judged('received', before, after) }).toEqual({
      sent,
      received,
    });
  });
});

describe('the same change reversed', () => {
  // Reversed, these changes only add members, which old clients ignore. Every other reversed change breaks clients that receive the value.
  const ADDITIONS = [
    'an optional member is removed from a closed object',
    'an open object becomes closed',
    'everything becomes nothing',
  ];
  test.each(NARROWING)('%s', (name, before, after) => {
    expect({ sent: judged('sent', after, before), received: judged('received', after, before) }).toEqual({
      sent: 'ok',
      received: ADDITIONS.includes(name) ? 'ok' : 'broken',
    });
  });

  test.each(REPLACING)('%s', (_name, before, after) => {
    expect({ sent: judged('sent', after, before), received: judged('received', after, before) }).toEqual({
      sent: 'broken',
      received: 'broken',
    });
  });
});
