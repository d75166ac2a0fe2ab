/**
 * The whole pack against the gateway, each in a process of its own, as a user would run it: no crash, every case as the contract
 * says, the neighbour's latency and the gateway's memory within bounds.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CaseResult, Summary } from './run.ts';

const MAIN = new URL('main.ts', import.meta.url).pathname;
const TIDEMARK = new URL('../../src/cli/main.ts', import.meta.url).pathname;
/** A pack of slow handshakes waits for this limit; the shorter it is, the shorter the test. */
const LIMITS = { handshakeTimeoutMs: 800 };
const PACK_TIMEOUT_MS = 120_000;

interface Outcome {
  readonly exitCode: number | null;
  readonly lines: readonly string[];
  readonly stderr: string;
}

/** Runs the pack as its own program. */
async function hostile(...args: readonly string[]): Promise<Outcome> {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const lines: string[] = [];
  let stderr = '';
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString('utf8')));
  await once(child, 'close');
  return { exitCode: child.exitCode, lines, stderr };
}

describe('the hostile pack against the gateway', () => {
  const directory = mkdtempSync(join(tmpdir(), 'hostile-'));
  let gateway: ChildProcess;
  let url: string;

  beforeAll(async () => {
    const config = join(directory, 'tidemark.json');
    writeFileSync(config, JSON.stringify({ broadcast: 'on', limits: LIMITS, logLevel: 'warn' }));
    const child = spawn(process.execPath, [TIDEMARK, 'serve', '--json', '--port', '0', '--config', config], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    gateway = child;
    const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
    url = (JSON.parse(line) as { url: string }).url;
  });

  afterAll(async () => {
    const gone = once(gateway, 'exit');
    gateway.kill('SIGTERM');
    await gone;
    rmSync(directory, { recursive: true });
  });

  test('finds nothing, and neither neighbour nor memory feels it', { timeout: PACK_TIMEOUT_MS }, async () => {
    const { exitCode, lines, stderr } = await hostile('--url', url, '--json');
    const reports = lines.map((line) => JSON.parse(line) as { kind: string });
    const results = reports.filter(({ kind }) => kind === 'case') as unknown as CaseResult[];
    const summary = reports.at(-1) as unknown as Summary;
    console.log(JSON.stringify({ ...summary, kind: 'hostile pack' }));
    expect(results.filter(({ verdict }) => verdict === 'fail' || verdict === 'warn')).toEqual([]);
    expect(summary).toMatchObject({ findings: [], neighbour: { connectionsLost: 0 } });
    expect(summary.neighbour.eventsReceived).toBe(summary.neighbour.eventsPublished);
    expect(summary.gateway.connectionsAfter).toBe(summary.gateway.connectionsBefore);
    expect(gateway.exitCode).toBeNull();
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  });
});

describe('the command', () => {
  test('says when nobody answers', async () => {
    expect(await hostile('--url', 'ws://127.0.0.1:1/ws')).toMatchObject({ exitCode: 5, lines: [] });
  });

  test.each([
    ['no gateway', []],
    ['an address that is no WebSocket', ['--url', 'http://127.0.0.1:7400']],
    ['a pattern that nothing fits', ['--url', 'ws://127.0.0.1:7400', '--only', 'nothing/*']],
    ['an option that it does not have', ['--loud']],
  ])('refuses %s as a wrong use', async (_what, args) => {
    expect(await hostile(...args)).toMatchObject({ exitCode: 2, lines: [] });
  });
});
