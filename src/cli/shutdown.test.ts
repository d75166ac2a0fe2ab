/** How `serve` shuts down behind a load balancer: `/readyz` reports the shutdown first, and the port is closed last. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { CliRunner, wait } from '../testing/cli-process.ts';
import { RawClient } from '../testing/raw-client.ts';

const HOUR_MS = '600000';
let home: string;
let runner: CliRunner;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'tidemark-shutdown-'));
  await mkdir(join(home, 'shop'));
  runner = new CliRunner(home);
});
afterEach(() => runner.close());
afterAll(() => rm(home, { recursive: true }));

async function statusOf(url: string, path: string): Promise<number> {
  return (await fetch(new URL(path, url.replace('ws:', 'http:')))).status;
}

describe('at SIGTERM with --shutdown-delay', () => {
  test('/readyz answers 503 and everything else still works, until a second signal ends the process at once', async () => {
    const { cli, url } = await runner.serve(['--watch', 'shop', '--shutdown-delay', HOUR_MS]);
    expect(await statusOf(url, '/readyz')).toBe(200);
    cli.process.kill('SIGTERM');
    await vi.waitUntil(async () => (await statusOf(url, '/readyz')) === 503, wait);
    expect(await statusOf(url, '/healthz')).toBe(200);
    // The load balancer has not probed `/readyz` again yet, so it still sends this client here.
    const client = await RawClient.open(url);
    await client.call('subscribe', { events: ['file_change'], replay: { mode: 'none' } });
    await writeFile(join(home, 'shop', 'late.ts'), '');
    await client.find(({ type }) => type === 'event', 'the change of a file');
    expect(cli.stderr).not.toContain('draining;');
    cli.process.kill('SIGTERM');
    expect(await cli.ended).toBe(0);
    expect(cli.stderr).toContain('exiting immediately');
    client.close();
  });

  test('without clients, the port stays open for the delay, then the process ends', async () => {
    const { cli, url } = await runner.serve(['--shutdown-delay', '700']);
    const asked = performance.now();
    cli.process.kill('SIGTERM');
    const seen: number[] = [];
    await vi.waitUntil(async () => {
      const status = await statusOf(url, '/readyz').catch(() => 0);
      seen.push(status);
      return status === 0;
    }, wait);
    expect(await cli.ended).toBe(0);
    expect(performance.now() - asked).toBeGreaterThan(700);
    expect([...new Set(seen)].filter((each) => each !== 200)).toEqual([503, 0]);
  });

  test('a client receives `closing` after the delay', async () => {
    const { cli, url } = await runner.serve(['--shutdown-delay', '200']);
    const client = await RawClient.open(url);
    cli.process.kill('SIGTERM');
    expect(await client.closed).toMatchObject({ code: 4200 });
    expect(await cli.ended).toBe(0);
  });

  test('Ctrl-C does not wait', async () => {
    const { cli } = await runner.serve(['--shutdown-delay', HOUR_MS]);
    cli.process.kill('SIGINT');
    expect(await cli.ended).toBe(130);
  });
});

test('at SIGTERM the port closes at once by default', async () => {
  const { cli } = await runner.serve();
  cli.process.kill('SIGTERM');
  expect(await cli.ended).toBe(0);
  expect(cli.stderr).not.toContain('/readyz');
});
