import { describe, expect, test } from 'vitest';
import { documentOf, findingsOf } from '../testing/own-events.ts';

const text = { type: 'string' };

const LOOP = { properties: { target: text }, allOf: [{ $ref: '#/components/schemas/Loop' }] };
const BUILT_LOOP = { built: { summary: 'It happened.', payload: { $ref: '#/components/schemas/Loop' } } };

const FAULTS: readonly (readonly [string, unknown, readonly string[]])[] = [
  [
    'an event of the stock contract',
    documentOf({ file_change: {} }),
    [
      'events.yaml:8 /components/messages/file_change: is an event of the contract that is extended. Give it another name.',
    ],
  ],
  [
    'a message of the protocol',
    documentOf({ gap: {} }),
    ['events.yaml:8 /components/messages/gap: is the name of a message of the protocol. Give it another name.'],
  ],
  [
    'the push of events',
    documentOf({ event: {} }),
    ['/components/messages/event: is the name of a message of the protocol.'],
  ],
  [
    'a name that no event may have',
    documentOf({ 'Build-done': {} }),
    ['/components/messages/Build-done: is not the name of an event'],
  ],
  [
    'two names that become the same type',
    documentOf({ 'a.b': {}, a_b: {} }),
    ['/components/messages/a_b: becomes the type AB, like a.b. Rename one of them.'],
  ],
  [
    'a misspelt member',
    documentOf({ built: { summery: 'x' } }),
    ['/components/messages/built/summery: is not allowed here. Did you mean summary?'],
  ],
  [
    'no summary',
    documentOf({ built: { summary: undefined } }),
    ['/components/messages/built/summary: is missing. Add it.'],
  ],
  [
    'no payload',
    documentOf({ built: { payload: undefined } }),
    ['/components/messages/built/payload: is missing. Add a JSON Schema of an object.'],
  ],
  [
    'a payload that is not an object',
    documentOf({ built: { payload: text } }),
    ['/payload: must be the schema of an object.'],
  ],
  [
    'channels',
    documentOf({ built: {} }, { channels: {} }),
    ['/channels: is not allowed here. Remove it: channels, operations and servers are those of the contract'],
  ],
  [
    'another version of AsyncAPI',
    documentOf({ built: {} }, { asyncapi: '2.6.0' }),
    ['/asyncapi: is "2.6.0". Write asyncapi: 3.0.0.'],
  ],
  ['no event at all', documentOf({}), ['/components: declare no event.']],
  [
    'a filter pointer to a member that does not exist',
    documentOf({ built: { 'x-filterable': { targets: ['/payload/tarhet'] } } }),
    [
      '/x-filterable/targets/0: /payload/tarhet does not exist in the payload: there is no tarhet. Did you mean target?',
    ],
  ],
  [
    'a filter pointer without /payload',
    documentOf({ built: { 'x-filterable': { targets: ['/target'] } } }),
    ['Did you mean /payload/target?'],
  ],
  [
    'a filter on a boolean',
    documentOf({
      built: {
        payload: { type: 'object', properties: { ok: { type: 'boolean' } } },
        'x-filterable': { oks: ['/payload/ok'] },
      },
    }),
    ['/x-filterable/oks/0: /payload/ok is a boolean; a filter field needs a string or a list of strings.'],
  ],
  [
    'a filter field similar to one of the contract',
    documentOf({ built: { 'x-filterable': { path: ['/payload/target'] } } }),
    ['/x-filterable/path: is similar to a filter field of the contract. Did you mean paths?'],
  ],
  [
    'a filter field with an invalid name',
    documentOf({ built: { 'x-filterable': { constructor: ['/payload/target'] } } }),
    ['/x-filterable/constructor: is not a valid name of a filter field'],
  ],
  [
    'a filter that is not a list',
    documentOf({ built: { 'x-filterable': { targets: '/payload/target' } } }),
    ['must be a list of pointers. Write [/payload/target].'],
  ],
  [
    'an unknown kind of filter',
    documentOf(
      { built: { 'x-filterable': { targets: ['/payload/target'] } } },
      { 'x-filters': { targets: { kind: 'exakt' } } },
    ),
    ['/x-filters/targets/kind: is "exakt". Use one of exact, path, extension. Did you mean exact?'],
  ],
  [
    'a filter of the contract declared again',
    documentOf({ built: {} }, { 'x-filters': { paths: { kind: 'path' } } }),
    ['/x-filters/paths: is already a filter field of the contract that is extended. Remove this'],
  ],
  [
    'an unknown replay policy',
    documentOf({ built: { 'x-replay': { policy: 'latest-per-kee' } } }),
    ['/x-replay/policy: is latest-per-kee. Use one of none, latest, latest-per-key, log. Did you mean latest-per-key?'],
  ],
  [
    'a replay key that is missing',
    documentOf({ built: { 'x-replay': { policy: 'latest-per-key' } } }),
    [
      '/x-replay: is latest-per-key without a key. Add a pointer to the member that is the key, such as key: /payload/target.',
    ],
  ],
  [
    'a replay key that may be absent',
    documentOf({ built: { 'x-replay': { policy: 'latest-per-key', key: '/payload/target' } } }),
    ['/x-replay/key: /payload/target may be absent: target is not required.'],
  ],
  [
    'a replay key that is not a string',
    documentOf({
      built: {
        payload: { type: 'object', required: ['n'], properties: { n: { type: 'integer' } } },
        'x-replay': { policy: 'latest-per-key', key: '/payload/n' },
      },
    }),
    ['/payload/n is an integer; a key is one string.'],
  ],
  [
    'a key of a policy that uses none',
    documentOf({ built: { 'x-replay': { policy: 'log', key: '/payload/target' } } }),
    ['/x-replay/key: is only used by latest-per-key.'],
  ],
  [
    'a key space with an invalid name',
    documentOf({
      built: {
        payload: { type: 'object', required: ['t'], properties: { t: text } },
        'x-replay': { policy: 'latest-per-key', key: '/payload/t', keySpace: 'a b' },
      },
    }),
    ['/x-replay/keySpace: must consist of 1 to 128 letters, digits'],
  ],
  [
    'an example that does not match',
    documentOf({ built: { examples: [{ payload: { target: 1 } }] } }),
    ['/components/messages/built/examples/0: does not match the message'],
  ],
  [
    'an allOf without parts',
    documentOf({ built: { payload: { type: 'object', allOf: [] } } }),
    ['/payload/allOf: must be a list of schemas.'],
  ],
  [
    'a member that two parts of an allOf declare differently',
    documentOf({
      built: {
        payload: {
          properties: { target: text },
          allOf: [{ properties: { target: { type: 'integer' } } }],
        },
      },
    }),
    ['/payload/allOf/0/properties/target: is declared differently by another part of the allOf.'],
  ],
  [
    'keywords of an allOf that contradict each other',
    documentOf({
      built: {
        payload: {
          type: 'object',
          properties: { size: { allOf: [{ type: 'integer' }, { type: 'string' }] }, ok: { type: 'boolean' } },
        },
      },
    }),
    ['/payload/properties/size/allOf/1/type: differs from the value in another part of the allOf'],
  ],
  [
    'alternatives beside the members of an allOf',
    documentOf({ built: { payload: { properties: { target: text }, allOf: [{ oneOf: [{ type: 'object' }] }] } } }),
    [
      '/payload/allOf/0/oneOf: is in an allOf that also has properties. Write these properties into each alternative instead.',
    ],
  ],
  [
    'an allOf of a schema that contains the allOf',
    documentOf({}, { components: { messages: BUILT_LOOP, schemas: { Loop: LOOP } } }),
    ['/components/schemas/Loop/allOf/0/$ref: refers back to a schema that contains this reference.'],
  ],
  [
    'a schema of the contract as a part of an allOf',
    documentOf({
      built: { payload: { properties: { target: text }, allOf: [{ $ref: '#/components/schemas/Position' }] } },
    }),
    ['/payload/allOf/0/$ref: refers to Position of the contract that is extended, which cannot be a part of an allOf.'],
  ],
  [
    'unique items that are objects',
    documentOf({
      built: {
        payload: { properties: { steps: { uniqueItems: true, items: { properties: { target: text } } } } },
      },
    }),
    ['/steps/uniqueItems: is on a list whose items are not strings, numbers or booleans.'],
  ],
  [
    'a multiple of a fraction',
    documentOf({ built: { payload: { properties: { share: { type: 'number', multipleOf: 0.1 } } } } }),
    ['/share/multipleOf: is 0.1. Use a positive integer'],
  ],
  [
    'the size of an object that lists its members',
    documentOf({ built: { payload: { properties: { target: text }, minProperties: 1 } } }),
    ['/minProperties: limits the number of members, but the object lists all its members.'],
  ],
  [
    'exclusive bounds with nothing between them',
    documentOf({
      built: { payload: { properties: { share: { type: 'number', exclusiveMinimum: 1, maximum: 1 } } } },
    }),
    ['/share/exclusiveMinimum: is 1, but no greater number satisfies the other bounds.'],
  ],
  [
    'a misspelt keyword',
    documentOf({ built: { payload: { type: 'object', proprties: {} } } }),
    ['/payload/proprties: is not a keyword. Did you mean properties?'],
  ],
  [
    'a required member that is not declared',
    documentOf({ built: { payload: { type: 'object', required: ['gone'], properties: { a: text } } } }),
    ['/components/messages/built/payload/required: requires gone, which is not among the properties.'],
  ],
  [
    'a reference to a schema that does not exist',
    documentOf({
      built: { payload: { type: 'object', properties: { p: { $ref: '#/components/schemas/RelativePth' } } } },
    }),
    ['refers to RelativePth, which is neither declared here nor in the contract. Did you mean RelativePath?'],
  ],
  [
    'a reference to a file that does not exist',
    documentOf({ built: { payload: { $ref: './gone.json' } } }),
    ['refers to ./gone.json, which cannot be read (ENOENT).'],
  ],
  [
    'a schema that nothing uses',
    documentOf(
      { built: {} },
      {
        components: {
          messages: { built: { summary: 'x', payload: { type: 'object' } } },
          schemas: { Spare: { type: 'object' } },
        },
      },
    ),
    ['/components/schemas/Spare: is not used by any event.'],
  ],
  [
    'a schema with the name of a schema of the contract',
    documentOf(
      { built: {} },
      {
        components: {
          messages: { built: { summary: 'x', payload: { $ref: '#/components/schemas/Position' } } },
          schemas: { Position: { type: 'object' } },
        },
      },
    ),
    ['/components/schemas/Position: would be named Position, like a schema of the contract. Rename it.'],
  ],
  [
    'an extended contract that does not exist',
    documentOf({ built: {} }, { 'x-extends': './gone.yaml' }),
    ['/x-extends: is ./gone.yaml, which cannot be read'],
  ],
  [
    'a document that extends itself',
    documentOf({ built: {} }, { 'x-extends': './events.yaml' }),
    ['/x-extends: is ./events.yaml, which extends this document.'],
  ],
];

describe('a finding names file, line, pointer and remedy of', () => {
  test.each(FAULTS)('%s', async (_what, document, wanted) => {
    const found = await findingsOf(document);
    expect(found).toHaveLength(wanted.length);
    for (const [at, each] of wanted.entries()) expect(found[at]).toContain(each);
    for (const each of found) expect(each).toMatch(/^\S+:\d+ \//);
  });

  test('a fault in a file that the document refers to', async () => {
    const file = 'type: object\nproperties:\n  a: { type: string, format: email }\n  b: { tpye: string }\n';
    expect(
      await findingsOf(documentOf({ built: { payload: { $ref: './built.yaml' } } }), { 'built.yaml': file }),
    ).toEqual([expect.stringContaining('built.yaml:4 /properties/b/tpye: is not a keyword. Did you mean type?')]);
    const fixed = file.replace('tpye', 'type');
    expect(
      await findingsOf(documentOf({ built: { payload: { $ref: './built.yaml' } } }), { 'built.yaml': fixed }),
    ).toEqual([expect.stringContaining('built.yaml:3 /properties/a/format: is email')]);
    expect(
      await findingsOf(documentOf({ built: { payload: { $ref: './built.yaml' } } }), { 'built.yaml': 'a: [' }),
    ).toEqual([expect.stringMatching(/^built\.yaml:\d+ /)]);
  });
});
