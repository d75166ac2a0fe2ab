/** Commands with invalid values, commands against servers that are not gateways, and commands whose output pipe is closed. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { WebSocketServer } from 'ws';
import contract from '../../generated/contract.json' with { type: 'json' };
import { SUBPROTOCOL } from '../../generated/protocol.ts';
import { RedisProcess } from '../broker/testing/redis-process.ts';
import { CliRunner } from '../testing/cli-process.ts';

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

  test('reports the status of a refusal that is too long for a gateway', async () => {
    const url = await stranger((_request, response) => {
      const chunk = Buffer.alloc(1024 * 1024, 'x');
      const write = (): void => {
        while (response.write(chunk));
      };
      response.on('drain', write);
      write();
    });
    expect(await runner.finish(['listen', '--url', url])).toMatchObject({
      code: 5,
      stderr: expect.stringContaining('(status 200 OK)'),
    });
  });

  test('reports the status of a refusal whose text never ends', async () => {
    const url = await stranger((_request, response) => void response.writeHead(503).write('{'));
    expect(await runner.finish(['listen', '--url', url])).toMatchObject({
      code: 5,
      stderr: expect.stringContaining('(status 503 Service Unavailable)'),
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

  test.each(
    [
      ['status', '--url', 'ftp://ana:canary@h/ws'],
      ['status', '--url', 'ws://ana:canary@h:99999/ws'],
      ['status', '--url', 'ws://ana:canary/ws'],
      ['listen', '--url', 'ana:canary@h'],
      ['listen', '--token=canary'],
      ['listen', "--access_token=can'canary"],
      ['listen', '--password=can canary'],
      ['send', 'ws://ana:can canary@h/ws'],
      ['breaking', '--against', 'ftp://ana:canary@h/asyncapi.yaml'],
      ['breaking', '--against', 'https://ana:canary@h:99999/asyncapi.yaml'],
      ['breaking', '--against', 'HEAD', '--contract', 'https://ana:canary@h/asyncapi.yaml'],
      ['contract', 'check', 'https://ana:canary@h/events.yaml'],
      ['mock', '--contract', 'https://h/events.yaml?token=canary'],
      ['serve', '--contract', 'https://ana:can/ary@h/events.yaml'],
      ['config', 'check', '--contract', 'https://ana:canary@h/events.yaml'],
      ['generate', '--out', 'out', '--contract', 'https://ana:canary@h/events.yaml'],
    ].map((argv) => [argv]),
  )('does not repeat a credential in a wrong argument: %j', async (argv) => {
    const { code, stdout, stderr } = await runner.finish(argv);
    expect(code).toBe(2);
    expect(stdout + stderr).not.toMatch(/canary|ary@/);
  });

  test('rejects an address without scheme, a duration beyond the limit of timers, and a missing file', async () => {
    const refused = [
      [['status', '--url', 'localhost:7400/ws'], 'is not a valid address; expected for example ws://'],
      [['listen', '--timeout', '3000000'], 'at most 2147483'],
      [['listen', '--resume', 'E1:9007199254740992'], 'Expected <epoch>:<sequenceId>'],
      [['listen', '--resume', 'E1:1', '--replay', 'none'], '--resume cannot be combined with --replay'],
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
      [
        ['broadcast', '--event', 'x', '--payload', '@none.json'],
        '--payload @none.json cannot be read: no such file or directory, ENOENT',
      ],
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
      [['--config', 'wrong.yaml'], 2, /^wrong\.yaml:1: `auth\.apiKeysFile` must be a non-empty string\.\n/],
      [['--file', 'half.json'], 2, /^The API keys in half\.json cannot be read: the file is not JSON\. \(.*\)\n$/],
      [['--file', 'shop'], 2, /^The API keys in shop cannot be read\. \(illegal operation on a directory, EISDIR\)\n$/],
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

describe('tidemark listen', () => {
  test('shows only the beginning of an error that is longer than any error of a gateway', async () => {
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0, handleProtocols: () => SUBPROTOCOL });
    try {
      server.on('connection', (socket) => {
        socket.send(JSON.stringify(contract.components.messages.welcome.examples[0]?.payload));
        socket.on('message', (data: Buffer) => {
          const { id } = JSON.parse(data.toString()) as { readonly id: string };
          const error = { code: 'invalid_message', message: 'a://'.repeat(250_000), retryable: false };
          socket.send(JSON.stringify({ type: 'error', id, data: error }));
        });
      });
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      const { code, stderr } = await runner.finish(['listen', '--url', `ws://127.0.0.1:${port}/ws`]);
      expect({ code, stderr }).toEqual({
        code: 2,
        stderr: expect.stringMatching(/^invalid_message: (?:a:\/\/){1000,1100}.{0,3}…\n$/),
      });
    } finally {
      server.close();
      for (const socket of server.clients) socket.terminate();
    }
  });

  test('reports once, and at its timeout, why the gateway cannot subscribe', async () => {
    const redis = await RedisProcess.start();
    try {
      const { env } = await runner.serve(['--redis', redis.url]);
      await redis.kill();
      const waits = 'the gateway: broker_unavailable: ';
      const listener = runner.start(['listen', '--stream', 'session:1'], { env });
      await listener.prints(`waiting for ${waits}`);
      const { code, stderr } = await runner.finish(['listen', '--timeout', '3', '--count', '2'], { env });
      expect({ code, lines: stderr.trim().split('\n') }).toEqual({
        code: 5,
        lines: [
          expect.stringContaining(`waiting for ${waits}`),
          expect.stringMatching(/^Timed out before 2 events arrived, still waiting for the gateway: broker_unavail/),
        ],
      });
      await redis.launch();
      await listener.prints('listening to * on session:1');
      expect(listener.stderr.split('waiting for')).toHaveLength(2);
    } finally {
      await redis.stop();
    }
  });

  test('exits with success when its reader has closed the pipe', async () => {
    const { env } = await runner.serve(['--watch', 'shop']);
    const listener = runner.start(['listen', '--json'], { env });
    await runner.untilSubscribed(env);
    listener.process.stdout?.destroy();
    await writeFile(join(home, 'shop/a.ts'), '1');
    expect(await listener.ended).toBe(0);
    expect(listener.stderr).toBe('');
  });
});
