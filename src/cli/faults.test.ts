/** Commands with invalid values, commands against servers that are not gateways, and commands whose output pipe is closed. */
import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { RedisProcess } from '../broker/testing/redis-process.ts';
import { CliRunner, wait } from '../testing/cli-process.ts';

let home: string;
let runner: CliRunner;
const servers: Server[] = [];

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'tidemark-faults-'));
  await mkdir(join(home, 'shop'));
  runner = new CliRunner(home);
});
afterEach(async () => {
  await runner.close();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});
afterAll(() => rm(home, { recursive: true }));

/** Starts a server that is not a gateway. Returns the address at which a gateway would have its WebSocket. */
async function stranger(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/ws`;
}

async function someoneListens(env: Readonly<Record<string, string>>): Promise<void> {
  await vi.waitUntil(async () => {
    const { stdout } = await runner.finish(['status', '--json'], { env });
    return (JSON.parse(stdout) as { subscriptions: { total: number } }).subscriptions.total === 1;
  }, wait);
}

describe('a command', () => {
  test('reports that the address is not a gateway, for any response', async () => {
    for (const body of ['<html>', '{"status":"ok"}', 'null', '{"data":{"code":7}}']) {
      const url = await stranger((_request, response) => response.end(body));
      for (const command of [['status'], ['broadcast', '--example', 'custom']])
        expect(await runner.finish([...command, '--url', url])).toEqual({
          code: 1,
          stdout: '',
          stderr: expect.stringMatching(/^The response \(status 200\) does not come from a gateway\..*--url/),
        });
    }
  });

  test('escapes control characters of the server', async () => {
    const data = { code: 'internal', message: 'see\u001b]0;title\u0007', retryable: true };
    const url = await stranger((_request, response) => {
      response.writeHead(500).end(JSON.stringify({ type: 'error', data }));
    });
    const { stderr } = await runner.finish(['status', '--url', url]);
    expect(stderr).toBe('internal: see\\u001b]0;title\\u0007\n');
  });

  test('treats an incomplete response as no response', async () => {
    const url = await stranger((_request, response) => {
      response.writeHead(200, { 'content-length': '10' }).write('{');
      setTimeout(() => response.destroy(), 50);
    });
    expect(await runner.finish(['status', '--url', url])).toMatchObject({
      code: 5,
      stderr: expect.stringContaining('No gateway answers'),
    });
  });

  test('accepts the address of a gateway with or without its path, as WebSocket or HTTP', async () => {
    const { url } = await runner.serve();
    const { host } = new URL(url);
    for (const each of [`ws://${host}`, `http://${host}`, `http://${host}/ws`, `ws://${host}/ws/`]) {
      expect(await runner.finish(['status', '--url', each])).toMatchObject({ code: 0, stderr: '' });
      expect(await runner.finish(['listen', '--timeout', '0.2', '--url', each])).toMatchObject({ code: 0 });
    }
  });

  test('reports why it cannot reach a gateway', async () => {
    const { host } = new URL((await runner.serve()).url);
    const busy = JSON.stringify({
      type: 'error',
      data: { code: 'limit_exceeded', message: 'Full.', retryable: true },
    });
    const full = (await stranger((_request, response) => response.writeHead(503).end(busy))).replace('http', 'ws');
    const met = [
      ['status', `ws://${host}/nope`, 'status 404: the WebSocket has another path'],
      ['listen', `ws://${host}/nope`, 'status 404 Not Found: the WebSocket has another path'],
      ['listen', full, 'status 503 Service Unavailable: Full.'],
      ...(['status', 'listen'] as const).flatMap((command) => [
        [command, `wss://${host}/ws`, 'TLS failed: the port does not use TLS'] as const,
        [command, 'ws://gateway.invalid/ws', 'the host gateway.invalid is unknown'] as const,
        [command, 'ws://127.0.0.1:2/ws', 'connect ECONNREFUSED 127.0.0.1:2'] as const,
      ]),
    ] as const;
    for (const [command, url, text] of met)
      expect(await runner.finish([command, '--url', url])).toEqual({
        code: 5,
        stdout: '',
        stderr: expect.stringMatching(
          new RegExp(`^No gateway answers at ${url} \\(${text}.*\\)\\. Start one .*--url\\.\n$`),
        ),
      });
  });

  test('prints each default once in its help', async () => {
    for (const command of [['listen'], ['serve'], ['status'], ['token', 'create'], ['key', 'rotate']]) {
      const { stdout } = await runner.finish([...command, '--help']);
      expect(stdout).toContain('--help');
      expect(stdout).not.toMatch(/\(default:[^)]*\)\s*\(default|default: \[\]/);
    }
  });

  test('does not send or quote an invalid credential', async () => {
    await writeFile(join(home, 'two-lines'), 'abc\ncanary');
    await writeFile(join(home, 'empty'), '\n');
    for (const file of ['two-lines', 'empty'])
      for (const [command, flag] of [
        ['status', '--token-file'],
        ['listen', '--api-key-file'],
      ] as const) {
        const { code, stderr } = await runner.finish([command, flag, file]);
        expect({ code, stderr }).toEqual({
          code: 2,
          stderr: expect.stringContaining(`${file} contains no valid credential`),
        });
        expect(stderr).not.toContain('canary');
      }
    const variable = await runner.finish(['status'], { env: { TIDEMARK_TOKEN: 'a canary' } });
    expect(variable).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^TIDEMARK_TOKEN contains no valid credential/),
    });
  });

  test('rejects a credential in an address without quoting it, and names the alternatives', async () => {
    for (const command of ['status', 'listen'])
      for (const url of ['ws://127.0.0.1:2/ws?token=canary', 'ws://ana:canary@127.0.0.1:2/ws']) {
        const { code, stderr } = await runner.finish([command, '--url', url]);
        expect({ code, stderr }).toEqual({
          code: 2,
          stderr: expect.stringMatching(/^--url contains a credential.*--token-file.*TIDEMARK_TOKEN.*\n$/),
        });
        expect(stderr).not.toContain('canary');
      }
  });

  test('rejects an address without scheme, a duration beyond the limit of timers, and a missing file', async () => {
    const refused = [
      [['status', '--url', 'localhost:7400/ws'], 'is not a valid address; expected for example ws://'],
      [['listen', '--timeout', '3000000'], 'at most 2147483'],
      [['listen', '--resume', 'E1:9007199254740992'], 'Expected <epoch>:<sequenceId>'],
      [['listen', '--resume', 'E1:1', '--replay', 'none'], '--resume and --replay exclude each other'],
      [['listen', '--event', ''], "'--event <names>' argument '' is invalid. Expected at least one value."],
      [['listen', '--ext', ','], 'Expected at least one value.'],
      [['broadcast', '--event', 'x', '--payload', '{"a":1e400}'], '--payload is not JSON: A number is too large.'],
      [['broadcast', '--event', 'x', '--payload', '{"a":1,"a":2}'], 'The key "a" is repeated'],
      [['broadcast', '--event', 'x', '--payload', '{a:1}'], '--payload is not JSON: '],
      [['broadcast', '--example', 'custom', '--payload', '{}'], '--example sets the event and the payload'],
      [
        ['token', 'create', '--issuer', 'a', '--subject', 'ana b', '--scope', 'subscribe:*', '--secret-file', 's'],
        '--subject must be 1 to 200 printable ASCII characters without spaces',
      ],
      [['broadcast', '--event', 'x', '--payload', '@none.json'], '--payload @none.json cannot be read: ENOENT'],
      [['key', 'create', 'ci', '--file', 'k.json'], 'for example --scope subscribe:file_change@main\n'],
      [
        ['key', 'create', 'ci', '--scope', 'subscribe:*', '--expires', '99999999d', '--file', 'k.json'],
        'at most 36500d',
      ],
      [
        ['token', 'create', '--issuer', 'a', '--subject', 'b', '--secret-file', 's'],
        'for example --scope subscribe:file_change@main\n',
      ],
    ] as const;
    for (const [argv, text] of refused)
      expect(await runner.finish(argv)).toEqual({ code: 2, stdout: '', stderr: expect.stringContaining(text) });
  });
});

describe('tidemark key', () => {
  test('reports in one line which key storage cannot be read or written, and why', async () => {
    await writeFile(join(home, 'redis.yaml'), 'redis: redis://127.0.0.1:1\nauth: { apiKeys: redis }\n');
    await writeFile(join(home, 'wrong.yaml'), 'auth: { apiKeysFile: 5 }\n');
    await writeFile(join(home, 'none.json'), '{}');
    await writeFile(join(home, 'half.json'), '{"version":');
    const cases = [
      [
        ['--config', 'redis.yaml'],
        5,
        /^The API keys in Redis at redis:\/\/127\.0\.0\.1:1 cannot be used: .*ECONNREFUSED.*\n$/,
      ],
      [['--config', 'wrong.yaml'], 2, /^wrong\.yaml:1: `auth\.apiKeysFile` must be a string\.\n/],
      [['--file', 'half.json'], 2, /^The API keys in half\.json cannot be read: the file is not JSON\. \(.*\)\n$/],
      [['--file', 'shop'], 2, /^The API keys in shop cannot be read\. \(EISDIR.*\)\n$/],
      [
        ['--file', 'none.json'],
        2,
        /^The API keys in none\.json cannot be read: the file is not a key file of this version\.\n$/,
      ],
    ] as const;
    for (const [argv, code, text] of cases)
      expect(await runner.finish(['key', 'list', ...argv])).toEqual({
        code,
        stdout: '',
        stderr: expect.stringMatching(text),
      });
    expect(
      await runner.finish(['key', 'create', 'ci', '--scope', 'subscribe:*', '--file', 'none.json/k']),
    ).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^E.*none\.json'\n$/),
    });
  });

  test('reports the actual time of a revocation', async () => {
    const made = await runner.finish(['key', 'create', 'ci', '--scope', 'subscribe:*', '--file', 'k.json', '--json']);
    const { id } = JSON.parse(made.stdout) as { readonly id: string };
    const revoke = () => runner.finish(['key', 'revoke', id, '--file', 'k.json', '--json']);
    const first = await revoke();
    expect(await revoke()).toEqual(first);
  });
});

describe('tidemark serve', () => {
  test('continues and drains after the reader of its log has ended', async () => {
    const { cli, env } = await runner.serve(['--log-level', 'debug']);
    cli.process.stderr?.destroy();
    const listener = runner.start(['listen'], { env });
    await listener.says('listening');
    cli.process.kill('SIGTERM');
    expect(await cli.ended).toBe(0);
    await listener.says('connection lost (4200');
  });

  test('exits immediately at the second signal, even if its broker does not answer', async () => {
    const redis = await RedisProcess.start();
    try {
      const { cli } = await runner.serve(['--redis', redis.url, '--watch', 'shop']);
      redis.freeze();
      cli.process.kill('SIGTERM');
      await cli.says('signal again to exit immediately');
      const asked = performance.now();
      cli.process.kill('SIGTERM');
      await cli.ended;
      expect(cli.stderr).toContain('exiting immediately');
      // A command to Redis times out after 1 s. A shorter time shows that the exit did not wait for Redis.
      expect(performance.now() - asked).toBeLessThan(900);
    } finally {
      await redis.stop();
    }
  });

  test('reports on Redis that changes between two runs may have been missed (GAP-2)', async () => {
    const redis = await RedisProcess.start();
    try {
      const { env } = await runner.serve(['--redis', redis.url]);
      const listener = runner.start(['listen', '--event', 'file_change', '--json'], { env });
      await someoneListens(env);
      for (const life of [1, 2]) {
        const { cli } = await runner.serve(['--redis', redis.url, '--watch', 'shop']);
        const gaps = (): unknown[] => listener.lines.map((line) => JSON.parse(line) as unknown);
        await vi.waitUntil(() => gaps().length === life, wait);
        expect(gaps().at(-1)).toMatchObject({ kind: 'gap', reason: 'source_overflow', repair: { paths: [''] } });
        cli.process.kill('SIGTERM');
        await cli.ended;
      }
    } finally {
      await redis.stop();
    }
  });

  test('accepts the address on which it listens as host name (SEC-4)', async () => {
    const { url, env } = await runner.serve(['--host', '127.0.0.9']);
    expect(url).toContain('127.0.0.9');
    expect(await runner.finish(['status'], { env })).toMatchObject({ code: 0 });
    expect(await runner.finish(['listen', '--timeout', '0.2'], { env })).toMatchObject({ code: 0 });
  });

  test('has written every line of its audit log when it ends, and does not start if the log cannot be written', async () => {
    await writeFile(join(home, 'secret'), 'a secret of more than thirty-two bytes');
    await writeFile(
      join(home, 'auth.yaml'),
      'auth:\n  issuers:\n    - { issuer: ide, audience: tidemark, kind: agent, algorithms: [HS256], secretFile: secret }\n',
    );
    const { cli, env } = await runner.serve(['--config', 'auth.yaml', '--audit-file', 'audit.ndjson']);
    expect(await runner.finish(['listen'], { env: { ...env, TIDEMARK_TOKEN: 'wrong' } })).toMatchObject({ code: 4 });
    cli.process.kill('SIGTERM');
    await cli.ended;
    const text = await readFile(join(home, 'audit.ndjson'), 'utf8');
    expect(
      text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual([expect.objectContaining({ kind: 'authenticate', outcome: 'denied' })]);
    for (const command of [
      ['serve', '--port', '0'],
      ['config', 'check'],
    ])
      expect(await runner.finish([...command, '--audit-file', 'none/audit.ndjson'])).toMatchObject({
        code: 2,
        stderr: expect.stringMatching(/audit log none\/audit\.ndjson cannot be written: ENOENT/),
      });
  });
});

describe('tidemark config', () => {
  test('check reports a missing directory to watch', async () => {
    const { code, stderr } = await runner.finish(['config', 'check', '--watch', 'shop', '--watch', 'nowhere']);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^watch: \S+\/nowhere does not exist\.$/m);
    expect(stderr).not.toContain('shop cannot');
  });

  test('show hides whole passwords, also malformed ones', async () => {
    for (const [url, shown] of [
      ['redis://:can@ary@localhost', 'redis://…@localhost'],
      ['redis://ana:can/ary@localhost/2', 'redis://…@localhost/2'],
    ] as const) {
      const { stdout, stderr } = await runner.finish(['config', 'show'], { env: { TIDEMARK_REDIS: url } });
      expect(stdout).toContain(`${shown} `);
      expect(`${stdout}${stderr}`).not.toMatch(/ary@|:can/);
    }
  });
});

describe('tidemark listen', () => {
  test('reports once, and at its timeout, why the gateway cannot subscribe', async () => {
    const redis = await RedisProcess.start();
    try {
      const { env } = await runner.serve(['--redis', redis.url]);
      await redis.kill();
      const waits = 'the gateway: broker_unavailable: ';
      const listener = runner.start(['listen', '--stream', 'session:1'], { env });
      await listener.says(`waiting for ${waits}`);
      const { code, stderr } = await runner.finish(['listen', '--timeout', '3', '--count', '2'], { env });
      expect({ code, lines: stderr.trim().split('\n') }).toEqual({
        code: 5,
        lines: [
          expect.stringContaining(`waiting for ${waits}`),
          expect.stringMatching(/^Timed out before 2 events arrived, still waiting for the gateway: broker_unavail/),
        ],
      });
      await redis.launch();
      await listener.says('listening to * on session:1');
      expect(listener.stderr.split('waiting for')).toHaveLength(2);
    } finally {
      await redis.stop();
    }
  });

  test('exits with success when its reader has closed the pipe', async () => {
    const { env } = await runner.serve(['--watch', 'shop']);
    const listener = runner.start(['listen', '--json'], { env });
    await someoneListens(env);
    listener.process.stdout?.destroy();
    await writeFile(join(home, 'shop/a.ts'), '1');
    expect(await listener.ended).toBe(0);
    expect(listener.stderr).toBe('');
  });
});
