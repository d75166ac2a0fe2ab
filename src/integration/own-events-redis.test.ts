/** Nodes with different contracts on one Redis. Each node uses its own contract, and both report the difference. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { httpValidators } from '../../generated/validators.js';
import type { BuiltContract } from '../catalogue/built-contract.ts';
import { stockCatalogue } from '../catalogue/catalogue.ts';
import { redisBroker } from '../broker/redis/redis-broker.ts';
import { RedisProcess } from '../broker/testing/redis-process.ts';
import { buildContract } from '../testing/own-contract.ts';
import { connect, PATIENCE, serve } from '../testing/rig.ts';
import type { Limits } from '../options.ts';
import type { Served } from '../testing/rig.ts';

let redis: RedisProcess;
let contract: BuiltContract;
let prefixes = 0;

beforeAll(async () => {
  [redis, { contract }] = await Promise.all([RedisProcess.start(), buildContract()]);
});
afterAll(() => redis.stop());

const node = (url: string, nodeId: string, own?: BuiltContract, limits: Partial<Limits> = {}): Promise<Served> =>
  serve({ nodeId, limits, broker: redisBroker({ url }), ...(own === undefined ? {} : { contract: own }) });

const freshUrl = (): string => `${redis.url}?prefix=o${(prefixes += 1)}`;

async function eventsAt(url: string): Promise<readonly unknown[]> {
  const client = await connect(url);
  await client.call('subscribe', { events: ['build_finished'] });
  await client.find(({ type }) => type === 'replay_complete');
  return client.frames.filter(({ type }) => type === 'event').map(({ data }) => data['payload']);
}

describe('two nodes with different contracts', () => {
  test('report each other in their health, unlike nodes with the same contract', async () => {
    const url = freshUrl();
    const [own, stock] = [await node(url, 'own', contract), await node(url, 'stock')];
    await vi.waitFor(() => {
      expect(own.gateway.health().otherContracts).toEqual([{ nodeId: 'stock', contractDigest: stockCatalogue.digest }]);
      expect(stock.gateway.health().otherContracts).toEqual([{ nodeId: 'own', contractDigest: contract.digest }]);
    }, PATIENCE);
    const health: unknown = await (await fetch(`${own.httpUrl}/ws/health`)).json();
    expect(httpValidators.health(health)).toBe(true);
    await stock.gateway.close({ drainMs: 0 });
    const same = await node(url, 'same', contract);
    await vi.waitFor(() => expect(same.gateway.health().broker.connected).toBe(true), PATIENCE);
    await vi.waitFor(() => expect(own.gateway.health().otherContracts).toBeUndefined(), PATIENCE);
    expect(same.gateway.health().otherContracts).toBeUndefined();
  });

  test('handle an event as a custom event on the node that does not declare it, with the replay policy of that node', async () => {
    const url = freshUrl();
    const [own, stock] = [await node(url, 'own', contract), await node(url, 'stock')];
    const live = await connect(stock.url);
    await live.call('subscribe', { events: ['build_finished'], replay: { mode: 'none' } });
    for (const target of ['web', 'api']) await own.gateway.publish('build_finished', { target, ok: true });
    await live.call('sync', { stream: 'main' });
    expect(live.frames.filter(({ type }) => type === 'event')).toHaveLength(2);
    // On the node that declares the event, the newest event of each target is replayed. On the other node, it is a custom event, so only
    // the newest event of the name is replayed.
    expect(await eventsAt(own.url)).toEqual([
      { target: 'web', ok: true },
      { target: 'api', ok: true },
    ]);
    expect(await eventsAt(stock.url)).toEqual([{ target: 'api', ok: true }]);
    // A node that does not declare the event accepts any payload. The node that declares the event must ignore a payload that does not fit.
    await stock.gateway.publish('build_finished', { of: 'somebody else' });
    await own.gateway.publish('build_finished', { target: 'web', ok: false });
    expect(await eventsAt(own.url)).toEqual([
      { target: 'api', ok: true },
      { target: 'web', ok: false },
    ]);
    expect(await eventsAt((await node(url, 'late', contract)).url)).toEqual(await eventsAt(own.url));
  });

  test('delete the keys in Redis that the other node retains', async () => {
    const url = freshUrl();
    const limits = { retainedKeys: 2 };
    const own = await node(url, 'own', contract, limits);
    for (const target of ['web', 'api']) await own.gateway.publish('build_finished', { target, ok: true });
    const stock = await node(url, 'stock', undefined, limits);
    const entity = (id: string): object => ({ id, entityType: 'class', name: id });
    for (const id of ['a', 'b']) await stock.gateway.publish('entity_created', entity(id) as never);
    const [, prefix = ''] = url.split('prefix=');
    const fields = await redis.command('hkeys', `${prefix}:{main}:latest`);
    expect(
      fields
        .split('\r\n')
        .filter((line) => /^\w/.test(line))
        .toSorted(),
    ).toEqual(['entity_created entity a', 'entity_created entity b', 'names']);
  });
});
