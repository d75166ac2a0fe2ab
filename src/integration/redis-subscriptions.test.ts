/** Several gateways on one real Redis. Each gateway reports the subscriptions of all gateways. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { SubscriptionsPage } from '../../generated/types.ts';
import { httpValidators } from '../../generated/validators.js';
import { RedisProcess } from '../broker/testing/redis-process.ts';
import { PATIENCE, clientOf, onCleanup } from '../testing/rig.ts';
import { healthOf, nodeOn, processOn } from '../testing/redis-nodes.ts';

let redis: RedisProcess;
let prefixes = 0;

/** The address of the Redis with a new key prefix, so that tests do not share keys. */
const freshUrl = (): string => `${redis.url}?prefix=g${(prefixes += 1)}`;

beforeAll(async () => {
  redis = await RedisProcess.start();
});
afterAll(() => redis.stop());

const upTo = (count: number, first = 1): number[] => Array.from({ length: count }, (_, index) => first + index);

describe('the subscriptions of all nodes', () => {
  const ask = async ({ httpUrl }: { readonly httpUrl: string }, query = ''): Promise<SubscriptionsPage> => {
    const response = await fetch(`${httpUrl}/ws/subscriptions${query}`);
    expect(response.status).toBe(200);
    const page: unknown = await response.json();
    expect(httpValidators.subscriptions_page(page)).toBe(true);
    return page as SubscriptionsPage;
  };
  const subscribe = async ({ url }: { readonly url: string }, count: number): Promise<void> => {
    const client = clientOf(url);
    const filter = { extensions: ['.ts'] };
    const all = upTo(count).map(() => client.subscribe({ events: ['file_change'], filter, replay: { mode: 'none' } }));
    await Promise.all(all.map(({ ready }) => ready));
  };

  test('appear on one page of every node, each counted once (OPS-2)', async () => {
    const redisUrl = freshUrl();
    const nodes = [await nodeOn(redisUrl, 'a'), await nodeOn(redisUrl, 'b')];
    for (const [index, node] of nodes.entries()) await subscribe(node, index + 1);
    for (const node of nodes) {
      const page = await ask(node);
      expect(page).toMatchObject({ total: 3, partial: false, missingNodes: [] });
      expect(page.aggregates).toMatchObject({ extensions: { '.ts': 3 }, events: { file_change: 3 } });
      expect(page.items.map(({ nodeId }) => nodeId).toSorted()).toEqual(['a', 'b', 'b']);
      expect(page.nextCursor).toBeUndefined();
    }
  });

  test('can be read page by page, each exactly once', async () => {
    const redisUrl = freshUrl();
    const nodes = [await nodeOn(redisUrl, 'a'), await nodeOn(redisUrl, 'b'), await nodeOn(redisUrl, 'c')];
    const [a] = nodes;
    if (a === undefined) throw new Error('no node');
    await Promise.all(nodes.map((node, index) => subscribe(node, 5 + index)));
    const seen: string[] = [];
    let pages = 0;
    for (let query = '?limit=4'; query !== ''; pages += 1) {
      const { items, nextCursor, total } = await ask(a, query);
      expect(total).toBe(18);
      seen.push(...items.map(({ connectionId, subscriptionId }) => `${connectionId}/${subscriptionId}`));
      query = nextCursor === undefined ? '' : `?limit=4&cursor=${encodeURIComponent(nextCursor)}`;
    }
    expect([pages, seen.length, new Set(seen).size]).toEqual([5, 18, 18]);
    expect((await ask(a, '?stream=workspace:x')).total).toBe(0);
  });

  test('are incomplete while a node is frozen, which is reported as missing, unlike a node that has left', async () => {
    const redisUrl = freshUrl();
    const [a, leaving] = [await nodeOn(redisUrl, 'a'), await nodeOn(redisUrl, 'leaving')];
    const frozen = await processOn(redisUrl, 'frozen node');
    for (const node of [a, leaving, frozen]) await subscribe(node, 2);
    await vi.waitFor(async () => expect(await ask(a)).toMatchObject({ total: 6, partial: false }), PATIENCE);
    await leaving.gateway.close({ drainMs: 0 });
    frozen.freeze();
    expect(await ask(a)).toMatchObject({ total: 2, partial: true, missingNodes: ['frozen node'] });
    frozen.thaw();
    await vi.waitFor(async () => expect(await ask(a)).toMatchObject({ total: 4, partial: false }), PATIENCE);
    await frozen.kill();
    expect(await ask(a)).toMatchObject({ total: 2, partial: true, missingNodes: ['frozen node'] });
  });

  test('are explained by every node; a frozen node is reported as missing (OPS-3)', async () => {
    const redisUrl = freshUrl();
    const a = await nodeOn(redisUrl, 'a');
    const frozen = await processOn(redisUrl, 'frozen node');
    for (const node of [a, frozen]) await subscribe(node, 2);
    const explain = async (path: string): Promise<unknown> => {
      const payload = { path, root: 'r', changeType: 'modify', fileType: 'file' };
      const response = await fetch(`${a.httpUrl}/ws/explain`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ event: 'file_change', payload }),
      });
      const explanation: unknown = await response.json();
      expect(httpValidators.explanation(explanation)).toBe(true);
      return explanation;
    };
    expect(await explain('a.ts')).toMatchObject({ matchCount: 4, mismatchCount: 0, partial: false });
    expect(await explain('a.py')).toMatchObject({ matchCount: 0, mismatchCount: 4, partial: false });
    frozen.freeze();
    expect(await explain('a.ts')).toMatchObject({ matchCount: 2, partial: true, missingNodes: ['frozen node'] });
    frozen.thaw();
  });

  test('are those of one node while Redis is unreachable; all other nodes are reported as missing', async () => {
    const own = await RedisProcess.start();
    onCleanup(() => own.stop());
    const [a, b] = [await nodeOn(own.url, 'a'), await nodeOn(own.url, 'b')];
    for (const node of [a, b]) await subscribe(node, 1);
    await vi.waitFor(async () => expect(await ask(a)).toMatchObject({ total: 2, partial: false }), PATIENCE);
    own.freeze();
    await vi.waitFor(async () => expect((await healthOf(a)).status).toBe('degraded'), PATIENCE);
    expect(await ask(a)).toMatchObject({ total: 1, partial: true, missingNodes: ['b'] });
  });
});
