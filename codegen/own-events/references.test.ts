/** Tests references of own-events documents to other files: from where they are read, and which are refused. */
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { dirname } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { documentOf, findingsOf, writeDocument } from '../testing/own-events.ts';
import { openContract } from './open.ts';

const served = new Map<string, string>();
const server = createServer((request, response) => response.end(served.get(request.url ?? '')));
let origin: string;

beforeAll(async () => {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());

const REFERRING = documentOf({ built: { payload: { $ref: './build.json' } } });
const BUILD = { type: 'object', properties: { target: { type: 'string' } } };

test('a document from an address must not refer to files', async () => {
  const reason = 'which is in another file, and only one file is read from an address.';
  const gateway = "a gateway's /asyncapi.yaml";
  served.set('/refers.yaml', stringify(REFERRING));
  served.set('/extends.yaml', stringify(documentOf({ built: {} }, { 'x-extends': './base.yaml' })));
  const extending = (path: string): object => documentOf({ tested: {} }, { 'x-extends': `${origin}${path}` });
  const others = { 'build.json': BUILD, 'base.yaml': documentOf({ deployed: {} }) };
  expect(await findingsOf(extending('/refers.yaml'), others)).toEqual([
    `refers.yaml:11 /components/messages/built/payload/$ref: refers to ./build.json, ${reason} Save the files and use their path, or use the address of a contract in one file, such as ${gateway}.`,
  ]);
  expect(await findingsOf(extending('/extends.yaml'), others)).toEqual([
    `extends.yaml:5 /x-extends: is ./base.yaml, ${reason} Extend tidemark or an address, such as that of ${gateway}, or save both files and use their paths.`,
  ]);
});

test('documents at addresses that extend each other are reported', async () => {
  const [first, second] = ['/first.yaml', '/second.yaml'].map((path) => `${origin}${path}`) as [string, string];
  served.set('/first.yaml', stringify(documentOf({ first: {} }, { 'x-extends': second })));
  served.set('/second.yaml', stringify(documentOf({ second: {} }, { 'x-extends': first })));
  expect(await findingsOf(documentOf({ built: {} }, { 'x-extends': first }))).toEqual([
    `second.yaml:5 /x-extends: is ${first}, which extends this document. Let one of them extend tidemark.`,
  ]);
});

test('a document is one file however its path is written', async () => {
  const shared = { summary: 'It happened.', payload: { $ref: '#/components/schemas/Build' } };
  const file = writeDocument(
    documentOf(
      {},
      {
        components: {
          messages: { built: shared, tested: { ...shared, payload: { $ref: './test.json' } } },
          schemas: { Build: BUILD },
        },
      },
    ),
    { 'test.json': { type: 'object', properties: { of: { $ref: './events.yaml#/components/schemas/Build' } } } },
  );
  const { contract } = await openContract(`${dirname(file)}/./events.yaml`);
  expect(contract.schemas['Test']?.properties?.['of']).toMatchObject({ $ref: '#/components/schemas/Build' });
  expect((await openContract(file)).contract.digest).toBe(contract.digest);
});
