/** Server-sent events in `curl` and in a real Chromium. Both must continue without loss on another gateway with the same Redis (SSE-2). */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { CHROMIUM, CURL, locate } from '../../scripts/tools.ts';
import { RedisBroker } from '../broker/redis/redis-broker.ts';
import { RedisProcess } from '../broker/testing/redis-process.ts';
import { createGateway } from '../gateway.ts';
import type { Gateway } from '../gateway.ts';
import { resolveOptions } from '../options.ts';
import { PATIENCE, onCleanup } from '../testing/rig.ts';
import { SeveringProxy } from '../testing/severing-proxy.ts';

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
  /** Receives events until `count` have arrived. @returns their numbers and the last id */
  async function curl(url: string, count: number, lastId?: string) {
    const program = locate(CURL);
    if (program === undefined) throw new Error('curl is missing: node scripts/ensure-tools.ts');
    const header = lastId === undefined ? [] : ['-H', `Last-Event-ID: ${lastId}`];
    const child = spawn(program, ['-sN', ...header, `${url}/ws/events?events=tick&replay=none`]);
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
      ended,
    };
  }

  test('continues after the last id on a restarted gateway', async () => {
    const { httpUrl, publish, restart, subscriptions } = await pair();
    const first = curl(httpUrl, 3);
    await vi.waitFor(() => expect(subscriptions()).toBe(1), PATIENCE);
    await publish(1, 2, 3);
    const { numbers, lastId, text, ended } = await first;
    expect(numbers()).toEqual([1, 2, 3]);
    await restart(async () => {
      await ended;
      expect(text()).toContain('"name":"shutdown"');
      await publish(4, 5);
    });
    const second = await curl(httpUrl, 2, lastId());
    expect(second.numbers()).toEqual([4, 5]);
    expect(second.text()).not.toContain('event: gap');
  });
});

describe('an EventSource in Chromium', () => {
  test('continues over a cut connection and a restarted gateway, without loss, duplicate or gap', async () => {
    const { url, publish, restart } = await pair();
    const proxy = await SeveringProxy.before(url);
    onCleanup(() => proxy.close());
    const executablePath = locate(CHROMIUM);
    if (executablePath === undefined) throw new Error('Chromium is missing: node scripts/ensure-tools.ts');
    const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
    onCleanup(() => browser.close());
    const page = await browser.newPage({ bypassCSP: true });
    await page.goto(`${proxy.url.replace(/^ws/, 'http').replace(/\/ws$/, '')}/docs`);
    await page.evaluate(`
      globalThis.seen = [];
      globalThis.others = [];
      globalThis.source = new EventSource('/ws/events?events=tick&replay=none');
      source.onmessage = ({ data }) => seen.push(JSON.parse(data).data.payload.n);
      for (const type of ['subscribed', 'gap', 'closing'])
        source.addEventListener(type, ({ data }) => others.push([type, JSON.parse(data).data.name].join(' ').trim()));
      undefined;
    `);
    const seen = (): Promise<unknown> => page.evaluate('[...seen]');
    const others = (): Promise<readonly string[]> => page.evaluate('[...others]');
    const connections = async (): Promise<number> => (await others()).filter((each) => each === 'subscribed').length;
    await vi.waitFor(async () => expect(await connections()).toBe(1), PATIENCE);
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
});
