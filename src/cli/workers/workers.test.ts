/** `serve --workers`: several processes that share one port, on a real Redis. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { ConnectionError, TidemarkError } from '../../../generated/client.ts';
import type { TidemarkClient } from '../../../generated/client.ts';
import type { Health, SubscriptionsPage } from '../../../generated/types.ts';
import { RedisProcess } from '../../broker/testing/redis-process.ts';
import { CliRunner, wait } from '../../testing/cli-process.ts';
import { RawClient } from '../../testing/raw-client.ts';
import { clientOf, collect } from '../../testing/rig.ts';
import { mergeMetrics } from './merged-metrics.ts';

let redis: RedisProcess;
let home: string;
let runner: CliRunner;
let prefixes = 0;

beforeAll(async () => {
  redis = await RedisProcess.start();
  home = mkdtempSync(join(tmpdir(), 'tidemark-workers-'));
  mkdirSync(join(home, 'shop'));
  runner = new CliRunner(home);
});
afterEach(() => runner.close());
afterAll(async () => {
  await redis.stop();
  rmSync(home, { recursive: true });
});

const serve = (...argv: readonly string[]) =>
  runner.serve(['--redis', `${redis.url}?prefix=w${(prefixes += 1)}`, '--broadcast', 'on', '--workers', '3', ...argv]);

const httpOf = (url: string, path: string): string => new URL(path, url.replace('ws:', 'http:')).href;

/** Reads a path over a new connection, because a reused connection would always reach the same worker. */
async function read(url: string, path: string): Promise<string> {
  // A worker may be killed just after it has received this connection. Then no process answers, so the request needs a time limit.
  const signal = AbortSignal.timeout(5000);
  return (await fetch(httpOf(url, path), { headers: { connection: 'close' }, signal })).text();
}

async function healthOf(url: string): Promise<Health> {
  return JSON.parse(await read(url, '/ws/health')) as Health;
}

/** Sends requests one after another, and returns the ids of the nodes that answered. */
async function nodesOf(url: string): Promise<ReadonlySet<string>> {
  const nodes = new Set<string>();
  for (let request = 0; request < 12; request += 1) {
    const health = await healthOf(url).catch(() => undefined);
    if (health !== undefined) nodes.add(health.nodeId);
  }
  return nodes;
}

describe('serve --workers', () => {
  test('shares one port among nodes of one Redis: each event reaches the clients of all', async () => {
    const { cli, url } = await serve();
    expect(JSON.parse(cli.lines[0] ?? '{}')).toMatchObject({ workers: 3, pid: cli.process.pid });
    expect((await nodesOf(url)).size).toBe(3);
    const clients = await Promise.all(Array.from({ length: 6 }, () => RawClient.open(url)));
    for (const client of clients) await client.call('subscribe', { events: ['tick'], replay: { mode: 'none' } });
    await clients[0]?.call('broadcast', { event: 'tick', payload: { n: 1 } });
    for (const client of clients) {
      const event = await client.find(({ type }) => type === 'event', 'the event');
      expect(event.data).toMatchObject({ sequenceId: 1, payload: { n: 1 } });
    }
    // Every worker lists the subscriptions of all workers.
    const page = JSON.parse(await read(url, '/ws/subscriptions')) as SubscriptionsPage;
    const perNode = Map.groupBy(page.items, ({ nodeId }) => nodeId);
    expect(page.total).toBe(6);
    expect(perNode.size).toBeGreaterThan(1);
    for (const client of clients) client.close();
  });

  test('answers a scrape with the metrics of all workers', async () => {
    const { url } = await serve();
    const clients = await Promise.all(Array.from({ length: 6 }, () => RawClient.open(url)));
    const text = await read(url, '/metrics');
    const open = [...text.matchAll(/^tidemark_connections\{worker="(\d)"\} (\d)$/gm)];
    expect(open.map(([, worker]) => worker)).toEqual(['1', '2', '3']);
    expect(open.reduce((sum, [, , count]) => sum + Number(count), 0)).toBe(6);
    expect(text.match(/^# TYPE tidemark_connections gauge$/gm)).toHaveLength(1);
    for (const client of clients) client.close();
  });

  test('watches directories in one worker: each change is one event', async () => {
    const { url } = await serve('--watch', 'shop');
    const subscription = clientOf(url).subscribe({ events: ['file_change'], replay: { mode: 'none' } });
    const events = collect(subscription);
    await subscription.ready;
    for (const name of ['a.ts', 'b.ts', 'c.ts']) writeFileSync(join(home, 'shop', name), name);
    await vi.waitUntil(() => events.some(({ payload }) => payload.path === 'c.ts'), wait);
    const created = events.filter(({ payload }) => payload.changeType === 'create').map(({ payload }) => payload.path);
    expect(created).toEqual(['a.ts', 'b.ts', 'c.ts']);
  });

  test('restarts a worker that ends unexpectedly, and its clients resume without loss', async () => {
    const { cli, url } = await serve();
    const subscription = clientOf(url).subscribe({ events: ['tick'], replay: { mode: 'none' } });
    const events = collect(subscription);
    await subscription.ready;
    const publisher = clientOf(url);
    await publisher.broadcast({ event: 'tick', payload: { n: 0 } });
    await vi.waitUntil(() => events.length === 1, wait);
    // Kill the workers one after another: a node that starts alone would first wait until the leases of the other nodes expire.
    for (const [index, pid] of workersOf(cli.process.pid).entries()) {
      process.kill(pid, 'SIGKILL');
      await cli.prints(`worker ${index + 1} ended unexpectedly`);
      await vi.waitUntil(async () => (await nodesOf(url)).size === 3, wait);
    }
    for (let n = 1; n <= 10; n += 1) await publishSurely(publisher, n);
    await vi.waitUntil(() => events.length === 11, wait);
    expect(events.map(({ payload }) => payload['n'])).toEqual(Array.from({ length: 11 }, (_, n) => n));
  });

  test('restarts the workers one by one at SIGHUP, with nothing lost for clients under load', async () => {
    const { cli, url } = await serve('--watch', 'shop');
    const before = new Set(workersOf(cli.process.pid));
    const subscription = clientOf(url).subscribe({ events: ['tick'], replay: { mode: 'none' } });
    const events = collect(subscription);
    await subscription.ready;
    const publisher = clientOf(url);
    cli.process.kill('SIGHUP');
    let sent = 0;
    for (; !cli.stderr.includes('worker 3 restarted'); sent += 1) await publishSurely(publisher, sent);
    await vi.waitUntil(() => events.length >= sent, wait);
    expect(events.map(({ payload }) => payload['n'])).toEqual(Array.from({ length: sent }, (_, n) => n));
    expect(workersOf(cli.process.pid).filter((pid) => before.has(pid))).toEqual([]);
    // The new worker watches the directories: a change after the restart is published.
    const files = clientOf(url).subscribe({ events: ['file_change'], replay: { mode: 'none' } });
    const changes = collect(files);
    await files.ready;
    let number = 0;
    await vi.waitUntil(() => {
      writeFileSync(join(home, 'shop', 'later.ts'), String((number += 1)));
      return changes.length > 0;
    }, wait);
  });

  test('restarts a worker once when SIGHUP arrives before its restart after a crash', async () => {
    const { cli, url } = await serve('--watch', 'shop');
    const [first = 0] = workersOf(cli.process.pid);
    process.kill(first, 'SIGKILL');
    await cli.prints('worker 1 ended unexpectedly');
    cli.process.kill('SIGHUP');
    await cli.prints('worker 3 restarted');
    expect(workersOf(cli.process.pid)).toHaveLength(3);
    const subscription = clientOf(url).subscribe({ events: ['file_change'], replay: { mode: 'none' } });
    const events = collect(subscription);
    await subscription.ready;
    await vi.waitUntil(() => {
      writeFileSync(join(home, 'shop', `until-${events.length}.ts`), '');
      return events.some(({ payload }) => payload.path.startsWith('until-'));
    }, wait);
    writeFileSync(join(home, 'shop', 'last.ts'), '');
    await vi.waitUntil(() => events.some(({ payload }) => payload.path === 'last.ts'), wait);
    const created = events.filter(({ payload }) => payload.changeType === 'create').map(({ payload }) => payload.path);
    expect(created).toEqual([...new Set(created)]);
  });

  test('tells clients of the shutdown when the primary process is killed', async () => {
    const { cli, url } = await serve();
    const client = await RawClient.open(url);
    const workers = workersOf(cli.process.pid);
    cli.process.kill('SIGKILL');
    const closing = await client.find(({ type }) => type === 'closing', 'closing');
    expect(closing.data).toMatchObject({ name: 'shutdown' });
    client.close();
    await vi.waitUntil(() => workers.every((pid) => !existsSync(`/proc/${pid}`)), wait);
  });

  test('answers scrapes while workers are killed', async () => {
    const { cli, url } = await serve();
    const scrapes: Promise<string>[] = [];
    for (const pid of workersOf(cli.process.pid).slice(1)) {
      process.kill(pid, 'SIGKILL');
      for (let scrape = 0; scrape < 10; scrape += 1) scrapes.push(read(url, '/metrics').catch(() => ''));
    }
    await Promise.all(scrapes);
    await vi.waitUntil(async () => (await nodesOf(url)).size === 3, wait);
    expect(cli.process.exitCode).toBeNull();
    expect(cli.stderr).not.toContain('Unknown variable');
  });

  test('drains all workers at SIGTERM, and ends with 0', async () => {
    const { cli, url } = await serve();
    const client = await RawClient.open(url);
    cli.process.kill('SIGTERM');
    const closing = await client.find(({ type }) => type === 'closing', 'closing');
    expect(closing.data).toMatchObject({ name: 'shutdown' });
    client.close();
    expect(await cli.ended).toBe(0);
    expect(cli.stderr.match(/SIGTERM: draining/g)).toHaveLength(3);
    expect(cli.stderr).not.toContain('exiting immediately');
  });

  test('reports the reason once and ends when the first worker cannot serve', async () => {
    const { url } = await serve();
    const { port } = new URL(url);
    const argv = ['--redis', `${redis.url}?prefix=other`, '--workers', '3', '--port', port];
    const { code, stderr } = await runner.finish(['serve', ...argv]);
    expect(stderr.match(/is already in use/g)).toHaveLength(1);
    expect(code).toBe(1);
  });

  test('needs Redis', async () => {
    const { code, stderr } = await runner.finish(['serve', '--workers', '2']);
    expect(stderr).toContain('--workers: `workers` is 2, and several workers can only share events through Redis');
    expect(code).toBe(2);
  });
});

/** Publishes an event exactly once, even if the node to which the client is connected is killed. */
async function publishSurely(client: TidemarkClient, n: number): Promise<void> {
  for (;;) {
    try {
      await client.broadcast({ event: 'tick', payload: { n }, idempotencyKey: `n${n}` });
      return;
    } catch (error) {
      if (error instanceof ConnectionError) continue;
      if (!(error instanceof TidemarkError) || !error.retryable) throw error;
      await delay(error.retryAfterMs ?? 10);
    }
  }
}

/** Process ids of the children of a process, from /proc (proc(5)). */
function workersOf(pid: number | undefined): readonly number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return text === '' ? [] : text.split(' ').map(Number);
}

describe('merged metrics', () => {
  test('have each family once, and each sample with its worker', () => {
    const of = (n: number): string =>
      [
        '# HELP a_total How many.',
        '# TYPE a_total counter',
        `a_total ${n}`,
        `a_total{code="x y",} ${n}`,
        '# HELP b Size.',
        '# TYPE b gauge',
        `b{le="+Inf"} ${n}`,
        '',
      ].join('\n');
    const merged = mergeMetrics(new Map([1, 2].map((worker) => [worker, of(worker * 10)])));
    expect(merged.split('\n')).toEqual([
      '# HELP a_total How many.',
      '# TYPE a_total counter',
      'a_total{worker="1"} 10',
      'a_total{worker="1",code="x y"} 10',
      'a_total{worker="2"} 20',
      'a_total{worker="2",code="x y"} 20',
      '# HELP b Size.',
      '# TYPE b gauge',
      'b{worker="1",le="+Inf"} 10',
      'b{worker="2",le="+Inf"} 20',
      '',
    ]);
  });
});
