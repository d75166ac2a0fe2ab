import { readFile } from 'node:fs/promises';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { Parser } from '@asyncapi/parser';
import { parse } from 'yaml';
import { describe, expect, test } from 'vitest';
import { readStockContract } from '../testing/stock-contract.ts';
import { documentOf, findingsOf, open, writeDocument } from '../testing/own-events.ts';
import { openContract } from './open.ts';

const ACME = fileURLToPath(new URL('../../examples/own-events/acme.yaml', import.meta.url));

const text = { type: 'string' };

describe('an own-events document', () => {
  test('of at most 15 lines gives a complete event', async () => {
    expect((await readFile(ACME, 'utf8')).trimEnd().split('\n').length).toBeLessThanOrEqual(15);
    const { contract, own } = await openContract(ACME);
    expect(own?.events.map(({ name }) => name)).toEqual(['build_finished']);
    const event = contract.events.at(-1);
    expect(event).toMatchObject({
      name: 'build_finished',
      payload: 'BuildFinishedPayload',
      replay: { policy: 'latest-per-key', key: '/payload/target', keySpace: 'build_finished' },
      filterable: { targets: ['/payload/target'], sources: ['/source/name', '/source/principal'] },
    });
    expect(contract.filters['targets']).toMatchObject({ kind: 'exact' });
    expect(contract.schemas['SubscriptionFilter']?.properties).toHaveProperty('targets');
    expect(contract.schemas['BuildFinishedPayload']).toMatchObject({ additionalProperties: false });
  });

  test('and the merged contract are accepted by the official AsyncAPI parser', async () => {
    const { source } = await openContract(ACME);
    for (const document of [await readFile(ACME, 'utf8'), source.text]) {
      const { diagnostics } = await new Parser().parse(JSON.stringify(parse(document, { merge: true })));
      expect(diagnostics.filter(({ severity }) => severity <= 1)).toEqual([]);
    }
    expect(parse(source.text)).toEqual(source.value);
  });

  test('leaves every part of the stock contract unchanged', async () => {
    const [{ contract }, stock] = [await openContract(ACME), { contract: await readStockContract() }];
    expect(contract.events.slice(0, -1)).toEqual(stock.contract.events);
    expect(contract.customEvent).toEqual(stock.contract.customEvent);
    expect(contract.commands).toEqual(stock.contract.commands);
    expect(contract.errors).toEqual(stock.contract.errors);
    expect(contract.digest).not.toBe(stock.contract.digest);
  });

  test('declares several events, and a filter field of another kind', async () => {
    const { contract } = await open(
      documentOf(
        { deployed: { 'x-filterable': { outputs: ['/payload/target'] } }, 'build.started': {} },
        { 'x-filters': { outputs: { kind: 'path' } } },
      ),
    );
    expect(contract.events.slice(-2).map(({ name }) => name)).toEqual(['deployed', 'build.started']);
    expect(contract.filters['outputs']).toMatchObject({ kind: 'path' });
    expect(contract.events.at(-1)?.replay).toEqual({ policy: 'latest' });
  });

  test('accepts payloads in JSON Schema files, which may refer to other files', async () => {
    const { contract, files } = await open(documentOf({ deployed: { payload: { $ref: './deploy.schema.json' } } }), {
      'deploy.schema.json': JSON.stringify({
        $schema: 'https://json-schema.org/draft/2020-12/schema',
        title: 'A deployment',
        type: 'object',
        required: ['to'],
        properties: {
          to: { $ref: '#/$defs/host' },
          steps: { type: 'array', items: { $ref: 'step.json' } },
          size: { type: 'integer' },
        },
        $defs: { host: { type: 'string', minLength: 1 } },
      }),
      'step.json': JSON.stringify({ properties: { path: { $ref: 'step.json' }, kind: { enum: ['a', 'b'] } } }),
    });
    expect(contract.events.at(-1)?.payload).toBe('Deploy');
    expect(contract.schemas['Deploy']).toMatchObject({
      description: 'A deployment',
      properties: { to: { $ref: '#/components/schemas/Host' }, size: { minimum: Number.MIN_SAFE_INTEGER } },
    });
    expect(contract.schemas['Step']).toMatchObject({
      type: 'object',
      properties: { path: { $ref: '#/components/schemas/Step' }, kind: { type: 'string' } },
    });
    expect(files.map((each) => each.slice(each.lastIndexOf('/') + 1))).toEqual([
      'events.yaml',
      'deploy.schema.json',
      'step.json',
    ]);
  });

  test('may refer to its own schemas, and to schemas of the contract that it extends', async () => {
    const ref = (name: string): object => ({ $ref: `#/components/schemas/${name}` });
    const payload = {
      type: 'object',
      required: ['path'],
      properties: { path: ref('RelativePath'), by: ref('Person') },
    };
    const document = documentOf({ read: { payload, 'x-filterable': { paths: ['/payload/path'] } } }) as {
      components: object;
    };
    const { contract } = await open({
      ...document,
      components: { ...document.components, schemas: { Person: { type: 'object', properties: { name: text } } } },
    });
    expect(contract.schemas['Person']).toMatchObject({ additionalProperties: false });
    expect(contract.schemas['ReadPayload']?.properties).toEqual({ path: ref('RelativePath'), by: ref('Person') });
  });

  test('merges the parts of an allOf into one closed type', async () => {
    const base = { type: 'object', required: ['id'], properties: { id: text, more: { $ref: '#/$defs/More' } } };
    const payload = {
      description: 'A stage.',
      allOf: [{ $ref: 'base.json' }, { required: ['stage'], properties: { stage: { enum: ['a', 'b'] } } }],
    };
    const { contract } = await open(documentOf({ staged: { payload } }), {
      'base.json': JSON.stringify({ ...base, $defs: { More: { allOf: [{ $ref: '#/$defs/Remark' }] }, Remark: text } }),
    });
    expect(contract.schemas['StagedPayload']).toMatchObject({
      type: 'object',
      description: 'A stage.',
      additionalProperties: false,
      required: ['id', 'stage'],
      properties: { id: text, stage: { type: 'string', enum: ['a', 'b'] } },
    });
    expect(contract.schemas).toHaveProperty('Remark');
    expect(contract.schemas).not.toHaveProperty('Base');
  });

  test('may have filters on members of alternatives, and schemas that contain themselves', async () => {
    const ref = (name: string): object => ({ $ref: `#/components/schemas/${name}` });
    const kind = (name: string): object => ({ type: 'object', properties: { kind: { const: name } } });
    const document = documentOf({
      drawn: {
        payload: {
          type: 'object',
          properties: { shape: { oneOf: [kind('circle'), kind('line')] }, words: ref('Words') },
        },
        'x-filterable': { kinds: ['/payload/shape/kind'], words: ['/payload/words'] },
      },
    }) as { components: object };
    const Words = { type: 'array', items: { anyOf: [text, ref('Words')] } };
    const { contract } = await open({ ...document, components: { ...document.components, schemas: { Words } } });
    expect(contract.events.at(-1)?.filterable).toMatchObject({ kinds: ['/payload/shape/kind'] });
    const loop = { Loop: { oneOf: [ref('Loop'), { type: 'object', properties: { a: text } }] } };
    const endless = { List: { type: 'array', items: ref('List') } };
    for (const [name, schemas] of [
      ['Loop', loop],
      ['List', endless],
    ] as const) {
      const { components } = documentOf({
        drawn: {
          payload: { type: 'object', properties: { it: ref(name) } },
          'x-filterable': { its: ['/payload/it/b'] },
        },
      }) as { components: object };
      expect(await findingsOf({ ...document, components: { ...components, schemas } })).toEqual([
        expect.stringContaining('/x-filterable/its/0: /payload/it/b does not exist in the payload: there is no b.'),
      ]);
    }
  });

  test('may extend another own-events document, or a contract that a gateway serves', async () => {
    const first = writeDocument(documentOf({ deployed: {} }));
    const { contract, source } = await open(documentOf({ built: {} }, { 'x-extends': first }));
    expect(contract.events.slice(-2).map(({ name }) => name)).toEqual(['deployed', 'built']);
    const server = createServer((_request, response) => response.end(source.text)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    try {
      const third = await open(documentOf({ tested: {} }, { 'x-extends': `http://127.0.0.1:${port}/asyncapi.yaml` }));
      expect(third.contract.events.slice(-3).map(({ name }) => name)).toEqual(['deployed', 'built', 'tested']);
    } finally {
      server.close();
    }
  });

  test('keeps the examples of its author, and makes one if there are none', async () => {
    const { contract } = await open(
      documentOf({
        deployed: { examples: [{ payload: { target: 'web' } }] },
        built: {
          payload: {
            type: 'object',
            required: ['at'],
            properties: { at: { type: 'string', format: 'date-time' }, n: { type: 'array', items: text, minItems: 2 } },
          },
        },
      }),
    );
    const payloadOf = (name: string): unknown => contract.messages[name]?.examples[0]?.payload;
    expect(payloadOf('deployed')).toMatchObject({ data: { event: 'deployed', payload: { target: 'web' } } });
    expect(payloadOf('built')).toMatchObject({
      data: { payload: { at: '2026-03-02T09:15:00.000Z', n: ['example', 'example'] } },
    });
  });
});
