import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { loadContract } from './contract.ts';
import { emitAll } from './emit.ts';
import { check, generateTo } from './generate.ts';

const ROOT = resolve(import.meta.dirname, '..');
const COPIED = ['asyncapi.yaml', 'package.json', 'codegen', 'generated', 'docs/reference'];
let copy: string;

beforeAll(async () => {
  copy = await mkdtemp(join(tmpdir(), 'tidemark-generate-'));
  for (const path of COPIED) await cp(resolve(ROOT, path), join(copy, path), { recursive: true });
  await symlink(resolve(ROOT, 'node_modules'), join(copy, 'node_modules'));
});
afterAll(() => rm(copy, { recursive: true }));

async function run(argv: readonly string[], cwd = copy): Promise<{ code: number | null; output: string }> {
  const [program = '', ...rest] = argv;
  const child = spawn(program, rest, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output };
}

const generate = (...argv: readonly string[]) => run([process.execPath, 'codegen/generate.ts', ...argv]);

describe('generation', () => {
  test('is deterministic to the byte', async () => {
    const [first, second] = await Promise.all(
      [1, 2].map(async () => emitAll((await loadContract(resolve(ROOT, 'asyncapi.yaml'))).contract)),
    );
    expect([...(first ?? [])]).toEqual([...(second ?? [])]);
  });

  test('agrees with what is committed', async () => {
    expect(await check({ contract: resolve(ROOT, 'asyncapi.yaml'), root: ROOT })).toEqual([]);
  });

  test('names every file that a change of the contract has left behind, and the command', async () => {
    const contract = join(copy, 'asyncapi.yaml');
    const before = await readFile(contract, 'utf8');
    await writeFile(
      contract,
      before.replace('sendQueueBytes: { default: 1048576', 'sendQueueBytes: { default: 2097152'),
    );
    const { code, output } = await generate('--check');
    expect(code).toBe(3);
    for (const path of ['generated/protocol.ts', 'generated/contract.json', 'docs/reference/index.html'])
      expect(output).toContain(`${path} differs from asyncapi.yaml.`);
    expect(output).toContain('Run `npm run generate`');
    await writeFile(contract, before);
  }, 30_000);

  test('finds a file that was edited, is missing, or is left over', async () => {
    const types = join(copy, 'generated/types.ts');
    await writeFile(types, `${await readFile(types, 'utf8')}\n`);
    await rm(join(copy, 'generated/handlers.ts'));
    await writeFile(join(copy, 'generated/schemas/Old.json'), '{}');
    expect(await check({ contract: join(copy, 'asyncapi.yaml'), root: copy })).toEqual([
      { path: 'generated/handlers.ts', state: 'missing' },
      { path: 'generated/types.ts', state: 'differs' },
      { path: 'generated/schemas/Old.json', state: 'left over' },
    ]);
    expect(await generate()).toMatchObject({ code: 0 });
    expect(await check({ contract: join(copy, 'asyncapi.yaml'), root: copy })).toEqual([]);
  }, 30_000);

  test('refuses a contract that breaks a rule, with file, line, rule and fix, and writes nothing', async () => {
    const contract = join(copy, 'asyncapi.yaml');
    const before = await readFile(contract, 'utf8');
    await writeFile(contract, before.replace('x-requirements: [SYN-1]', 'x-requirements: [SYN-9]'));
    const protocol = await readFile(join(copy, 'generated/protocol.ts'), 'utf8');
    const { code, output } = await generate();
    expect(code).toBe(3);
    expect(output).toMatch(/asyncapi\.yaml:\d+ \S+ \/\S+: .*SYN-9/);
    expect(await readFile(join(copy, 'generated/protocol.ts'), 'utf8')).toBe(protocol);
    await writeFile(contract, before);
  }, 30_000);
});

/** The contract of a team that wants an event of its own typed: ours, and what `file_change` has, once more. */
async function ownContract(): Promise<string> {
  const contract = JSON.parse(
    JSON.stringify(parse(await readFile(resolve(ROOT, 'asyncapi.yaml'), 'utf8'), { merge: true })),
  ) as OwnContract;
  const { messages, schemas } = contract.components;
  const own = (value: unknown): unknown =>
    JSON.parse(
      JSON.stringify(value).replaceAll('FileChange', 'BuildFinished').replaceAll('file_change', 'build_finished'),
    );
  for (const name of ['FileChangeEvent', 'FileChangeEventMessage'])
    schemas[name.replace('FileChange', 'BuildFinished')] = own(schemas[name]);
  schemas['BuildFinishedPayload'] = {
    type: 'object',
    description: 'The end of a build.',
    additionalProperties: false,
    required: ['ok'],
    properties: { ok: { type: 'boolean', description: 'Whether it went well.' } },
  };
  const reference = { $ref: '#/channels/connection/messages/build_finished' };
  const message = own(messages['file_change']) as Record<string, unknown>;
  const [example] = message['examples'] as { payload: { data: Record<string, unknown> } }[];
  if (example === undefined) throw new Error('file_change has no example');
  example.payload.data['payload'] = { ok: true };
  const filterable = { sources: ['/source/name', '/source/principal'] };
  messages['build_finished'] = {
    ...message,
    examples: [example],
    'x-replay': { policy: 'latest' },
    'x-filterable': filterable,
  };
  Object.assign(contract.channels['connection']?.messages ?? {}, {
    build_finished: { $ref: '#/components/messages/build_finished' },
  });
  contract.operations['event']?.messages.unshift(reference);
  const file = join(copy, 'own.yaml');
  await writeFile(file, stringify(contract, { aliasDuplicateObjects: false }));
  return file;
}

interface OwnContract {
  readonly channels: Readonly<Record<string, { readonly messages: Record<string, unknown> }>>;
  readonly operations: Readonly<Record<string, { readonly messages: unknown[] }>>;
  readonly components: { readonly messages: Record<string, unknown>; readonly schemas: Record<string, unknown> };
}

describe('a client for a contract of one’s own', () => {
  test.each(['.ts', '.js'] as const)(
    'is typed by its own events and compiles anywhere, with imports that end in %s',
    async (importEnding) => {
      const out = join(copy, `own${importEnding.slice(1)}`);
      const { files } = await generateTo({ contract: await ownContract(), out, importEnding });
      expect(files).toEqual(expect.arrayContaining(['client.ts', 'types.ts', 'validators.js']));
      const program = [
        `import { createClient } from './client${importEnding}';`,
        "for await (const event of createClient({ url: 'ws://x/ws' }).subscribe({ events: ['build_finished'] })) {",
        "  const name: 'build_finished' = event.event;",
        '  const ok: boolean = event.payload.ok;',
        '  console.log(name, ok);',
        '}',
        '',
      ];
      await writeFile(join(out, 'program.ts'), program.join('\n'));
      await writeFile(join(out, 'package.json'), '{"type":"module"}');
      const flags = [
        '--noEmit',
        '--strict',
        '--target',
        'es2024',
        '--lib',
        'es2024,dom',
        '--types',
        '',
        '--ignoreConfig',
      ];
      const resolution =
        importEnding === '.ts'
          ? ['--module', 'nodenext', '--allowImportingTsExtensions']
          : ['--module', 'esnext', '--moduleResolution', 'bundler'];
      const compiled = await run([resolve(ROOT, 'node_modules/.bin/tsc'), ...flags, ...resolution, 'program.ts'], out);
      expect(compiled).toEqual({ code: 0, output: '' });
    },
    30_000,
  );

  test('needs the commands that its runtime sends, and says which are missing', async () => {
    const generated = generateTo({ contract: resolve(ROOT, 'codegen/fixtures/shop.yaml'), out: join(copy, 'shop') });
    await expect(generated).rejects.toThrow(/shop\.yaml.* client-commands .*unsubscribe, list_subscriptions/);
  });
});

describe('the package of the client', () => {
  test('needs nothing at run time and has the version of the contract', async () => {
    const manifest = JSON.parse(await readFile(resolve(ROOT, 'generated/package.json'), 'utf8')) as Record<
      string,
      unknown
    >;
    const { contract } = await loadContract(resolve(ROOT, 'asyncapi.yaml'));
    expect(manifest).toMatchObject({ name: 'tidemark-client', version: contract.version, type: 'module' });
    expect(Object.keys(manifest).filter((key) => key.endsWith('ependencies'))).toEqual([]);
  });
});
