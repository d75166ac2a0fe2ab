import { createServer as createTlsServer } from 'node:https';
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { exampleOf } from '../invariants/contract.ts';
import { sendJson, serveFailing } from '../testing/failing-server.ts';
import type { Behaviour } from '../testing/failing-server.ts';
import { servePython, suite } from '../testing/processes.ts';
import type { Ended } from '../testing/processes.ts';
import { member, textAt } from '../trace/json.ts';
import type { Json, JsonObject } from '../trace/json.ts';

/** A fifth of the usual waiting times is sufficient: the servers of this file answer at once or never. */
const QUICK = ['--time-scale', '0.2'];

async function against(behaviour: Behaviour, ...options: readonly string[]): Promise<Ended> {
  await using server = await serving(behaviour);
  return await suite('run', '--url', server.url, ...QUICK, ...options);
}

/** The tests run at the same time, because they mostly wait. So each stops its own server, with `await using`. */
async function serving(behaviour: Behaviour): Promise<AsyncDisposable & { readonly url: string }> {
  const server = await serveFailing(behaviour);
  return { url: server.url, [Symbol.asyncDispose]: () => server.stop() };
}

async function againstMutant(
  name: string,
  ...options: readonly string[]
): Promise<Ended & { readonly report: Report }> {
  const served = await servePython('--mutant', name, '--limit', 'heartbeatIntervalMs=1000');
  const file = join(mkdtempSync(join(tmpdir(), 'far-')), 'report.json');
  try {
    const ended = await suite('run', '--url', served.url, '--report', `json=${file}`, ...options);
    return { ...ended, report: JSON.parse(readFileSync(file, 'utf8')) as Report };
  } finally {
    await served.stop();
  }
}

interface Report {
  readonly checks: readonly { readonly id: string; readonly verdict: string; readonly reason?: string }[];
}

function verdicts({ checks }: Report, verdict: string): readonly string[] {
  return checks.filter((each) => each.verdict === verdict).map(({ id }) => id);
}

const WELCOME = exampleOf('welcome') as JsonObject;
const greet = (data: Json = member(WELCOME, 'data') ?? {}): Pick<Behaviour, 'onOpen'> => ({
  onOpen: (socket) => sendJson(socket, { type: 'welcome', data }),
});

describe.concurrent('a server that stops during a run', () => {
  test('is reported first, with the tape and the frame that stopped the server; that tape fails, and one line summarises all other checks', async () => {
    const { code, stdout, report } = await againstMutant(
      'deep-json-kills',
      '--only',
      'ping/*,subscribe/*',
      '--jobs',
      '1',
      '--exchanges',
      '0',
    );
    expect(code).toBe(3);
    expect(stdout.trimStart()).toMatch(
      /^! The server stopped: it accepts no more connections; the last frame sent to it was from ping\/too-deep: frame \d+ \(text \[\[\[/,
    );
    expect(verdicts(report, 'FAIL')).toEqual(['ping/too-deep']);
    expect(verdicts(report, 'INCONCLUSIVE')).toEqual([]);
    expect(verdicts(report, 'SKIPPED').length).toBeGreaterThan(40);
    expect(stdout).not.toContain('ECONNREFUSED');
    expect(stdout.split('\n').length).toBeLessThan(40);
    expect(stdout).toContain('the server stopped during ping/too-deep; not conformant: 1 failed');
  });

  test('is reported if it only hangs', async () => {
    const { code, stdout, report } = await againstMutant(
      'unknown-field-hangs',
      '--only',
      'ping/*,subscribe/*',
      '--jobs',
      '1',
      ...QUICK,
    );
    expect(code).toBe(3);
    expect(stdout).toMatch(/^! The server hangs: .* was from ping\/unknown-field: frame/m);
    expect(verdicts(report, 'FAIL')).toEqual(['ping/unknown-field']);
  });

  test('is reported when an HTTP request stops it', async () => {
    const { code, stdout, report } = await againstMutant(
      'explain-kills',
      '--jobs',
      '1',
      '--only',
      'ping/echo,post_explain/*',
    );
    expect(code).toBe(3);
    expect(stdout).toMatch(/^! The server stopped.* was from post_explain\/refused: frame \d+ \(http/m);
    expect(verdicts(report, 'FAIL')).toEqual(['post_explain/refused']);
  });

  test('and is restarted: each tape that was running is repeated alone; the tape that stops the server fails, the others count', async () => {
    using supervised = await superviseMutant('deep-json-kills');
    const file = join(mkdtempSync(join(tmpdir(), 'far-')), 'report.json');
    const { code, stdout } = await suite(
      'run',
      '--url',
      supervised.url,
      '--only',
      'ping/*',
      '--exchanges',
      '0',
      '--report',
      `json=${file}`,
    );
    const report = JSON.parse(readFileSync(file, 'utf8')) as Report;
    expect(stdout).toMatch(/^! The server stopped and was restarted; .* was from ping\/too-deep/m);
    expect(verdicts(report, 'FAIL')).toEqual(['ping/too-deep']);
    expect([...verdicts(report, 'INCONCLUSIVE'), ...verdicts(report, 'SKIPPED')]).toEqual([]);
    expect(verdicts(report, 'PASS').filter((id) => id.startsWith('ping/')).length).toBeGreaterThan(15);
    expect(code).toBe(3);
  });

  test('is not reported for a server that only breaks each connection when it gets a message', async () => {
    const { code, stdout } = await against(
      { ...greet(), onMessage: (_message, socket) => socket.cut() },
      '--only',
      'ping/*',
    );
    expect(code).toBe(3);
    expect(stdout).not.toContain('! The server');
    expect(stdout).toContain('the connection ends with no close frame after `ping`');
  });
});

/** Restarts the server on its port whenever it ends. */
async function superviseMutant(name: string): Promise<Disposable & { readonly url: string }> {
  const free = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => free.once('listening', resolve));
  const { port } = free.address() as AddressInfo;
  await new Promise((resolve) => free.close(resolve));
  const server = fileURLToPath(new URL('../servers/python', import.meta.url));
  // The loop also ends when this process ends.
  const command = `while kill -0 $PPID; do python3 '${server}' --port ${port} --broadcast --limit heartbeatIntervalMs=1000 --mutant ${name}; done`;
  const child = spawn('sh', ['-c', command], { stdio: ['ignore', 'pipe', 'ignore'], detached: true });
  await new Promise((resolve) => child.stdout.once('data', resolve));
  const stop = (): void => {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  };
  return { url: `ws://127.0.0.1:${port}/ws`, [Symbol.dispose]: stop };
}

describe.concurrent('a server without a valid welcome ends with 3 and CON-2:', () => {
  test('without any message', async () => {
    const { code, stdout } = await against({ onMessage: (message, socket) => sendJson(socket, message ?? null) });
    expect(code).toBe(3);
    expect(stdout).toContain('CON-2  `welcome` is the first message of a connection.');
    expect(stdout).toContain('no welcome within 1000 ms: nothing arrived');
    expect(stdout).toContain('npx tidemark conformance explain welcome');
    expect(stdout.split('\n').length).toBeLessThan(25);
  });

  test('another message first, and a connection that ends', async () => {
    const other = await against({ onOpen: (socket) => sendJson(socket, { hello: 'world' }) });
    expect([other.code, other.stdout]).toEqual([3, expect.stringContaining('the first message was {"hello":"world"}')]);
    const closing = await against({ onOpen: (socket) => socket.close(1011, 'no') });
    expect([closing.code, closing.stdout]).toEqual([
      3,
      expect.stringContaining('before the connection ended with 1011'),
    ]);
  });

  test('an invalid welcome, with all its faults at once', async () => {
    const { nodeId: _nodeId, limits, ...rest } = member(WELCOME, 'data') as JsonObject;
    const data = {
      ...rest,
      connectionId: '',
      heartbeatIntervalMs: 'often',
      principal: { kind: 'alien', id: 'x', scopes: 'all' },
      limits: { ...(limits as JsonObject), jsonDepth: -1 },
    };
    const { code, stdout } = await against(greet(data), '--report', 'json=/dev/null');
    expect(code).toBe(3);
    expect(stdout).toContain('the welcome does not match the contract (6 faults)');
    expect(stdout).not.toContain('expected does not');
    for (const fault of [
      '/data/nodeId: expected a value: the member is required, got nothing',
      '/data/connectionId: expected A ULID',
      '/data/heartbeatIntervalMs: expected integer, got "often"',
      '/data/principal/kind: expected one of ["anonymous","user","agent","api_key","service"], got "alien"',
      '/data/principal/scopes: expected array, got "all"',
      '/data/limits/jsonDepth: expected >= 0, got -1',
    ])
      expect(stdout).toContain(fault);
  });
});

describe.concurrent('an address without a gateway ends with 5 and advice:', () => {
  test('nobody listens', async () => {
    const { code, stderr } = await suite('run', '--url', 'ws://127.0.0.1:1/ws');
    expect([code, stderr]).toEqual([5, expect.stringContaining('Nothing listens on 127.0.0.1:1')]);
  });

  test('the upgrade is answered by a page', async () => {
    const { code, stderr } = await against({
      onUpgrade: (_request, socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello'),
    });
    expect([code, stderr]).toEqual([
      5,
      expect.stringContaining('answer the upgrade with 101 and the subprotocol tidemark.v1 (CON-1)'),
    ]);
  });

  test('the path is wrong', async () => {
    await using refusing = await serving({
      onUpgrade: (request, socket) =>
        socket.end(
          request.url === '/'
            ? 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: no\r\n\r\n'
            : 'HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n',
        ),
    });
    const wrong = await suite('run', '--url', refusing.url.replace('/ws', '/socket'), ...QUICK);
    expect([wrong.code, wrong.stderr]).toEqual([
      5,
      expect.stringContaining('Nothing at /socket accepts WebSocket connections'),
    ]);
  });

  test('a credential is needed', async () => {
    const { code, stderr } = await against({
      onUpgrade: (_request, socket) => socket.end('HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n'),
    });
    expect([code, stderr]).toEqual([5, expect.stringContaining('The suite needs a credential')]);
  });

  test('the port speaks TLS', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'far-'));
    const [key, cert] = [join(directory, 'key'), join(directory, 'cert')];
    execFileSync(
      'openssl',
      [
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        '-days',
        '1',
        '-subj',
        '/CN=localhost',
        '-keyout',
        key,
        '-out',
        cert,
      ],
      { stdio: 'ignore' },
    );
    const server = createTlsServer({ key: readFileSync(key), cert: readFileSync(cert) });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const { code, stderr } = await suite('run', '--url', `ws://127.0.0.1:${port}/ws`, ...QUICK);
    const secure = await suite('run', '--url', `wss://127.0.0.1:${port}/ws`, ...QUICK);
    server.close();
    expect([code, stderr]).toEqual([5, expect.stringContaining(`use wss://127.0.0.1:${port}/ws`)]);
    expect([secure.code, secure.stderr]).toEqual([5, expect.stringContaining('The certificate is not trusted')]);
  });

  test('connections are accepted, and the handshake is not answered', async () => {
    const { code, stderr } = await against({ onUpgrade: () => undefined });
    expect([code, stderr]).toEqual([5, expect.stringContaining('does not answer the WebSocket handshake')]);
  });
});

function idOf(message: Json | undefined): JsonObject {
  const id = textAt(message, 'id');
  return id === undefined ? {} : { id };
}

describe.concurrent('a server that answers only some commands', () => {
  const pong: Behaviour = {
    ...greet(),
    onMessage: (message, socket) => {
      if (textAt(message, 'type') === 'ping')
        sendJson(socket, { type: 'pong', ...idOf(message), data: { time: new Date().toISOString() } });
    },
  };

  test('and never answers subscribe: the causes are reported in order, and checks that need a subscription are skipped', async () => {
    const began = performance.now();
    const { code, stdout } = await against(pong);
    expect(code).toBe(3);
    expect(performance.now() - began).toBeLessThan(60_000);
    expect(stdout).toMatch(
      /^! The server never answers [^:]*`subscribe`[^:]*: \d+ checks that need these replies were skipped/m,
    );
    expect(stdout).toMatch(/^\d+ causes\. Fix the first 3 first/m);
    const causes = [...stdout.matchAll(/^\d+\. (.*) \(\d+ checks?\)$/gm)].map(([, text]) => text);
    expect(causes[0]).toBe('no reply to `subscribe`');
    expect(stdout.split('\n').length).toBeLessThan(250);
  });

  test('and accepts every upgrade: the report says what was wrong with the upgrade', async () => {
    const { stdout } = await against(pong, '--only', 'welcome/query-credential,welcome/foreign-host');
    expect(stdout).toMatch(/^1\. an upgrade is accepted that must be rejected \(2 checks\)$/m);
    expect(stdout).toContain('the server accepted the upgrade of alice with the header host: evil.example');
    const { stdout: other } = await against(pong, '--only', 'welcome/query-credential');
    expect(other).toContain('the server accepted the upgrade of alice with the query parameter token=abc');
    const { stdout: chosen } = await against(pong, '--only', 'welcome/subprotocol-unknown');
    expect(chosen).toMatch(/accepted the upgrade of alice with the subprotocols \[.*\], with an invalid response: /);
  });

  test('and sends an invalid reply: the report shows the clauses that the reply breaks, and no others', async () => {
    const wrong: Behaviour = {
      ...greet(),
      onMessage: (message, socket) => sendJson(socket, { type: 'pong', ...idOf(message), data: { time: 5 } }),
    };
    const { stdout } = await against(wrong, '--only', 'ping/echo');
    expect(stdout).toMatch(/^FAIL frames\/replies: .*\n  ENV-3 .*\n  pong: \/data\/time must be string \(ENV-3\)$/m);
  });

  test('still gets every check with --keep-going', async () => {
    const { stdout } = await against(
      pong,
      '--keep-going',
      '--only',
      'subscribe/defaults,subscribe/exists,unsubscribe/*',
    );
    expect(stdout).not.toContain('SKIPPED');
    expect(stdout).toMatch(/^1\. no reply to `subscribe` \(\d+ checks\)$/m);
  });
});
