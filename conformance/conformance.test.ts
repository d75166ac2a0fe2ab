import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function suite(...args: readonly string[]): Promise<Ended> {
  const child = spawn(process.execPath, [path('main.ts'), ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString('utf8')));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString('utf8')));
  const [code] = (await once(child, 'close')) as [number];
  return { code, stdout, stderr };
}

let gateway: ChildProcess;
let url: string;

beforeAll(async () => {
  // Small limits, so that what happens at them can be seen within seconds.
  const limits = { heartbeatIntervalMs: 1000, sendQueueBytes: 65_536, sessionHistoryEvents: 50 };
  const options = JSON.stringify({ broadcast: 'on', limits });
  const child = spawn(process.execPath, [path('../src/testing/serve-gateway.ts'), options], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  gateway = child;
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  ({ url } = JSON.parse(line) as { url: string });
});

afterAll(() => {
  gateway.kill();
});

describe('the gateway', () => {
  test('is conformant', async () => {
    const { code, stdout } = await suite('run', '--url', url);
    expect(stdout).toMatch(/^conformant: /m);
    expect(code).toBe(0);
  }, 60_000);
});

describe('a run', () => {
  test('against an address where nobody answers ends with 5', async () => {
    const { code, stderr } = await suite('run', '--url', 'ws://127.0.0.1:1/ws');
    expect(stderr).toContain('ECONNREFUSED');
    expect(code).toBe(5);
  });
});
