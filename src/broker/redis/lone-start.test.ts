/** Starts of a node while the only other nodes have ended without leaving. */
import { afterAll, afterEach, expect, test, vi } from 'vitest';
import { PATIENCE, RedisNodes } from '../testing/redis-nodes.ts';
import { NodeProcess } from '../testing/node-process.ts';

const nodes = await RedisNodes.open('lone');
afterEach(() => nodes.closeAll());
afterAll(() => nodes.close());

/** The registered nodes. */
async function registered(): Promise<number> {
  const reply = await nodes.redis.command('HLEN', `${nodes.prefix}:registry`);
  return Number(reply.slice(1));
}

/** A node that was killed. Its lease is still valid. */
async function killedNode(leaseMs: number): Promise<void> {
  const url = `${nodes.redis.url}?prefix=${nodes.prefix}`;
  const killed = await NodeProcess.start({ url, name: 'killed', leaseMs });
  await killed.stop();
}

test('a node starts after the lease of the only other node, which was killed', async () => {
  // The other nodes treat a dead node as stopped after 1.25 leases: here 5.6 s, which is more than the time limit for the first heartbeat.
  const leaseMs = 4_500;
  await killedNode(leaseMs);
  const { broker } = await nodes.start({ leaseMs });
  expect(broker.health().connected).toBe(true);
  await vi.waitUntil(async () => (await registered()) === 1, PATIENCE);
});

test('a node that is closed while it waits for the lease of another node leaves no entry, so the next node need not wait for it', async () => {
  await killedNode(60_000);
  const { broker, listener } = nodes.make({ leaseMs: 60_000 });
  const starting = broker.start(listener).then(
    () => undefined,
    (error: unknown) => error,
  );
  await vi.waitUntil(async () => (await registered()) === 2, PATIENCE);
  await broker.close();
  expect(await starting).toEqual(new Error('the broker was closed'));
  expect(await registered()).toBe(1);
});
