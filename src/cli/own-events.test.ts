/** A new user's way from an empty directory to their own typed events, using only the command line. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { run } from '../../codegen/testing/compile.ts';
import { RedisProcess } from '../broker/testing/redis-process.ts';
import { CliRunner } from '../testing/cli-process.ts';
import { PATIENCE } from '../testing/rig.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const TSC = join(ROOT, 'node_modules/.bin/tsc');
const ACME = join(ROOT, 'examples/own-events/acme.yaml');

let home: string;
let runner: CliRunner;
let redis: RedisProcess;

const finish: CliRunner['finish'] = (...args) => runner.finish(...args);
/** The numbers of the lines for which the compiler reports an error. */
const faults = (output: string): readonly number[] =>
  [...output.matchAll(/\((\d+),\d+\): error/g)].map(([, line]) => Number(line));

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'tidemark-own-events-'));
  runner = new CliRunner(home);
  redis = await RedisProcess.start();
});
afterEach(() => runner.close());
afterAll(async () => {
  await redis.stop();
  await rm(home, { recursive: true });
});

const publish = (ok: unknown, target = 'web'): readonly string[] => [
  ...['broadcast', '--event', 'build_finished', '--payload', JSON.stringify({ target, ok })],
];

describe('in an empty directory', () => {
  test('a file of at most 15 lines and one command serve an event that all commands know', async () => {
    expect(await finish(['contract', 'init', 'events.yaml'])).toMatchObject({ code: 0 });
    const file = await readFile(join(home, 'events.yaml'), 'utf8');
    expect(file.trimEnd().split('\n').length).toBeLessThanOrEqual(15);
    expect(await finish(['contract', 'init', 'events.yaml'])).toMatchObject({ code: 2 });
    const { env, url } = await runner.serve(['--contract', 'events.yaml']);

    expect(await finish(publish('yes'), { env })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('payload_invalid: The value at /payload/ok must be boolean'),
    });
    const listening = runner.start(['listen', '--filter', 'targets=web', '--json', '--count', '2'], { env });
    await vi.waitFor(async () => {
      const health: unknown = await (await fetch(`${url.replace('ws:', 'http:')}/health`)).json();
      expect(health).toMatchObject({ subscriptions: { total: 1 } });
    }, PATIENCE);
    for (const target of ['web', 'api', 'web'])
      expect(await finish(publish(true, target), { env })).toMatchObject({ code: 0 });
    expect(await listening.ended).toBe(0);
    const seen = listening.lines.map((line) => JSON.parse(line) as { readonly sequenceId: number });
    expect(seen.map(({ sequenceId }) => sequenceId)).toEqual([1, 3]);

    const base = new URL('/', url.replace('ws:', 'http:'));
    expect(await (await fetch(new URL('docs', base))).text()).toContain('build_finished');
    expect((await finish(['broadcast', '--example', 'list'], { env })).stdout).toContain('build_finished');
    expect(await finish(['broadcast', '--example', 'build_finished'], { env })).toMatchObject({ code: 0 });
  });

  test('a gateway with the built form needs no code generation, and shares Redis with another gateway', async () => {
    expect(await finish(['contract', 'build', ACME, '--out', 'built', '--json'])).toMatchObject({ code: 0 });
    const shared = ['--redis', redis.url, '--contract', 'built'];
    const [first, second] = [await runner.serve(shared), await runner.serve(shared)];
    const listening = runner.start(['listen', '--event', 'build_finished', '--json', '--count', '1'], {
      env: second.env,
    });
    expect(await finish(publish(true), { env: first.env })).toMatchObject({ code: 0 });
    expect(await listening.ended).toBe(0);
    expect(JSON.parse(listening.lines[0] ?? '')).toMatchObject({ event: 'build_finished', payload: { target: 'web' } });
    expect((await finish(['status', '--json'], { env: second.env })).stdout).not.toContain('otherContracts');
  });

  test('a generated client narrows the type of the payload, and publishing in a host program is typed', async () => {
    await writeFile(join(home, 'package.json'), '{ "type": "module" }');
    expect(await finish(['generate', '--contract', ACME, '--out', 'client'])).toMatchObject({ code: 0 });
    expect(await finish(['contract', 'build', ACME, '--out', 'built'])).toMatchObject({ code: 0 });
    await writeFile(
      join(home, 'use.ts'),
      `import { createClient } from './client/client.js';
const client = createClient({ url: 'ws://127.0.0.1:1/ws' });
for await (const { payload } of client.subscribe({ events: ['build_finished'], filter: { targets: ['web'] } })) {
  const target: string = payload.target;
  const wrong: number = payload.target;
  console.log(target, wrong, payload.gone);
}
client.subscribe({ events: ['build_finished'], filter: { tragets: ['web'] } });
await client.broadcast({ stream: 'main', event: 'build_finished', payload: { target: 'web', ok: true } });
await client.broadcast({ stream: 'main', event: 'build_finished', payload: { target: 'web', ok: 'yes' } });
`,
    );
    await writeFile(
      join(home, 'host.ts'),
      `import { createGateway } from '${relative(home, join(ROOT, 'src/gateway.ts'))}';
import { contract } from './built/index.js';
const gateway = createGateway({ contract });
await gateway.publish('build_finished', { target: 'web', ok: true });
await gateway.publish('build_finished', { target: 'web', ok: 'yes' });
await gateway.publish('build_finished', { target: 'web' });
await gateway.publish('sync_status', { status: 'resting' });
await gateway.publish('some.other', { anything: 1 });
`,
    );
    const project = (file: string, more: object): Promise<void> =>
      writeFile(join(home, `${file}.json`), JSON.stringify({ include: [`${file}.ts`], ...more }));
    await project('use', { compilerOptions: { strict: true, module: 'nodenext', target: 'es2022', noEmit: true } });
    const typeRoots = [join(ROOT, 'node_modules/@types')];
    await project('host', { extends: join(ROOT, 'tsconfig.json'), compilerOptions: { typeRoots } });
    expect(faults((await run([TSC, '-p', 'use.json'], { cwd: home })).output)).toEqual([5, 6, 8, 10]);
    expect(faults((await run([TSC, '-p', 'host.json'], { cwd: home })).output)).toEqual([5, 6, 7]);
  });
});

describe('tidemark contract', () => {
  test('check names file, line, pointer and fix, and exits with 3', async () => {
    const wrong = (await readFile(ACME, 'utf8')).replace('[/payload/target]', '[/payload/tarhet]');
    await writeFile(join(home, 'wrong.yaml'), wrong);
    const text =
      'wrong.yaml:9 event-filterable /components/messages/build_finished/x-filterable/targets/0: /payload/tarhet does not exist in the payload: there is no tarhet. Did you mean target?';
    for (const argv of [
      ['contract', 'check', 'wrong.yaml'],
      ['serve', '--contract', 'wrong.yaml'],
    ])
      expect(await finish(argv)).toMatchObject({ code: 3, stderr: expect.stringContaining(text) });
    const json = await finish(['contract', 'check', 'wrong.yaml', '--json']);
    expect(json.code).toBe(3);
    expect(JSON.parse(json.stdout)).toMatchObject({ ok: false, findings: [{ line: 9, rule: 'event-filterable' }] });
    expect(await finish(['contract', 'check', 'gone.yaml'])).toMatchObject({ code: 2 });
    const config = await finish(['config', 'check', '--contract', 'wrong.yaml']);
    expect(config).toMatchObject({ code: 2, stderr: expect.stringContaining(text) });
  });

  test('show prints a table, and the merged contract as JSON and as YAML', async () => {
    expect((await finish(['contract', 'show', ACME])).stdout).toBe(
      'EVENT           PAYLOAD    FILTERS          REPLAY\n' +
        'build_finished  target ok  targets sources  latest-per-key (/payload/target)\n',
    );
    const json = JSON.parse((await finish(['contract', 'show', ACME, '--json'])).stdout) as object;
    expect(json).toMatchObject({
      asyncapi: '3.0.0',
      components: { messages: { build_finished: {}, file_change: {} } },
    });
    expect((await finish(['contract', 'show', ACME, '--yaml'])).stdout).toMatch(/^asyncapi: 3\.0\.0\n/);
  });

  test('check --watch checks again after every change', async () => {
    const file = join(home, 'watched.yaml');
    const valid = await readFile(ACME, 'utf8');
    await writeFile(file, valid);
    const watching = runner.start(['contract', 'check', 'watched.yaml', '--watch']);
    await vi.waitFor(() => expect(watching.stderr).toContain('watched.yaml is valid'), PATIENCE);
    await writeFile(file, valid.replace('required: [target, ok]', 'required: [target, gone]'));
    await vi.waitFor(() => expect(watching.stderr).toContain('requires gone'), PATIENCE);
    await writeFile(file, valid.replaceAll('build_finished', 'build_ended'));
    await vi.waitFor(() => expect(watching.stderr).toContain('Events: build_ended.'), PATIENCE);
  });

  test('check --watch checks again after a referenced file was fixed', async () => {
    await writeFile(join(home, 'payload.json'), '{"type": "object", "required": ["gone"], "properties": {}}');
    const events = 'components: { messages: { made: { summary: Made., payload: { $ref: ./payload.json } } } }';
    await writeFile(
      join(home, 'refers.yaml'),
      `asyncapi: 3.0.0\nx-extends: tidemark\ninfo: { title: R, version: 1.0.0 }\n${events}\n`,
    );
    const watching = runner.start(['contract', 'check', 'refers.yaml', '--watch']);
    await vi.waitFor(() => expect(watching.stderr).toContain('payload.json:1'), PATIENCE);
    await writeFile(join(home, 'payload.json'), '{"type": "object", "properties": {}}');
    await vi.waitFor(() => expect(watching.stderr).toContain('refers.yaml is valid'), PATIENCE);
  });

  test('serve takes the contract and the replay policies of its events from the configuration file or the environment', async () => {
    await writeFile(join(home, 'own.yaml'), `contract: ${ACME}\nport: 0\nreplay: { build_finished: log }\n`);
    expect(await finish(['config', 'check', '--config', 'own.yaml'])).toMatchObject({ code: 0 });
    await writeFile(join(home, 'bad.yaml'), `contract: ${ACME}\nreplay: { build_started: latest-per-key }\n`);
    expect(await finish(['config', 'check', '--config', 'bad.yaml'])).toMatchObject({ code: 2 });
    expect(await finish(['config', 'show', '--json'], { env: { TIDEMARK_CONTRACT: ACME } })).toMatchObject({
      stdout: expect.stringContaining(`{"key":"contract","value":"${ACME}","source":"TIDEMARK_CONTRACT"}`),
    });
    expect(await finish(['serve', '--contract', home])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('is not a built contract'),
    });
  });
});
