/**
 * Server-sent events in `curl` and in a real Chromium. Both must continue without loss on another gateway with the same Redis, in one
 * stream (SSE-2) and in many (SSE-5).
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chromium } from 'playwright-core';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { CHROMIUM, CURL, locate } from '../../scripts/tools.ts';
import { RedisBroker } from '../broker/redis/redis-broker.ts';
import { RedisProcess } from '../broker/testing/redis-process.ts';
import { createGateway } from '../gateway.ts';
import type { Gateway } from '../gateway.ts';
import { resolveOptions } from '../options.ts';
import type { Frame } from '../testing/raw-client.ts';
import { PATIENCE, onCleanup, serve } from '../testing/rig.ts';
import { SeveringProxy } from '../testing/severing-proxy.ts';

const ONE = 'events=tick&replay=none';
/** Streams of each kind. */
const MANY = `streams=main&streams=workspace:*&streams=session:*&${ONE}`;

let redis: RedisProcess;
let prefixes = 0;

beforeAll(async () => {
  redis = await RedisProcess.start();
});
afterAll(() => redis.stop());

function gatewayOn(redisUrl: string, nodeId: string): Gateway {
  const resolved = resolveOptions({});
  const broker = new RedisBroker({ url: redisUrl, limits: resolved.limits, events: resolved.events });
  const gateway = createGateway({ nodeId, broker });
  onCleanup(() => gateway.close({ drainMs: 0 }));
  return gateway;
}

/** Two gateways: one can be replaced by a new one on the same port; the other can publish in the meantime. */
async function pair() {
  prefixes += 1;
  const redisUrl = `${redis.url}?prefix=sse${prefixes}`;
  const publisher = gatewayOn(redisUrl, 'publisher');
  await publisher.start();
  let serving = gatewayOn(redisUrl, 'first');
  const { port, url, httpUrl } = await serving.listen({ port: 0 });
  return {
    url,
    httpUrl,
    publish: async (...numbers: readonly number[]) => {
      for (const n of numbers) await publisher.publish('tick', { n });
    },
    publishOn: async (streams: Readonly<Record<string, number>>) => {
      for (const [stream, n] of Object.entries(streams)) await publisher.publish('tick', { n }, { stream });
    },
    /** Lets the other gateway serve clients, too. @returns its address */
    listenAtPublisher: async () => (await publisher.listen({ port: 0 })).httpUrl,
    subscriptions: () => serving.health().subscriptions.total,
    /** Restarts the first gateway. @param between runs while this gateway is stopped */
    restart: async (between: () => Promise<void>) => {
      await serving.close();
      await between();
      serving = gatewayOn(redisUrl, 'second');
      await serving.listen({ port });
    },
  };
}

describe('curl', () => {
  interface Request {
    readonly url: string;
    readonly query: string;
    readonly lastId?: string | undefined;
  }

  /** Receives events until `count` have arrived. @returns their numbers and the last id */
  async function curl({ url, query, lastId }: Request, count: number) {
    const program = locate(CURL);
    if (program === undefined) throw new Error('curl is missing: run node scripts/ensure-tools.ts');
    const header = lastId === undefined ? [] : ['-H', `Last-Event-ID: ${lastId}`];
    const child = spawn(program, ['-sN', ...header, `${url}/ws/events?${query}`]);
    onCleanup(() => child.kill());
    const ended = once(child, 'exit');
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString('utf8')));
    const numbers = () => Array.from(text.matchAll(/"payload":\{"n":(\d+)\}/g), ([, n]) => Number(n));
    await vi.waitFor(() => expect(numbers()).toHaveLength(count), PATIENCE);
    return {
      numbers,
      lastId: () => Array.from(text.matchAll(/^id: (.*)$/gm), ([, id]) => id).at(-1),
      text: () => text,
      /** The messages of a type, such as `gap`. */
      messages: (type: string) =>
        Array.from(text.matchAll(/^event: (\w+)\n(?:.+\n)*?data: (.*)$/gm)).flatMap(([, event, data = '']) =>
          event === type ? [(JSON.parse(data) as Frame).data] : [],
        ),
      ended,
    };
  }

  test('continues after the last id on a restarted gateway', async () => {
    const { httpUrl, publish, restart, subscriptions } = await pair();
    const first = curl({ url: httpUrl, query: ONE }, 3);
    await vi.waitFor(() => expect(subscriptions()).toBe(1), PATIENCE);
    await publish(1, 2, 3);
    const { numbers, lastId, text, ended } = await first;
    expect(numbers()).toEqual([1, 2, 3]);
    await restart(async () => {
      await ended;
      expect(text()).toContain('"name":"shutdown"');
      await publish(4, 5);
    });
    const second = await curl({ url: httpUrl, query: ONE, lastId: lastId() }, 2);
    expect(second.numbers()).toEqual([4, 5]);
    expect(second.text()).not.toContain('event: gap');
  });

  test('continues in streams of each kind on a restarted gateway, and then on the other gateway', async () => {
    const { httpUrl, publishOn, restart, subscriptions, listenAtPublisher } = await pair();
    const first = curl({ url: httpUrl, query: MANY }, 3);
    await vi.waitFor(() => expect(subscriptions()).toBe(1), PATIENCE);
    await publishOn({ main: 1, 'workspace:w': 2, 'session:a': 3 });
    const { numbers, lastId, ended } = await first;
    expect(numbers()).toEqual([1, 2, 3]);
    await restart(async () => {
      await ended;
      await publishOn({ 'session:a': 4, main: 5, 'session:new': 6 });
    });
    const second = await curl({ url: httpUrl, query: MANY, lastId: lastId() }, 3);
    expect(new Set(second.numbers())).toEqual(new Set([4, 5, 6]));
    await vi.waitFor(() => expect(second.messages('replay_complete')).toHaveLength(1), PATIENCE);
    await publishOn({ 'workspace:w': 7, 'session:new': 8 });
    await vi.waitFor(() => expect(second.numbers().slice(3)).toEqual([7, 8]), PATIENCE);
    const url = await listenAtPublisher();
    await publishOn({ 'session:a': 9 });
    await vi.waitFor(() => expect(second.numbers().at(-1)).toBe(9), PATIENCE);
    await publishOn({ main: 10, 'session:later': 11 });
    const beforeLast = Array.from(second.text().matchAll(/^id: (.*)\n.*"n":9\}/gm), ([, id]) => id).at(-1);
    const third = await curl({ url, query: MANY, lastId: beforeLast }, 2);
    expect(third.numbers().toSorted((a, b) => a - b)).toEqual([10, 11]);
    for (const each of [second, third]) expect(each.messages('gap')).toEqual([]);
  });

  test('receives a gap for each stream whose history was lost in a restart, and then the remaining events', async () => {
    const { gateway, httpUrl, port } = await serve();
    const first = curl({ url: httpUrl, query: MANY }, 3);
    await vi.waitFor(() => expect(gateway.health().subscriptions.total).toBe(1), PATIENCE);
    for (const [n, stream] of ['main', 'workspace:w', 'session:a'].entries())
      await gateway.publish('tick', { n }, { stream });
    const { lastId, ended } = await first;
    await gateway.close();
    await ended;
    const next = await serve({ port });
    await next.gateway.publish('tick', { n: 3 });
    await next.gateway.publish('tick', { n: 4 }, { stream: 'session:new' });
    const second = await curl({ url: httpUrl, query: MANY, lastId: lastId() }, 2);
    expect(new Set(second.numbers())).toEqual(new Set([3, 4]));
    await vi.waitFor(() => expect(second.messages('replay_complete')).toHaveLength(1), PATIENCE);
    const gaps = second.messages('gap');
    expect(gaps).toHaveLength(3);
    expect(new Set(gaps.map(({ stream }) => stream))).toEqual(new Set(['main', 'session:a', 'workspace:w']));
    expect(new Set(gaps.map(({ reason }) => reason))).toEqual(new Set(['epoch_changed']));
    const ends = second.messages('positions').flatMap(({ ended: names = [] }) => names as readonly string[]);
    expect(ends.toSorted()).toEqual(['session:a', 'workspace:w']);
    // A client that continues from here does not receive the same gaps again.
    const third = curl({ url: httpUrl, query: MANY, lastId: second.lastId() }, 1);
    await vi.waitFor(() => expect(next.gateway.health().subscriptions.total).toBe(2), PATIENCE);
    await next.gateway.publish('tick', { n: 5 }, { stream: 'session:a' });
    const { numbers, messages } = await third;
    expect(numbers()).toEqual([5]);
    expect(messages('gap')).toEqual([]);
  });
});

describe('an EventSource in Chromium', () => {
  /** Opens a page whose EventSource reconnects automatically. */
  async function watch(httpUrl: string, query: string) {
    const executablePath = locate(CHROMIUM);
    if (executablePath === undefined) throw new Error('Chromium is missing: run node scripts/ensure-tools.ts');
    const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
    onCleanup(() => browser.close());
    const page: Page = await browser.newPage({ bypassCSP: true });
    await page.goto(`${httpUrl}/docs`);
    await page.evaluate(`
      globalThis.seen = [];
      globalThis.others = [];
      globalThis.source = new EventSource(${JSON.stringify(`/ws/events?${query}`)});
      source.onmessage = ({ data }) => seen.push(JSON.parse(data).data.payload.n);
      for (const type of ['subscribed', 'gap', 'closing'])
        source.addEventListener(type, ({ data }) => others.push([type, JSON.parse(data).data.name].join(' ').trim()));
      undefined;
    `);
    const seen = (): Promise<readonly number[]> => page.evaluate('[...seen]');
    const others = (): Promise<readonly string[]> => page.evaluate('[...others]');
    const connections = async (): Promise<number> => (await others()).filter((each) => each === 'subscribed').length;
    await vi.waitFor(async () => expect(await connections()).toBe(1), PATIENCE);
    return { seen, others, connections };
  }

  async function proxyBefore(url: string) {
    const proxy = await SeveringProxy.before(url);
    onCleanup(() => proxy.close());
    return { proxy, proxied: proxy.url.replace(/^ws/, 'http').replace(/\/ws$/, '') };
  }

  test('continues over a cut connection and a restarted gateway, without loss, duplicate or gap', async () => {
    const { url, publish, restart } = await pair();
    const { proxy, proxied } = await proxyBefore(url);
    const { seen, others, connections } = await watch(proxied, ONE);
    await publish(1, 2);
    await vi.waitFor(async () => expect(await seen()).toEqual([1, 2]), PATIENCE);
    proxy.sever();
    await publish(3, 4);
    await vi.waitFor(async () => expect(await seen()).toEqual([1, 2, 3, 4]), PATIENCE);
    await restart(() => publish(5, 6));
    await publish(7);
    await vi.waitFor(async () => expect(await seen()).toEqual([1, 2, 3, 4, 5, 6, 7]), PATIENCE);
    expect(await connections()).toBe(3);
    expect((await others()).filter((each) => each !== 'subscribed')).toEqual(['closing shutdown']);
  });

  test('continues in each of many streams, without loss, duplicate or gap', async () => {
    const { url, publishOn, restart } = await pair();
    const { proxy, proxied } = await proxyBefore(url);
    const { seen, others, connections } = await watch(proxied, MANY);
    const sorted = async (): Promise<readonly number[]> => (await seen()).toSorted((left, right) => left - right);
    await publishOn({ main: 1, 'workspace:w': 2, 'session:a': 3 });
    await vi.waitFor(async () => expect(await seen()).toEqual([1, 2, 3]), PATIENCE);
    proxy.sever();
    await publishOn({ 'session:a': 4, 'session:b': 5, main: 6 });
    await vi.waitFor(async () => expect(await sorted()).toEqual([1, 2, 3, 4, 5, 6]), PATIENCE);
    await restart(() => publishOn({ 'session:b': 7, 'workspace:w': 8, 'session:c': 9 }));
    await publishOn({ 'session:c': 10, main: 11 });
    await vi.waitFor(async () => expect(await sorted()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]), PATIENCE);
    expect(await connections()).toBe(3);
    expect((await others()).filter((each) => each !== 'subscribed')).toEqual(['closing shutdown']);
  });
});
