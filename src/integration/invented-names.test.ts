/** A name that a client invents creates no permanent state: no stream, no key, and no memory in the connection (SEC-1, SYN-1). */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { NOBODY } from '../auth/principal.ts';
import type { Authenticator } from '../auth/authenticator.ts';
import { parseScope } from '../auth/scope.ts';
import { MemoryBroker } from '../broker/memory.ts';
import { eventTable } from '../catalogue/event-table.ts';
import { redisBroker } from '../broker/redis/redis-broker.ts';
import { RedisProcess } from '../broker/testing/redis-process.ts';
import { resolveLimits } from '../options.ts';
import type { RawClient } from '../testing/raw-client.ts';
import { PATIENCE, connect, serve } from '../testing/rig.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const NAMES = Array.from({ length: 40 }, (_, n) => `workspace:made-up-${n}`);

/** All clients may subscribe to `main` only. */
const CONFINED: Authenticator = {
  required: false,
  anonymous: { ...NOBODY, scopes: [parseScope('subscribe:*@main')] },
  authenticate: () => Promise.reject(new Error('not used here')),
  onRevoked: () => undefined,
  close: () => Promise.resolve(),
};

async function nameAll(client: RawClient): Promise<readonly string[]> {
  const answers = new Set<string>();
  for (const stream of NAMES) {
    const synced = await client.call('sync', { stream });
    const subscribed = await client.call('subscribe', { stream, events: ['*'] });
    for (const { type, data } of [synced, subscribed]) answers.add(type === 'error' ? String(data['code']) : type);
    if (subscribed.type === 'subscribed') await client.call('unsubscribe', { all: true });
  }
  return [...answers];
}

const BURST = { commandBurst: 1000 };

describe('a made-up name, on the memory broker,', () => {
  test('is rejected without a scope for it, and leaves no stream', async () => {
    const { gateway, url } = await serve({ authenticator: CONFINED, limits: BURST });
    expect(await nameAll(await connect(url))).toEqual(['forbidden']);
    expect(gateway.health().streams).toEqual([]);
  });

  test('leaves no stream even if it is allowed, and no other stream is dropped', async () => {
    const limits = resolveLimits({ sessionTtlMs: 60_000, streamsPerNode: 16 });
    const broker = new MemoryBroker({ limits, events: eventTable() });
    const { gateway, url } = await serve({ broker, limits: BURST });
    for (let n = 0; n < 16; n += 1) await gateway.publish('tick', { n }, { stream: `session:real${n}` });
    const before = gateway.health().streams;
    expect(await nameAll(await connect(url))).toEqual(['synced', 'subscribed']);
    expect(gateway.health().streams).toEqual(before);
  });
});

/** Parses an integer reply of Redis. */
const numberIn = (reply: string): number => Number(reply.replace(':', ''));

describe('a made-up name, on Redis,', () => {
  let redis: RedisProcess;
  beforeAll(async () => {
    redis = await RedisProcess.start();
  });
  afterAll(() => redis.stop());

  const keysOf = async (prefix: string): Promise<readonly string[]> =>
    (await redis.command('KEYS', `${prefix}:{*}:*`)).split('\n').filter((line) => line.includes(prefix));
  const brokerOf = (prefix: string, blankTtlMs?: number) =>
    redisBroker({
      url: `redis://127.0.0.1:${redis.port}?prefix=${prefix}`,
      heartbeatIntervalMs: 100,
      ...(blankTtlMs === undefined ? {} : { blankTtlMs }),
    });

  test('is rejected without a scope for it, and leaves no key', async () => {
    const { url } = await serve({ authenticator: CONFINED, broker: brokerOf('refused'), limits: BURST });
    expect(await nameAll(await connect(url))).toEqual(['forbidden']);
    expect(await keysOf('refused')).toEqual([]);
  });

  test('leaves no key and no entry in the index if it is allowed', async () => {
    const { url } = await serve({ broker: brokerOf('allowed', 500), limits: BURST });
    expect(await nameAll(await connect(url))).toEqual(['synced', 'subscribed']);
    expect(await redis.command('ZRANGE', 'allowed:streams', '0', '-1')).not.toContain('made-up');
    await vi.waitFor(async () => expect(await keysOf('allowed')).toEqual([]), PATIENCE);
  });

  test('is kept while it has subscribers, and permanently after a publish', async () => {
    const { gateway, url } = await serve({ broker: brokerOf('kept', 800) });
    const client = await connect(url);
    for (const stream of ['workspace:a', 'workspace:b']) await client.call('subscribe', { stream, events: ['*'] });
    const published = await gateway.publish('tick', { n: 1 }, { stream: 'workspace:b' });
    const started = performance.now();
    while (performance.now() - started < 2000) {
      const left = numberIn(await redis.command('PTTL', 'kept:{workspace:a}:meta'));
      expect(left).toBeGreaterThan(0);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(numberIn(await redis.command('PTTL', 'kept:{workspace:b}:meta'))).toBe(-1);
    expect(client.frames.filter(({ type }) => type === 'gap')).toEqual([]);
    expect((await client.call('sync', { stream: 'workspace:b' })).data['position']).toEqual({
      epoch: published.epoch,
      sequenceId: published.sequenceId,
    });
  });
});

test('subscribing to many new streams and immediately unsubscribing, in one packet, leaves no memory in use', async () => {
  const { gateway, url } = await serve({ limits: { commandBurst: 100_000, commandsPerSecond: 100_000 } });
  const client = await connect(url);
  let named = 0;
  /** Creates this number of further pairs of names. @returns the used heap afterwards, in bytes */
  const heapAfter = async (pairs: number): Promise<number> => {
    for (const end = named + pairs; named < end;) {
      for (let n = 0; n < 100; n += 1) {
        named += 1;
        const subscriptionId = `s${named}`;
        const data = { subscriptionId, stream: `workspace:n${named}`, events: ['*'] };
        client.sendText(JSON.stringify({ type: 'subscribe', data }));
        client.sendText(JSON.stringify({ type: 'unsubscribe', data: { subscriptionId } }));
      }
      await client.until(() => client.frames.filter(({ type }) => type === 'unsubscribed').length === 100);
      client.frames.length = 0;
    }
    collectGarbage();
    return process.memoryUsage().heapUsed;
  };
  const before = await heapAfter(2000);
  const grown = (await heapAfter(6000)) - before;
  expect(grown / 6000).toBeLessThan(60);
  expect(gateway.health()).toMatchObject({ streams: [], subscriptions: { total: 0 } });
});
