import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { BIN, CliRunner, wait } from '../testing/cli-process.ts';

let home: string;
let runner: CliRunner;
/** Several tests share a gateway, because they do not depend on what others published. */
let sharing: CliRunner;
/** The environment of commands for the shared gateway. */
let shared: Readonly<Record<string, string>>;

const start: CliRunner['start'] = (...args) => runner.start(...args);
const finish: CliRunner['finish'] = (...args) => runner.finish(...args);
const serve: CliRunner['serve'] = (...args) => runner.serve(...args);

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'tidemark-cli-'));
  await mkdir(join(home, 'shop/src'), { recursive: true });
  sharing = new CliRunner(home);
  runner = new CliRunner(home);
  ({ env: shared } = await sharing.serve());
});
afterEach(() => runner.close());
afterAll(async () => {
  await sharing.close();
  await rm(home, { recursive: true });
});

describe('tidemark serve', () => {
  test('reports its addresses, watched directories, broker and warnings', async () => {
    const { cli, url } = await serve(['--watch', 'shop']);
    await cli.prints('warning');
    expect(cli.stderr).toContain(`events    ${url}`);
    expect(cli.stderr).toMatch(/watching {2}\S+\/shop as shop \(1 files and directories\) on main/);
    expect(cli.stderr).toContain('broker    memory');
    expect(cli.stderr).toMatch(/warning: auth: No credential is configured/);
  });

  test('reports that it watches nothing, and how to watch a directory', async () => {
    const { cli } = await serve();
    await cli.prints('warning');
    expect(cli.stderr).toMatch(/watching {2}nothing; --watch <directory>/);
  });

  test('drains on SIGTERM and exits with 0, on Ctrl-C with 130', async () => {
    for (const [signal, code] of [
      ['SIGTERM', 0],
      ['SIGINT', 130],
    ] as const) {
      const { cli, env } = await serve();
      const listener = start(['listen'], { env });
      await listener.prints('listening');
      cli.process.kill(signal);
      expect(await cli.ended).toBe(code);
      await listener.prints('connection lost (4200');
    }
  });

  test('rejects an unsafe configuration with the setting, the reason and the fix', async () => {
    const { code, stdout, stderr } = await finish(['serve', '--host', '0.0.0.0', '--port', '0']);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^--host: `host` is 0\.0\.0\.0, and no credential is configured.*127\.0\.0\.1.*--insecure/);
  });

  test('reports what to do if the port is in use or a directory is missing', async () => {
    const { url } = await serve();
    const taken = await finish(['serve', '--port', new URL(url).port]);
    expect(taken).toMatchObject({ code: 1, stderr: expect.stringMatching(/is already in use.*--port 0/) });
    const missing = await finish(['serve', '--port', '0', '--watch', 'nowhere']);
    expect(missing).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^--watch: \S*nowhere does not exist\.$/m),
    });
  });

  test('fails if its Redis does not answer', async () => {
    const { code, stderr } = await finish([
      'serve',
      '--port',
      '0',
      '--redis-wait',
      '0',
      '--redis',
      'redis://127.0.0.1:1',
    ]);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^The gateway cannot start: .* redis:\/\/127\.0\.0\.1:1 cannot be used: .*ECONNREFUSED.*\n$/,
    );
  });

  test('leaves no child process behind when its shell is killed', async () => {
    const { cli } = await serve(['--watch', 'shop']);
    const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'ppid=,args=']);
    expect(stdout).toContain(BIN);
    expect(stdout.split('\n').filter((line) => line.trim().startsWith(`${cli.process.pid} `))).toEqual([]);
  });

  test('serves its console without a warning about experimental features of Node', async () => {
    const { cli, url } = await serve();
    const script = await fetch(new URL('/console/console.js', url.replace('ws', 'http')));
    expect(script.status).toBe(200);
    cli.process.kill('SIGTERM');
    await cli.ended;
    expect(cli.stderr).not.toContain('ExperimentalWarning');
  });
});

describe('tidemark broadcast', () => {
  test('publishes every example of the contract', async () => {
    const env = shared;
    const names = (await finish(['broadcast', '--example', 'list'])).stdout.trim().split('\n');
    expect(names).toEqual(expect.arrayContaining(['file_change', 'entity_created', 'session_event', 'custom']));
    for (const name of names) {
      expect(await finish(['broadcast', '--example', name, '--json'], { env })).toMatchObject({
        code: 0,
        stdout: expect.stringContaining('"duplicate":false'),
      });
    }
  });

  test('reads a payload from stdin, publishes once per idempotency key, and explains errors', async () => {
    const { env } = await serve();
    const keyed = ['broadcast', '--event', 'built', '--payload', '-', '--idempotency-key', 'k'];
    expect((await finish(keyed, { env, input: '{"ok":true}' })).stdout).toMatch(/^built is event 1 of main, epoch /);
    expect((await finish(keyed, { env, input: '{"ok":true}' })).stdout).toMatch(/event 1 .*published before/);
    const wrong = await finish(['broadcast', '--event', 'entity_created', '--payload', '{"id":"a"}'], { env });
    expect(wrong).toMatchObject({
      code: 2,
      stderr: 'payload_invalid: "entityType" is missing at /payload/entityType.\n',
    });
    expect(await finish(['broadcast', '--event', 'x', '--payload', '{'], { env })).toMatchObject({ code: 2 });
    expect(await finish(['broadcast'], { env })).toMatchObject({ code: 2 });
  });
});

describe('tidemark status', () => {
  test('shows the status as text and as JSON', async () => {
    const { env } = await serve();
    await finish(['broadcast', '--example', 'custom'], { env });
    const { code, stdout } = await finish(['status'], { env });
    expect(code).toBe(0);
    expect(stdout).toMatch(/status\s+ok[^]*broker\s+memory, connected[^]*main\s+#1 of .*, 1 in history/);
    expect(JSON.parse((await finish(['status', '--json'], { env })).stdout)).toMatchObject({ status: 'ok' });
    expect(await finish(['status', '--url', 'ws://127.0.0.1:1/ws'])).toMatchObject({ code: 5, stdout: '' });
  });
});

describe('tidemark config', () => {
  test('shows each value with its source, and hides secrets', async () => {
    await writeFile(join(home, 'own.yaml'), 'port: 7500\n');
    const env = { TIDEMARK_REDIS: 'redis://ana:secret@localhost', TIDEMARK_HOST: '127.0.0.2' };
    const { code, stdout } = await finish(['config', 'show', '--config', 'own.yaml', '--broadcast', 'on'], { env });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^host +127\.0\.0\.2 +TIDEMARK_HOST$/m);
    expect(stdout).toMatch(/^port +7500 +own\.yaml:1$/m);
    expect(stdout).toMatch(/^broadcast +on +--broadcast$/m);
    expect(stdout).toMatch(/^redis +redis:\/\/…@localhost +TIDEMARK_REDIS$/m);
    expect(stdout).not.toContain('secret');
  });

  test('checks without serving', async () => {
    await writeFile(join(home, 'wrong.yaml'), 'limits:\n  jsonDepth: 1\n');
    const wrong = await finish(['config', 'check', '--config', 'wrong.yaml']);
    expect(wrong).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('wrong.yaml:2: `limits.jsonDepth` must be'),
    });
    expect(await finish(['config', 'check'])).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('is valid'),
    });
    expect(await finish(['config', 'check', '--config', 'none.yaml'])).toMatchObject({ code: 2 });
  });

  test('reports how much memory the configuration can use at most', async () => {
    await writeFile(join(home, 'small.yaml'), 'limits: { connectionsPerNode: 100, historyBudgetBytes: 1048576 }\n');
    const { stdout } = await finish(['config', 'check', '--config', 'small.yaml']);
    expect(stdout).toMatch(/^history and newest events per key +1 {2}historyBudgetBytes$/m);
    expect(stdout).toMatch(/^received messages +25 {2}connectionsPerNode, inboundMessageBytes$/m);
    const json = await finish(['config', 'check', '--config', 'small.yaml', '--json']);
    const { memory } = JSON.parse(json.stdout) as {
      readonly memory: { readonly atMostBytes: number; readonly costs: readonly { readonly bytes: number }[] };
    };
    expect(memory.atMostBytes).toBe(memory.costs.reduce((sum, { bytes }) => sum + bytes, 0));
    expect(memory.costs).toContainEqual({ what: expect.any(String), bytes: 1_048_576, limits: ['historyBudgetBytes'] });
  });
});

describe('tidemark generate', () => {
  test('writes a client of the contract that is part of the package', async () => {
    const out = join(home, 'client');
    const { code, stdout } = await finish(['generate', '--out', out, '--json']);
    expect(code).toBe(0);
    const { files } = JSON.parse(stdout) as { readonly files: readonly string[] };
    expect(await readdir(out)).toEqual(expect.arrayContaining(['client.ts', 'types.ts', 'runtime']));
    expect(files).toContain('client.ts');
    expect(await readFile(join(out, 'types.ts'), 'utf8')).toContain('FileChangePayload');
    const wrong = await finish(['generate', '--contract', BIN, '--out', out]);
    expect(wrong.code).toBe(3);
  });
});

describe('tidemark', () => {
  test('prints its version and help, and rejects an unknown command', async () => {
    expect(await finish(['--version'])).toMatchObject({ code: 0, stdout: '1.0.0\n' });
    expect(await finish(['listen', '--help'])).toMatchObject({ code: 0, stdout: expect.stringContaining('--resume') });
    expect(await finish(['serv'])).toMatchObject({ code: 2, stderr: expect.stringContaining('Did you mean serve?') });
    expect(await finish(['serve', '--prot', '1'])).toMatchObject({ code: 2 });
  });

  test('prints help that fits into 80 columns', async () => {
    const { stdout } = await finish(['--help']);
    const commands = [...stdout.matchAll(/^ {2}([a-z]+) /gm)].flatMap(([, name]) => name ?? []);
    expect(commands).toEqual(expect.arrayContaining(['serve', 'mock', 'breaking']));
    const tooWide: string[] = [];
    for (const command of commands) {
      const help = await finish([command, '--help']);
      tooWide.push(...help.stdout.split('\n').filter((line) => line.length > 80));
    }
    expect(tooWide).toEqual([]);
  });
});

describe('tidemark key and tidemark token', () => {
  test('create credentials that a gateway accepts, and a revoked key loses its connection', async () => {
    await writeFile(join(home, 'secret'), 'a secret of more than thirty-two bytes');
    const auth = [
      'auth:',
      '  issuers:',
      '    - { issuer: ide, audience: tidemark, kind: agent, algorithms: [HS256], secretFile: secret }',
      '  apiKeysFile: keys.json',
      '',
    ];
    await writeFile(join(home, 'auth.yaml'), auth.join('\n'));
    const config = ['--config', 'auth.yaml'];
    const { env, cli } = await serve(config);
    expect(cli.stderr).not.toContain('warning: auth');
    for (const command of [
      ['listen', '--count', '1'],
      ['broadcast', '--example', 'custom'],
    ])
      expect(await finish(command, { env })).toMatchObject({
        code: 4,
        stderr: expect.stringMatching(
          /^unauthenticated: This gateway requires a credential\..*--token-file.*TIDEMARK_TOKEN/,
        ),
      });

    const claims = ['--issuer', 'ide', '--subject', 'refactor', '--scope', 'publish:built', '--scope', 'subscribe:*'];
    const token = (await finish(['token', 'create', ...claims, '--secret-file', 'secret'])).stdout.trim();
    const published = await finish(['broadcast', '--event', 'built', '--payload', '{}'], {
      env: { ...env, TIDEMARK_TOKEN: token },
    });
    expect(published.code).toBe(0);
    expect((await finish(['token', 'inspect'], { input: token })).stdout).toMatch(/subject +refactor[^]*publish:built/);

    const long = await finish(['token', 'create', ...claims, '--expires', '30d', '--secret-file', 'secret']);
    expect(long.stderr).toMatch(/^warning: .*`auth\.maxLifetimeSeconds`, 86400 by default.*2592000\.\n$/);
    expect(
      await finish(['broadcast', '--event', 'built', '--payload', '{}'], {
        env: { ...env, TIDEMARK_TOKEN: long.stdout.trim() },
      }),
    ).toMatchObject({ code: 4 });

    const made = await finish(['key', 'create', 'ci', '--scope', 'subscribe:built', '--json', ...config]);
    const { key, id } = JSON.parse(made.stdout) as { readonly key: string; readonly id: string };
    await vi.waitUntil(
      async () =>
        (await finish(['listen', '--event', 'built', '--count', '1'], { env: { ...env, TIDEMARK_API_KEY: key } }))
          .code === 0,
      wait,
    );
    const listener = start(['listen', '--event', 'built'], { env: { ...env, TIDEMARK_API_KEY: key } });
    await listener.prints('listening');
    expect((await finish(['key', 'list', ...config])).stdout).toMatch(new RegExp(`${id} +ci +live`));
    expect(await finish(['key', 'revoke', id, ...config])).toMatchObject({ code: 0 });
    expect(await listener.ended).toBe(4);
    expect(listener.stderr).toMatch(
      /The credential is no longer accepted \(4101\)\. Give a credential with --token-file.*\n$/,
    );
    expect(listener.stderr).not.toContain(key);
  });

  test('reject unsafe and useless values', async () => {
    await writeFile(join(home, 'short'), 'short');
    const claims = ['--issuer', 'ide', '--subject', 'x', '--scope', 'subscribe:*'];
    expect(await finish(['token', 'create', ...claims, '--secret-file', 'short'])).toMatchObject({ code: 2 });
    expect(await finish(['token', 'create', ...claims])).toMatchObject({ code: 2 });
    expect(await finish(['key', 'create', 'ci', '--scope', 'all', '--file', 'k.json'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('is not a scope'),
    });
    expect(await finish(['key', 'revoke', 'nobody', '--file', 'k.json'])).toMatchObject({ code: 2 });
    expect(await finish(['token', 'inspect'], { input: 'x' })).toMatchObject({ code: 2 });
  });
});
