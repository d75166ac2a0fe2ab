/**
 * Faults of real Redis servers. The subscribers of three nodes must receive every event, or a report of those that were lost.
 * testing/history-checker.ts computes the `violations`.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { RedisProcess } from '../testing/redis-process.ts';
import { RedisRig, until } from '../testing/redis-rig.ts';
import type { RigOptions } from '../testing/redis-rig.ts';
import { TcpProxy } from '../testing/tcp-proxy.ts';

interface Closing {
  close?(): Promise<void>;
  stop?(): Promise<void>;
}

const resources: Closing[] = [];

function held<T extends Closing>(resource: T): T {
  resources.unshift(resource);
  return resource;
}

async function threeNodes(url: string, options: Pick<RigOptions, 'patient'> = {}): Promise<RedisRig> {
  return held(await RedisRig.start({ url, nodes: 3, ...options }));
}

afterEach(async () => {
  for (const resource of resources.splice(0)) await (resource.close?.() ?? resource.stop?.());
});

describe('a Redis that is killed', () => {
  test('Redis that restarts empty begins a new epoch, which is reported to every subscriber', async () => {
    const redis = held(await RedisProcess.start());
    const rig = await threeNodes(redis.url);
    rig.load({ publishers: 6, pauseMs: 2 });
    await rig.progress(200);
    await redis.kill();
    await delay(100);
    await redis.launch();
    await rig.progress(200);
    expect((await rig.finish()).violations).toEqual([]);
    for (const { history } of rig.nodes) {
      expect(history.losses.map(({ reason }) => reason)).toEqual(['epoch_changed']);
    }
  });

  test('Redis that restarts with its append-only file recovers everything, without a gap', async () => {
    // By default, Redis may reply before it has written an event to the file, if the disk is slow.
    const redis = held(await RedisProcess.start({ settings: { appendonly: 'yes', appendfsync: 'always' } }));
    const rig = await threeNodes(redis.url);
    rig.load({ publishers: 6, pauseMs: 2 });
    await rig.progress(200);
    await redis.kill();
    await delay(100);
    await redis.launch();
    await rig.progress(200);
    const { violations, deliveredEverywhere } = await rig.finish();
    expect(violations).toEqual([]);
    expect(deliveredEverywhere).toBe(rig.acknowledged.length);
    for (const { history } of rig.nodes) expect(history.losses).toEqual([]);
    expect(new Set(rig.acknowledged.map(({ epoch }) => epoch)).size).toBe(1);
  });

  test('the epoch of a stream does not continue if no remaining node knows the stream', async () => {
    const redis = held(await RedisProcess.start({ settings: { appendonly: 'yes' } }));
    const before = held(await RedisRig.start({ url: redis.url, nodes: 1 }));
    await before.burst({ publishers: 1, count: 5 });
    await before.close();
    await redis.kill();
    await redis.launch();
    const after = held(await RedisRig.start({ url: redis.url, nodes: 1 }));
    await after.burst({ publishers: 1, count: 1 });
    expect(after.acknowledged[0]?.sequenceId).toBe(1);
    expect(after.acknowledged[0]?.epoch).not.toBe(before.acknowledged[0]?.epoch);
  });
});

describe('a Redis that is out of reach', () => {
  test('a frozen Redis is detected, and the nodes recover without a gap', async () => {
    const redis = held(await RedisProcess.start());
    const rig = await threeNodes(redis.url);
    rig.load({ publishers: 3, pauseMs: 2 });
    await rig.progress(200);
    redis.freeze();
    await until(() => rig.nodes.every(({ broker }) => !broker.health().connected), 40_000, 'the freeze to be noticed');
    await expect(rig.nodes[0]?.broker.publish(DRAFT)).rejects.toMatchObject({
      code: 'broker_unavailable',
      details: { outcome: 'not_stored' },
    });
    redis.thaw();
    await rig.allConnected();
    await rig.progress(200);
    expect((await rig.finish()).violations).toEqual([]);
    for (const { history } of rig.nodes) expect(history.losses).toEqual([]);
  });

  test('a network link that stops forwarding is detected, and the nodes recover without a gap', async () => {
    const redis = held(await RedisProcess.start());
    const proxy = held(await TcpProxy.start(redis.port));
    const rig = held(await RedisRig.start({ url: redis.url, nodes: 2 }));
    await rig.join('behind', `redis://127.0.0.1:${proxy.port}`);
    rig.load({ publishers: 3, pauseMs: 2 });
    await rig.progress(200);
    proxy.holdBack();
    const { broker } = rig.nodes[2] ?? {};
    await until(() => broker?.health().connected === false, 40_000, 'the silence to be noticed');
    await rig.progress(200);
    proxy.forward();
    await rig.allConnected();
    await rig.progress(200);
    expect((await rig.finish()).violations).toEqual([]);
    expect(rig.refused.unknown).toBeGreaterThan(0);
    for (const { history } of rig.nodes) expect(history.losses).toEqual([]);
  });

  test('a short pause of Redis (DEBUG SLEEP) only delays events', async () => {
    const redis = held(await RedisProcess.start());
    const rig = await threeNodes(redis.url, { patient: true });
    rig.load({ publishers: 6, pauseMs: 2 });
    await rig.progress(200);
    await redis.command('DEBUG', 'SLEEP', '1.5');
    await rig.progress(200);
    expect((await rig.finish()).violations).toEqual([]);
    for (const { history } of rig.nodes) {
      expect(history.losses).toEqual([]);
      expect(history.health.every(({ connected }) => connected)).toBe(true);
    }
  });

  test('cutting only the subscriptions (CLIENT KILL TYPE pubsub) loses and delays nothing', async () => {
    const redis = held(await RedisProcess.start());
    const rig = await threeNodes(redis.url, { patient: true });
    rig.load({ publishers: 6, pauseMs: 1 });
    for (let turn = 0; turn < 5; turn += 1) {
      await rig.progress(100);
      await redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
    }
    await rig.progress(100);
    const { violations, deliveredEverywhere } = await rig.finish();
    expect(violations).toEqual([]);
    expect(deliveredEverywhere).toBe(rig.acknowledged.length);
    expect(rig.refused).toEqual({ not_stored: 0, unknown: 0 });
  });
});

describe('a Redis that is out of memory', () => {
  test('rejects the publish, delivers nothing, and leaves no gap in the sequence', async () => {
    const redis = held(await RedisProcess.start());
    const rig = await threeNodes(redis.url);
    rig.load({ publishers: 3, pauseMs: 2 });
    await rig.progress(100);
    await redis.command('CONFIG', 'SET', 'maxmemory', '1');
    await until(() => rig.refused.not_stored > 20, 40_000, 'refusals');
    await expect(rig.nodes[0]?.broker.publish(DRAFT)).rejects.toThrow(/out of memory: nothing was stored/);
    const late = await rig.join('late');
    await redis.command('CONFIG', 'SET', 'maxmemory', '0');
    await rig.progress(100);
    const { violations, deliveredEverywhere } = await rig.finish();
    expect(violations).toEqual([]);
    expect(rig.refused.unknown).toBe(0);
    expect(late.history.start?.sequenceId).toBeGreaterThanOrEqual(100);
    const numbers = rig.acknowledged.map(({ sequenceId }) => sequenceId).toSorted((a, b) => a - b);
    expect(numbers).toEqual(numbers.map((_, index) => index + 1));
    expect(deliveredEverywhere).toBeGreaterThan(0);
  });
});

describe('a replica promoted', () => {
  test('begins a new epoch if it lacks writes: no position ever has two events', async () => {
    const master = held(await RedisProcess.start({ settings: { 'repl-diskless-sync-delay': '0' } }));
    const link = held(await TcpProxy.start(master.port));
    const replica = held(await RedisProcess.start({ settings: { replicaof: `127.0.0.1 ${link.port}` } }));
    const proxy = held(await TcpProxy.start(master.port));
    const rig = await threeNodes(`redis://127.0.0.1:${proxy.port}`);
    rig.load({ publishers: 6, pauseMs: 2 });
    await rig.progress(200);
    await replicated(replica);
    link.holdBack();
    await rig.progress(200);
    await master.kill();
    await replica.command('REPLICAOF', 'NO', 'ONE');
    proxy.redirect(replica.port);
    await rig.progress(200);
    expect((await rig.finish()).violations).toEqual([]);
    for (const { history } of rig.nodes) {
      expect(history.losses.map(({ reason }) => reason)).toEqual(['epoch_changed']);
    }
  });

  test('continues the epoch without a gap if it has all writes', async () => {
    const master = held(await RedisProcess.start({ settings: { 'repl-diskless-sync-delay': '0' } }));
    const replica = held(await RedisProcess.start({ settings: { replicaof: `127.0.0.1 ${master.port}` } }));
    const proxy = held(await TcpProxy.start(master.port));
    const rig = await threeNodes(`redis://127.0.0.1:${proxy.port}`);
    await rig.burst({ publishers: 6, count: 30 });
    const newest = rig.acknowledged.toSorted((a, b) => a.sequenceId - b.sequenceId).at(-1);
    await replicated(replica, newest?.eventId);
    await master.kill();
    await replica.command('REPLICAOF', 'NO', 'ONE');
    proxy.redirect(replica.port);
    rig.load({ publishers: 6, pauseMs: 2 });
    await rig.progress(100);
    expect((await rig.finish()).violations).toEqual([]);
    for (const { history } of rig.nodes) expect(history.losses).toEqual([]);
    expect(new Set(rig.acknowledged.map(({ epoch }) => epoch)).size).toBe(1);
  });
});

const DRAFT = { stream: 'main', event: 'x', source: { name: 'test', principal: 'user:ana' }, payload: {} };

/** Resolves when the replica has the stream and, if an id is given, the event. */
async function replicated(replica: RedisProcess, eventId = ''): Promise<void> {
  for (let attempt = 0; attempt < 2_000; attempt += 1) {
    const meta = await replica.command('GET', 'tidemark:{main}:meta');
    if (meta.startsWith('$') && !meta.startsWith('$-1') && meta.includes(eventId)) return;
    await delay(20);
  }
  throw new Error('the replica has not caught up');
}
