/**
 * Runs the whole pack against the gateway, as a user would, with pack and gateway in separate processes. The gateway
 * must not crash, must handle every case as the contract requires, and must keep the neighbour's latency and its own
 * memory within bounds. Then runs the pack against a careless server, which must fail.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import type { CaseResult, Summary } from './run.ts';

const MAIN = fileURLToPath(new URL('../command/hostile-main.ts', import.meta.url));
const TIDEMARK = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const CARELESS = fileURLToPath(new URL('testing/careless-server.ts', import.meta.url));
/** This time limit is short, because the cases with slow handshakes wait until it is reached. */
const LIMITS = { handshakeTimeoutMs: 800 };
/**
 * Allowed growth of the gateway's heap: far less than one case sends, but more than garbage that has not been collected
 * yet.
 */
const HEAP_GROWTH_MIB = 128;
/** The neighbour's longest allowed wait. Measured waits: 70 ms on an idle machine, 600 ms with both cores busy with other processes. */
const MAX_LATENCY_MS = '2000';
const PACK_TIMEOUT_MS = 120_000;

const directory = mkdtempSync(join(tmpdir(), 'hostile-'));
const running: ChildProcess[] = [];

afterEach(async () => {
  for (const child of running.splice(0)) {
    if (child.exitCode !== null) continue;
    const gone = once(child, 'exit');
    child.kill('SIGTERM');
    await gone;
  }
});

afterAll(() => rmSync(directory, { recursive: true }));

interface Served {
  readonly url: string;
  readonly child: ChildProcess;
}

/** Starts a server that prints its address as a line of JSON. */
async function serve(...args: readonly string[]): Promise<Served> {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  running.push(child);
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString('utf8')));
  const lines = createInterface({ input: child.stdout });
  const line = await Promise.race([
    once(lines, 'line').then(([first]) => String(first)),
    once(child, 'exit').then(() => {
      throw new Error(`The server exited while it was starting: ${stderr}`);
    }),
  ]);
  return { url: (JSON.parse(line) as { url: string }).url, child };
}

function serveGateway(config: object): Promise<Served> {
  const file = join(directory, 'tidemark.json');
  writeFileSync(file, JSON.stringify({ broadcast: 'on', limits: LIMITS, logLevel: 'warn', ...config }));
  return serve(TIDEMARK, 'serve', '--json', '--port', '0', '--config', file);
}

interface Outcome {
  readonly exitCode: number | null;
  readonly lines: readonly string[];
  readonly stderr: string;
}

/** Runs the pack in its own process. */
async function hostile(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Outcome> {
  const child = spawn(process.execPath, [MAIN, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  const lines: string[] = [];
  let stderr = '';
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString('utf8')));
  await once(child, 'close');
  return { exitCode: child.exitCode, lines, stderr };
}

interface Report extends Outcome {
  readonly results: readonly CaseResult[];
  readonly summary: Summary;
  readonly red: readonly CaseResult[];
}

async function report(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Report> {
  const outcome = await hostile([...args, '--json'], env);
  const reports = outcome.lines.map((line) => JSON.parse(line) as { kind: string });
  const results = reports.filter(({ kind }) => kind === 'case') as unknown as CaseResult[];
  const summary = reports.at(-1) as unknown as Summary;
  return {
    ...outcome,
    results,
    summary,
    red: results.filter(({ verdict }) => verdict === 'fail' || verdict === 'warn'),
  };
}

function token(secret: string): string {
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: 'https://id.example', aud: 'tidemark', sub: 'ana', iat: now, exp: now + 600 };
  const scope = 'subscribe:* publish:* admin:read';
  const text = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode({ ...claims, scope })}`;
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
}

describe('the hostile pack', { timeout: PACK_TIMEOUT_MS }, () => {
  test('finds no fault in the gateway, and affects neither its neighbour nor its memory', async () => {
    const { url, child } = await serveGateway({});
    const { exitCode, stderr, summary, red } = await report(['--url', url, '--max-latency', MAX_LATENCY_MS]);
    console.log(JSON.stringify({ ...summary, kind: 'hostile pack' }));
    expect(red).toEqual([]);
    expect(summary).toMatchObject({ findings: [], neighbour: { connectionsLost: 0 } });
    expect(summary.neighbour.eventsReceived).toBe(summary.neighbour.eventsPublished);
    expect(summary.rows).toBeGreaterThanOrEqual(200);
    const { connectionsBefore, connectionsAfter, heapMiBBefore = 0, heapMiBAfter = Infinity } = summary.gateway;
    expect(connectionsAfter).toBe(connectionsBefore);
    expect(heapMiBAfter - heapMiBBefore).toBeLessThan(HEAP_GROWTH_MIB);
    expect(child.exitCode).toBeNull();
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  });

  test('finds no fault where credentials are required: no forged credential is accepted, and no credential is sent back', async () => {
    const secret = 'a-secret-of-more-than-thirty-two-bytes';
    const secretFile = join(directory, 'secret');
    writeFileSync(secretFile, secret, { mode: 0o600 });
    const issuer = { issuer: 'https://id.example', audience: 'tidemark', kind: 'user', algorithms: ['HS256'] };
    const { url } = await serveGateway({ auth: { issuers: [{ ...issuer, secretFile }] } });
    const only = ['--only', 'auth/*,commands/authenticate*,http/*,json/no*'];
    const { exitCode, summary, red } = await report(['--url', url, ...only], { TIDEMARK_TOKEN: token(secret) });
    expect(red).toEqual([]);
    expect(summary).toMatchObject({ findings: [], verdicts: { 'n/a': 0 } });
    expect(exitCode).toBe(0);
  });
});

describe('a careless server', { timeout: PACK_TIMEOUT_MS }, () => {
  const impatient = ['--patience', '400'];

  test('fails exactly the cases that test its faults', async () => {
    const { url } = await serve(CARELESS);
    const careless = [
      'frames/reserved-bits[rsv1]',
      'frames/unmasked-text',
      'frames/binary-rubbish',
      'frames/over-the-limit',
      'utf8/overlong[slash-2]',
      'close/without-code',
      'json/not-json[open]',
      'json/repeated-keys[type]',
      'json/proto-key[data]',
      'json/unknown-field',
      'json/bad-messages-close',
      'commands/bad-streams[sync-slash]',
      'handshake/foreign-origin[site]',
      'handshake/token-in-query[token]',
    ];
    const honest = ['frames/well-formed', 'frames/glued', 'handshake/as-it-should-be'];
    const { exitCode, red, results } = await report([
      ...['--url', url, '--only', [...careless, ...honest].join(',')],
      ...impatient,
    ]);
    expect(red.map(({ id }) => id).toSorted()).toEqual(careless.toSorted());
    expect(results).toHaveLength(careless.length + honest.length);
    expect(red.find(({ id }) => id === 'json/not-json[open]')?.findings.join()).toContain(
      'the server leaked a stack trace',
    );
    expect(exitCode).toBe(3);
  });

  test('fails when its neighbour receives an event that should have been refused', async () => {
    const { url } = await serve(CARELESS);
    const only = ['--only', 'json/proto-key-in-payload'];
    const { summary } = await report(['--url', url, ...only, ...impatient]);
    expect(summary.findings.join()).toContain('an event arrived that should have been refused');
  });

  test('fails when its neighbour receives an event of its own that was refused', async () => {
    const { url } = await serve(CARELESS, '--deny-at', '"payload":{"number":1}');
    const { summary } = await report(['--url', url, '--only', 'frames/reserved-bits', ...impatient]);
    expect(summary.findings.join()).toContain(`number 1 of the neighbour's own events, which the gateway refused`);
  });

  // The number identifies one of the neighbour's own events.
  test.each([
    ['refused', '--refuse-at', 0],
    ['lost with its connection', '--reset-at', 1],
  ])('is not reported to lose an event that was %s', async (_what, option, connectionsLost) => {
    const { url } = await serve(CARELESS, option, '"payload":{"number":1}');
    // The server fails these cases, and each failure takes the whole patience. Meanwhile the neighbour publishes more events.
    const { summary } = await report([
      '--url',
      url,
      '--only',
      'frames/reserved-bits,frames/unmasked-text',
      ...impatient,
    ]);
    expect(summary.neighbour).toMatchObject({ connectionsLost });
    expect(summary.neighbour.eventsPublished).toBeGreaterThan(0);
    expect(summary.neighbour.eventsReceived).toBe(summary.neighbour.eventsPublished);
    expect(summary.findings.filter((each) => each.includes('missed'))).toEqual([]);
  });

  test('is reported as crashed, with the case that crashed it', async () => {
    const { url } = await serve(CARELESS, '--die-at', 'u0079');
    const only = ['--only', 'json/no-id,json/repeated-keys,json/white-space'];
    const { exitCode, summary, red } = await report(['--url', url, ...only, ...impatient]);
    expect(red.at(-1)?.id).toBe('json/repeated-keys[escaped]');
    expect(red.at(-1)?.findings.join()).toContain('the gateway no longer replies to its neighbour');
    expect(summary.findings.join()).toContain('the gateway no longer accepts connections');
    expect(exitCode).toBe(3);
  });

  test('is reported as blocked', async () => {
    const { url } = await serve(CARELESS, '--block-at', 'constructor');
    const only = ['--only', 'frames/well-formed,commands/subscribe-prototype-ids[constructor]'];
    const { exitCode, summary } = await report(['--url', url, ...only]);
    expect(summary.findings.join()).toMatch(/the neighbour waited [1-9]\d{3}[.\d]* ms; --max-latency allows 1000 ms/);
    expect(exitCode).toBe(3);
  });
});

describe('the command', () => {
  test('exits with 5 when the server is unreachable', async () => {
    expect(await hostile(['--url', 'ws://127.0.0.1:1/ws'])).toMatchObject({ exitCode: 5, lines: [] });
  });

  test('lists the cases of the pack', async () => {
    const { lines, exitCode } = await hostile(['--list', '--only', 'frames/reserved-bits']);
    expect(lines).toEqual(['frames/reserved-bits  ERR-2  a reserved bit without a negotiated extension']);
    expect(exitCode).toBe(0);
  });

  test.each([
    ['no gateway', []],
    ['an address that is not a WebSocket', ['--url', 'http://127.0.0.1:7400']],
    ['a pattern that matches no case', ['--url', 'ws://127.0.0.1:7400', '--only', 'nothing/*']],
    ['an unknown option', ['--loud']],
  ])('exits with 2 for %s', async (_what, args) => {
    expect(await hostile(args)).toMatchObject({ exitCode: 2, lines: [] });
  });
});
