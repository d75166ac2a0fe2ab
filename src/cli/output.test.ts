/** What `serve` writes to stderr, and how it starts while Redis is unavailable. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { RedisProcess } from '../broker/testing/redis-process.ts';
import { CliRunner } from '../testing/cli-process.ts';
import type { CliProcess } from '../testing/cli-process.ts';
import { freePort } from '../testing/free-port.ts';
import { onCleanup } from '../testing/rig.ts';

const home = mkdtempSync(join(tmpdir(), 'tidemark-output-'));
const runner = new CliRunner(home);

afterEach(() => runner.close());
afterAll(() => rmSync(home, { recursive: true }));

/** Parses every line of stderr. Throws if a line is not JSON. */
function linesOf({ stderr }: { readonly stderr: string }): Readonly<Record<string, unknown>>[] {
  const lines = stderr.split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
}

describe('without a terminal', () => {
  const env = { TIDEMARK_LOG_FORMAT: 'auto' };

  test('everything that serve writes to stderr is a line of JSON', async () => {
    const cli = runner.start(['serve', '--port', '0', '--watch', '.', '--node-id', 'node-a'], { env });
    await cli.prints('tidemark serves');
    cli.process.kill('SIGTERM');
    expect(await cli.ended).toBe(0);
    const lines = linesOf(cli);
    expect(lines.find(({ msg }) => msg === 'tidemark serves')).toMatchObject({
      level: 30,
      nodeId: 'node-a',
      url: expect.stringMatching(/^ws:/),
      broker: 'memory',
      watching: [{ size: 0 }],
    });
    expect(lines.map(({ level, msg }) => `${String(level)} ${String(msg)}`)).toEqual([
      expect.stringMatching(/^40 auth: No credential is configured/),
      '30 tidemark serves',
      expect.stringMatching(/^30 SIGTERM: draining/),
    ]);
  });

  test('a failed start is reported as a line of JSON, with the usual exit code', async () => {
    const wrong = await runner.finish(['serve', '--port', 'seven'], { env });
    expect(wrong.code).toBe(2);
    expect(linesOf(wrong)).toMatchObject([{ level: 50, msg: expect.stringMatching(/^--port: `port` must be/) }]);
    const missing = await runner.finish(['serve', '--port', '0', '--watch', 'nowhere'], { env });
    expect(missing.code).toBe(2);
    expect(linesOf(missing).at(-1)).toMatchObject({ msg: expect.stringContaining('does not exist') });
  });

  test('--log-format text prints the same text as on a terminal', async () => {
    const cli = runner.start(['serve', '--port', '0', '--log-format', 'text'], { env });
    await cli.prints('tidemark serves\n');
    expect(cli.stderr).toContain('broker    memory');
  });
});

describe('while Redis is unavailable', () => {
  async function startOn(port: number, ...argv: readonly string[]): Promise<CliProcess> {
    const cli = runner.start(['serve', '--port', '0', '--json', ...argv], {
      env: { TIDEMARK_REDIS: `redis://127.0.0.1:${port}` },
    });
    await cli.prints('cannot be used: nothing listens at this address');
    return cli;
  }

  test('serve waits for Redis, and starts once Redis is reachable', async () => {
    const port = await freePort();
    const cli = await startOn(port);
    expect(cli.stderr).toContain('Trying again for 30 s (--redis-wait).');
    expect(cli.stdout).toBe('');
    const redis = await RedisProcess.start({ port });
    onCleanup(() => redis.stop());
    await cli.prints('tidemark serves');
    expect(cli.stderr).toContain('Redis can be reached.');
    expect(cli.stderr.split('Trying again')).toHaveLength(2);
  });

  test('serve gives up after the time limit, with the reason', async () => {
    const cli = await startOn(await freePort(), '--redis-wait', '300');
    expect(await cli.ended).toBe(1);
    expect(cli.stderr).toMatch(
      /The gateway cannot start: Redis at redis:\/\/127\.0\.0\.1:\d+ cannot be used: .*ECONNREFUSED.*\n$/,
    );
  });

  test('a signal ends the wait', async () => {
    const cli = await startOn(await freePort());
    cli.process.kill('SIGTERM');
    expect(await cli.ended).toBe(0);
  });

  test('after a wrong password, serve does not wait', async () => {
    const redis = await RedisProcess.start();
    onCleanup(() => redis.stop());
    const { code, stderr } = await runner.finish(['serve', '--port', '0'], {
      env: { TIDEMARK_REDIS: `redis://ana:wrong@127.0.0.1:${redis.port}` },
    });
    expect(code).toBe(1);
    expect(stderr).toContain('the user or the password is wrong');
    expect(stderr).not.toContain('Trying again');
  });
});
