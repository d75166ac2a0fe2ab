import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import type { Validator } from '../generated/validators.js';
import { generateTo } from './generate.ts';
import type { GenerateToOptions } from './generate.ts';
import type { Frame } from './runtime/wire.ts';
import { startFakeServer } from './runtime/testing/fake-server.ts';
import type { FakeConnection, FakeServer } from './runtime/testing/fake-server.ts';
import { ContractError } from './source.ts';
import { compile, load, run } from './testing/compile.ts';
import { shopWith } from './testing/shop.ts';
import type { Changes } from './testing/shop.ts';

const ROOT = resolve(import.meta.dirname, '..');
const SHOP_FILE = resolve(ROOT, 'codegen/fixtures/shop.yaml');

let workspace: string;
let projects = 0;
let server: FakeServer | undefined;

beforeAll(async () => {
  workspace = await mkdtemp(join(tmpdir(), 'tidemark-own-'));
});
afterEach(async () => {
  await server?.close();
  server = undefined;
});
afterAll(() => rm(workspace, { recursive: true }));

/** A separate project with only a package.json and the generated files. */
async function project(options: Omit<GenerateToOptions, 'out'>): Promise<{ out: string; files: readonly string[] }> {
  projects += 1;
  const out = join(workspace, `project-${projects}`, 'events');
  const { files } = await generateTo({ out, ...options });
  await writeFile(join(out, 'package.json'), '{"type":"module"}');
  return { out, files };
}

const shopProgram = (ending: '.ts' | '.js'): string => `
  import { createClient, isEvent } from './client${ending}';
  import { SUBPROTOCOL } from './protocol${ending}';
  import type { EventName } from './protocol${ending}';
  import { payloadValidators } from './validators.js';

  const url: string = (globalThis as unknown as { process: { argv: string[] } }).process.argv[2] ?? '';
  const client = createClient({ url });
  const orders = client.subscribe({ events: ['order_placed', 'order_shipped'], replay: { mode: 'warm' } });
  for await (const event of orders) {
    const name: 'order_placed' | 'order_shipped' = event.event;
    const tags: readonly string[] = event.payload.lines.map(({ tag }) => tag);
    const again: string = isEvent(event, 'order_placed') ? event.payload.id : 'shipped';
    const fits: boolean = payloadValidators.order_placed(event.payload);
    console.log(JSON.stringify({ SUBPROTOCOL, name, tags, again, fits, isReplay: event.isReplay }));
    if (name === 'order_shipped') break;
  }
  await client.close();

  export const names: readonly EventName[] = ['order_placed', 'order_shipped'];
  // @ts-expect-error: an event of another contract.
  names.includes('file_change');
  // @ts-expect-error: the member is named stream only in the stock contract; here it is named shop.
  export const publish = () => client.broadcast({ stream: 'main', event: 'order_placed', payload: { id: 'o1', lines: [] } });
`;

/** A server that has one order, and ships it. */
function shopkeeper(commandValidators: Readonly<Record<string, Validator>>) {
  const faults: unknown[] = [];
  const order = { id: 'o1', lines: [{ tag: 'book' }] };
  const at = { epoch: 'e1', sequenceId: 1 };
  const script = (connection: FakeConnection, command: Frame): void => {
    const validate = commandValidators[command.type];
    if (validate?.(command) !== true) faults.push(command, validate?.errors);
    const subscriptionId = command.data['subscriptionId'];
    if (command.type === 'unsubscribe')
      connection.reply(command, 'unsubscribed', { subscriptionIds: [subscriptionId] });
    if (command.type !== 'subscribe') return;
    const event = { subscriptionIds: [subscriptionId], stream: 'main', epoch: 'e1', payload: order };
    connection.reply(command, 'subscribed', { subscriptionId, stream: 'main', position: at, recovery: {} });
    connection.send('event', { ...event, isReplay: true, sequenceId: 1, event: 'order_placed' });
    connection.send('replay_complete', { subscriptionId, position: at });
    connection.send('event', { ...event, isReplay: false, sequenceId: 2, event: 'order_shipped' });
  };
  return { faults, script };
}

describe('a client for a contract of another project', () => {
  test('uses this contract, and sends nothing that it does not declare', async () => {
    const { out, files } = await project({ contract: SHOP_FILE, importEnding: '.ts' });
    expect(files).toEqual(expect.arrayContaining(['client.ts', 'runtime/feed.ts', 'types.ts', 'validators.js']));
    await writeFile(join(out, 'program.ts'), shopProgram('.ts'));
    const validators = await load(await readFile(join(out, 'validators.js'), 'utf8'));
    const { faults, script } = shopkeeper(validators['commandValidators'] as Readonly<Record<string, Validator>>);
    server = await startFakeServer({ subprotocol: 'shop.v2', script });
    const { code, output } = await run([process.execPath, 'program.ts', server.url], { cwd: out });
    const expected = { SUBPROTOCOL: 'shop.v2', tags: ['book'], fits: true };
    expect({
      code,
      lines: output
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    }).toEqual({
      code: 0,
      lines: [
        { ...expected, name: 'order_placed', again: 'o1', isReplay: true },
        { ...expected, name: 'order_shipped', again: 'shipped', isReplay: false },
      ],
    });
    expect(faults).toEqual([]);
    expect(server.connections[0]?.commands.map(({ type }) => type)).toContain('subscribe');
  });

  test.each(['.ts', '.js'] as const)(
    'compiles in an empty directory, with imports that end in %s',
    async (importEnding) => {
      const { out, files } = await project({ contract: SHOP_FILE, importEnding });
      await writeFile(join(out, 'program.ts'), shopProgram(importEnding));
      const sources = files.filter((file) => file.endsWith('.ts'));
      expect(await compile({ cwd: out, files: ['program.ts', ...sources], importEnding })).toBe('');
    },
  );

  test('contains no names of the stock contract, and names the command that regenerates it', async () => {
    const { out, files } = await project({ contract: SHOP_FILE });
    const generated = files.filter((file) => !/^(?:runtime|schemas)\//.test(file) && file !== 'contract.json');
    const texts = await Promise.all(generated.map((file) => readFile(join(out, file), 'utf8')));
    expect(texts.join('\n')).not.toMatch(
      /file_change|entity_|session_event|graph_update|tidemark\.v1|npm run generate/,
    );
    for (const text of texts) expect(text).toContain('// Generated from shop.yaml by `tidemark generate`. Do not edit');
  });
});

describe('the stock contract with one more event', () => {
  test('gives a client that has the event', async () => {
    const contract = join(workspace, 'own.yaml');
    await writeFile(contract, await withBuildFinished());
    const { out } = await project({ contract, importEnding: '.ts' });
    await writeFile(
      join(out, 'program.ts'),
      `import { createClient } from './client.ts';
      for await (const event of createClient({ url: 'ws://x/ws' }).subscribe({ events: ['build_finished', 'file_change'] })) {
        if (event.event === 'build_finished') {
          const ok: boolean = event.payload.ok;
          console.log(ok);
        } else {
          const path: string = event.payload.path;
          console.log(path);
        }
      }`,
    );
    expect(await compile({ cwd: out, files: ['program.ts'] })).toBe('');
  });
});

interface Yaml {
  readonly channels: Readonly<Record<string, { readonly messages: Record<string, unknown> }>>;
  readonly operations: Readonly<Record<string, { readonly messages: unknown[] }>>;
  readonly components: { readonly messages: Record<string, unknown>; readonly schemas: Record<string, unknown> };
}

/** A copy of every part of `file_change` under another name, with another payload. */
async function withBuildFinished(): Promise<string> {
  const text = await readFile(resolve(ROOT, 'asyncapi.yaml'), 'utf8');
  const { components, channels, operations, ...rest } = JSON.parse(
    JSON.stringify(parse(text, { merge: true })),
  ) as Yaml;
  const renamed = (value: unknown): unknown =>
    JSON.parse(
      JSON.stringify(value).replaceAll('FileChange', 'BuildFinished').replaceAll('file_change', 'build_finished'),
    );
  for (const name of ['FileChangeEvent', 'FileChangeEventMessage'])
    components.schemas[name.replace('FileChange', 'BuildFinished')] = renamed(components.schemas[name]);
  components.schemas['BuildFinishedPayload'] = {
    type: 'object',
    description: 'The end of a build.',
    additionalProperties: false,
    required: ['ok'],
    properties: { ok: { type: 'boolean', description: 'Whether it went well.' } },
  };
  const message = renamed(components.messages['file_change']) as Record<string, unknown>;
  const [example] = message['examples'] as { payload: { data: Record<string, unknown> } }[];
  if (example === undefined) throw new Error('file_change has no example');
  example.payload.data['payload'] = { ok: true };
  components.messages['build_finished'] = {
    ...message,
    examples: [example],
    'x-replay': { policy: 'latest' },
    'x-filterable': { sources: ['/source/name', '/source/principal'] },
  };
  Object.assign(channels['connection']?.messages ?? {}, {
    build_finished: { $ref: '#/components/messages/build_finished' },
  });
  operations['event']?.messages.unshift({ $ref: '#/channels/connection/messages/build_finished' });
  return stringify({ ...rest, components, channels, operations }, { aliasDuplicateObjects: false });
}

describe('a contract without parts that the client needs', () => {
  async function refusalOf(changes: Changes): Promise<string[]> {
    const contract = join(workspace, 'lacking.yaml');
    await writeFile(contract, shopWith(changes).text);
    const refused = generateTo({ contract, out: join(workspace, 'lacking') }).catch((error: unknown) => error);
    const error = await refused;
    if (!(error instanceof ContractError)) throw new Error('The contract was not refused.');
    return error.message.split('\n').map((line) => line.replace(`${workspace}/`, ''));
  }
  const schemas = '/components/schemas';

  test('is refused with the names of missing commands and pushes', async () => {
    const without = (name: string): Changes => ({
      [`/operations/${name}`]: undefined,
      [`/channels/connection/messages/${name}`]: undefined,
      [`/components/messages/${name}`]: undefined,
    });
    expect(
      await refusalOf({
        ...without('closing'),
        [`${schemas}/ClosingMessage`]: undefined,
        [`${schemas}/ClosingData`]: undefined,
      }),
    ).toEqual([
      expect.stringMatching(
        /^lacking\.yaml:\d+ client \/operations: lack closing, which the generated client needs\. Copy/,
      ),
    ]);
  });

  test('is refused with the line of a message that lacks a member', async () => {
    const reading = `${schemas}/HeartbeatData`;
    const [line, ...others] = await refusalOf({
      [`${reading}/properties/delivered`]: undefined,
      [`${reading}/required`]: ['positions'],
      '/components/messages/heartbeat/examples/0/payload/data/delivered': undefined,
    });
    expect(others).toEqual([]);
    expect(line).toMatch(
      /^lacking\.yaml:\d+ client \/components\/messages\/heartbeat\/payload: lacks \/data\/delivered, which the generated client needs\./,
    );
  });
});
