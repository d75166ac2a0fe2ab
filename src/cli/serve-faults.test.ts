/** `tidemark serve` and `tidemark config` when a file, Redis or the reader of their output is missing or invalid. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { RedisProcess } from '../broker/testing/redis-process.ts';
import { CliRunner, wait } from '../testing/cli-process.ts';

let home: string;
let runner: CliRunner;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'tidemark-serve-faults-'));
  await mkdir(join(home, 'shop'));
  runner = new CliRunner(home);
});
afterEach(() => runner.close());
afterAll(() => rm(home, { recursive: true }));

describe('tidemark serve', () => {
  test('continues and drains after the reader of its log has ended', async () => {
    const { cli, env } = await runner.serve(['--log-level', 'debug']);
    cli.process.stderr?.destroy();
    const listener = runner.start(['listen'], { env });
    await listener.prints('listening');
    cli.process.kill('SIGTERM');
    expect(await cli.ended).toBe(0);
    await listener.prints('connection lost (4200');
  });

  test('exits immediately at the second signal, even if its broker does not answer', async () => {
    const redis = await RedisProcess.start();
    try {
      const { cli } = await runner.serve(['--redis', redis.url, '--watch', 'shop']);
      redis.freeze();
      cli.process.kill('SIGTERM');
      await cli.prints('signal again to exit immediately');
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
      await runner.untilSubscribed(env);
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
        stderr: expect.stringMatching(
          /audit log none\/audit\.ndjson cannot be written: no such file or directory, ENOENT/,
        ),
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
      ['redis://:can%40ary@localhost/2?prefix=a', 'redis://…@localhost/2?prefix=a'],
      ['redis://:can@ary@localhost', '(invalid)'],
      ['redis://ana:can/ary@localhost/2', '(invalid)'],
      ['ana:can/ary@localhost', '(invalid)'],
      ['redis://ana:canary', '(invalid)'],
    ] as const) {
      const { stdout, stderr } = await runner.finish(['config', 'show'], { env: { TIDEMARK_REDIS: url } });
      expect(stdout).toContain(`${shown} `);
      expect(`${stdout}${stderr}`).not.toMatch(/ary|:can/);
    }
  });
});
