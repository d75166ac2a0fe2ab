/** `tidemark top`, `explain` and `status` on a real gateway, as an operator uses them to find a client. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { PYTHON_PROGRAM } from '../../scripts/python.ts';
import { redisBroker } from '../broker/redis/redis-broker.ts';
import { RedisProcess } from '../broker/testing/redis-process.ts';
import type { Served } from '../testing/rig.ts';
import { PATIENCE, connect, serve } from '../testing/rig.ts';
import type { RawClient } from '../testing/raw-client.ts';
import { BIN, CliRunner, COMMAND_ENV } from '../testing/cli-process.ts';

const home = mkdtempSync(join(tmpdir(), 'tidemark-top-'));
const runner = new CliRunner(home);

afterEach(() => runner.close());
afterAll(() => rmSync(home, { recursive: true }));

interface Seen {
  readonly clients: number;
  readonly subscriptions: number;
  readonly slow: number;
  readonly directories: Readonly<Record<string, number>>;
  readonly rows: readonly Readonly<Record<string, unknown>>[];
}

async function subscribed(served: Served, data: Readonly<Record<string, unknown>>): Promise<RawClient> {
  const client = await connect(served.url);
  await client.call('subscribe', { replay: { mode: 'none' }, ...data });
  return client;
}

async function connectionOf(client: RawClient): Promise<string> {
  return String((await client.find(({ type }) => type === 'welcome')).data['connectionId']);
}

/** Creates a client that does not read, and publishes until the gateway marks the client as slow. */
async function slowClient(served: Served): Promise<RawClient> {
  const client = await subscribed(served, { events: ['big'] });
  client.ws.pause();
  for (let n = 0; served.gateway.health().backpressure.slow === 0; n += 1) {
    await served.gateway.publish('big', { n, text: 'x'.repeat(30_000) });
    await new Promise((resolve) => setImmediate(resolve));
  }
  return client;
}

/**
 * A Python program that runs a command on a terminal of 50 lines. It copies the output, forwards SIGTERM, and exits with the code of the
 * command.
 */
const ON_A_TERMINAL = `
import fcntl, os, pty, signal, struct, subprocess, sys, termios
master, slave = pty.openpty()
fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 250, 0, 0))
child = subprocess.Popen(sys.argv[1:], stdin=slave, stdout=slave, stderr=slave)
os.close(slave)
signal.signal(signal.SIGTERM, lambda *_: child.terminate())
try:
    while data := os.read(master, 65536):
        os.write(1, data)
except OSError:
    pass
code = child.wait()
sys.exit(code if code >= 0 else 128 - code)
`;

/** Limits large enough that the gateway does not disconnect the slow client during the test. */
const ROOMY = { sendQueueBytes: 4_194_304, sendQueueAgeMs: 600_000 };

describe('tidemark top', () => {
  test('lists the client with the longest queue first, and the paths with the most subscriptions', async () => {
    const served = await serve({ limits: ROOMY });
    const env = { TIDEMARK_URL: served.url };
    for (const paths of [['src'], ['src', 'docs'], ['src']])
      await subscribed(served, { events: ['file_change'], filter: { paths } });
    const slow = await connectionOf(await slowClient(served));
    const { code, stdout } = await runner.finish(['top', '--once', '--json'], { env });
    const seen = JSON.parse(stdout) as Seen;
    expect(code).toBe(0);
    expect(seen).toMatchObject({ clients: 4, subscriptions: 4, slow: 1, directories: { src: 3, docs: 1 } });
    expect(seen.rows[0]).toMatchObject({ connectionId: slow, slow: true, principal: 'anonymous', perSecond: null });
    expect(seen.rows[0]?.['queuedBytes']).toBeGreaterThan(100_000);
    const table = await runner.finish(['top', '--once', '--limit', '2'], { env });
    const lines = table.stdout.split('\n');
    expect(lines[0]).toMatch(/^4 clients with 4 subscriptions on 1 node; 1 slow, [\d.]+ (?:Ki|Mi)B queued/);
    expect(lines[1]).toBe('most subscribed paths: src (3), docs (1)');
    expect(lines[4]).toMatch(new RegExp(`^anonymous .* SLOW +${slow}$`));
    expect(lines[6]).toBe('… 2 more; a higher --limit shows them');
  });

  test('names no node while no client has a subscription', async () => {
    const { url } = await serve();
    const { stdout } = await runner.finish(['top', '--once'], { env: { TIDEMARK_URL: url } });
    expect(stdout).toMatch(/^0 clients with 0 subscriptions; 0 slow, .*\n\nNo client has a subscription\.\n$/);
  });

  test('names what was selected if it selects no subscription', async () => {
    const served = await serve();
    await subscribed(served, { events: ['*'] });
    const selection = ['--principal', 'user:ana', '--stream', 'session:s'];
    const { stdout } = await runner.finish(['top', '--once', ...selection], { env: { TIDEMARK_URL: served.url } });
    expect(stdout).toContain('\n\nThere is no subscription of user:ana to the stream session:s.\n');
  });

  test('sorts by the given key, and shows events per second from the second reading on', async () => {
    const served = await serve();
    const idle = await connectionOf(await subscribed(served, { events: ['other'] }));
    const busy = await connectionOf(await subscribed(served, { events: ['tick'] }));
    const cli = runner.start(['top', '--json', '--interval', '1', '--sort', 'rate'], {
      env: { TIDEMARK_URL: served.url },
    });
    await vi.waitUntil(() => cli.lines.length > 0, PATIENCE);
    for (let n = 0; n < 50; n += 1) await served.gateway.publish('tick', { n });
    const sawEvents = (line: string): boolean =>
      (JSON.parse(line) as Seen).rows.some((row) => Number(row['perSecond']) > 0);
    await vi.waitUntil(() => cli.lines.some(sawEvents), PATIENCE);
    const { rows } = JSON.parse(cli.lines.find(sawEvents) ?? '{}') as Seen;
    expect(rows.map((row) => row['connectionId'])).toEqual([busy, idle]);
    cli.process.kill('SIGINT');
    await cli.ended;
  });

  test('waits for a gateway that is briefly unavailable, and exits with 5 if none answers at first', async () => {
    const served = await serve();
    const env = { TIDEMARK_URL: served.url };
    const cli = runner.start(['top', '--json', '--interval', '1'], { env });
    await vi.waitUntil(() => cli.lines.length > 0, PATIENCE);
    await served.gateway.close({ drainMs: 0 });
    await cli.prints('Trying again.');
    const before = cli.lines.length;
    await serve({ port: served.port });
    await vi.waitUntil(() => cli.lines.length > before, PATIENCE);
    cli.process.kill('SIGINT');
    await cli.ended;
    const none = await runner.finish(['top', '--once', '--url', 'ws://127.0.0.1:9/ws']);
    expect([none.code, none.stdout]).toEqual([5, '']);
  });

  test('on a terminal shows a retry above the last table, and SIGTERM restores the terminal', async () => {
    const served = await serve();
    const client = await connectionOf(await subscribed(served, { events: ['tick'] }));
    const argv = [process.execPath, BIN, 'top', '--interval', '1', '--url', served.url];
    const terminal = spawn(PYTHON_PROGRAM, ['-c', ON_A_TERMINAL, ...argv], {
      cwd: home,
      env: COMMAND_ENV,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void terminal.kill('SIGTERM'));
    const ended = once(terminal, 'close');
    let shown = '';
    terminal.stdout.setEncoding('utf8').on('data', (chunk: string) => (shown += chunk));
    await vi.waitUntil(() => shown.includes(client), PATIENCE);
    const before = shown.length;
    await served.gateway.close({ drainMs: 0 });
    await vi.waitUntil(() => shown.slice(before).includes('Trying again.'), PATIENCE);
    await vi.waitUntil(() => shown.slice(shown.lastIndexOf('Trying again.')).includes(client), PATIENCE);
    terminal.kill('SIGTERM');
    expect(await ended).toEqual([130, null]);
    expect(shown.endsWith('\u001b[?25h\u001b[?1049l')).toBe(true);
  });

  test('refuses a sort key that does not exist', async () => {
    const { code, stderr } = await runner.finish(['top', '--sort', 'size']);
    expect(code).toBe(2);
    expect(stderr).toContain('queue, oldest, lag');
  });

  test('reads every page of the subscriptions', async () => {
    const served = await serve({ limits: { subscriptionsPerConnection: 2000, commandBurst: 5000 } });
    const client = await connect(served.url);
    for (let n = 0; n < 1100; n += 1) await client.call('subscribe', { events: [`e${n}`], replay: { mode: 'none' } });
    const { stdout } = await runner.finish(['top', '--once', '--json'], { env: { TIDEMARK_URL: served.url } });
    expect(JSON.parse(stdout)).toMatchObject({ clients: 1, subscriptions: 1100, rows: [{ subscriptions: 1100 }] });
  });
});

test('tidemark status names the slow clients', async () => {
  const served = await serve({ limits: ROOMY });
  const slow = await connectionOf(await slowClient(served));
  await subscribed(served, { events: ['other'] });
  const { code, stdout } = await runner.finish(['status'], { env: { TIDEMARK_URL: served.url } });
  expect(code).toBe(0);
  expect(stdout).toMatch(new RegExp(`slow clients\n +anonymous +.* queued, the oldest for .*connection ${slow}`));
  expect(stdout.match(/connection 0/g)).toHaveLength(1);
});

test('tidemark status names the slow clients of other nodes', async () => {
  const redis = await RedisProcess.start();
  onTestFinished(() => redis.stop());
  const [here, there] = [
    await serve({ broker: redisBroker({ url: redis.url }) }),
    await serve({ broker: redisBroker({ url: redis.url }), limits: ROOMY }),
  ];
  const slow = await connectionOf(await slowClient(there));
  const { stdout } = await runner.finish(['status'], { env: { TIDEMARK_URL: here.url } });
  expect(stdout).toMatch(new RegExp(`0 slow, .*slow clients\n.*connection ${slow}`, 's'));
});

describe('tidemark explain', () => {
  const change = { path: 'docs/a.md', root: 'shop', changeType: 'modify', fileType: 'file' };
  const words = ['explain', '--event', 'file_change', '--payload', JSON.stringify(change)];

  test('shows the clients that would receive an event, and why the others would not', async () => {
    const served = await serve();
    const receives = await connectionOf(await subscribed(served, { events: ['*'] }));
    const elsewhere = await connectionOf(await subscribed(served, { events: ['*'], stream: 'workspace:shop' }));
    const other = await connectionOf(await subscribed(served, { events: ['entity_*'] }));
    const filtered = await connectionOf(
      await subscribed(served, { subscriptionId: 'ts', events: ['file_change'], filter: { extensions: ['.ts'] } }),
    );
    const { code, stdout } = await runner.finish(words, { env: { TIDEMARK_URL: served.url } });
    expect(code).toBe(0);
    const lineOf = (connection: string): string => stdout.split('\n').find((line) => line.includes(connection)) ?? '';
    expect(lineOf(receives)).toMatch(/^receives +anonymous +127\.0\.0\.1/);
    expect(lineOf(elsewhere)).toContain('the subscription is for workspace:shop; the event is on main');
    expect(lineOf(other)).toContain('the subscription is for entity_*; the event is file_change');
    expect(lineOf(filtered)).toMatch(/^does not .* ts +the filter `extensions` is \.ts; the event has docs\/a\.md$/);
    expect(served.gateway.health().streams.find(({ stream }) => stream === 'main')?.position.sequenceId ?? 0).toBe(0);
  });

  test('shows only one principal on request, also as JSON', async () => {
    const served = await serve();
    await subscribed(served, { events: ['*'] });
    const env = { TIDEMARK_URL: served.url };
    const mine = await runner.finish([...words, '--principal', 'anonymous', '--json'], { env });
    expect(JSON.parse(mine.stdout)).toMatchObject({ matches: [{ subscriptionId: 's1' }], mismatches: [] });
    expect(JSON.parse(mine.stdout)).toMatchObject({ matchCount: 1, mismatchCount: 0 });
    const none = await runner.finish([...words, '--principal', 'user:ana', '--json'], { env });
    expect(JSON.parse(none.stdout)).toMatchObject({ matches: [], matchCount: 0, mismatches: [], mismatchCount: 0 });
    expect(none.stderr).toBe('');
    const nobody = await runner.finish([...words, '--principal', 'user:ana'], { env });
    expect(nobody.stdout).toBe('There is no subscription of user:ana.\n');
  });

  test('warns that the counts include all principals when not every subscription is listed', async () => {
    const served = await serve({ limits: { subscriptionsPerConnection: 2000, commandBurst: 5000 } });
    const client = await connect(served.url);
    for (let n = 0; n < 1001; n += 1) await client.call('subscribe', { events: ['*'], replay: { mode: 'none' } });
    const { stdout, stderr } = await runner.finish([...words, '--principal', 'user:ana', '--json'], {
      env: { TIDEMARK_URL: served.url },
    });
    expect(JSON.parse(stdout)).toMatchObject({ matches: [], matchCount: 1001 });
    expect(stderr).toContain('so matchCount and mismatchCount count the subscriptions of all principals');
    expect(stderr).toContain('1 more subscriptions are not listed');
    const text = await runner.finish([...words, '--principal', 'user:ana'], { env: { TIDEMARK_URL: served.url } });
    expect([text.stdout, text.stderr]).toEqual(['', expect.stringContaining('1 more subscriptions are not listed')]);
  });

  test('narrows to a connection', async () => {
    const served = await serve();
    const one = await connectionOf(await subscribed(served, { events: ['*'] }));
    await subscribed(served, { events: ['*'] });
    const env = { TIDEMARK_URL: served.url };
    const { stdout } = await runner.finish([...words, '--connection', one, '--json'], { env });
    expect(JSON.parse(stdout)).toMatchObject({ matches: [{ connectionId: one }], matchCount: 1, mismatchCount: 0 });
    const idle = await connectionOf(await connect(served.url));
    const none = await runner.finish([...words, '--connection', idle], { env });
    expect(none.stdout).toBe(`There is no subscription on the connection ${idle}.\n`);
  });

  test('names no client if none has a subscription', async () => {
    const { url } = await serve();
    const { stdout } = await runner.finish([...words, '--stream', 'workspace:w'], { env: { TIDEMARK_URL: url } });
    expect(stdout).toBe('No client has a subscription.\n');
  });

  test('refuses an event that could not be published, as broadcast does', async () => {
    const served = await serve();
    const { code, stderr } = await runner.finish(['explain', '--event', 'file_change', '--payload', '{}'], {
      env: { TIDEMARK_URL: served.url },
    });
    expect(code).toBe(2);
    expect(stderr).toContain('payload_invalid');
  });
});
