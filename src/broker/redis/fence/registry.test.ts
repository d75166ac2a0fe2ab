import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { PATIENCE } from '../../testing/redis-nodes.ts';
import { RedisProcess } from '../../testing/redis-process.ts';
import { RedisConnection } from '../connection.ts';
import { RedisKeys } from '../keys.ts';
import { parseRedisUrl } from '../url.ts';
import { NodeRegistry } from './registry.ts';

const LEASE_MS = 20_000;

/** Registries that share a hash in memory and a clock. The hash behaves like lua/renew.lua. */
function nodes() {
  const entries = new Map<string, string>();
  let now = 0;
  const run = (_: string, __: readonly string[], args: readonly (string | number)[]): Promise<unknown> => {
    const [id, count, member, known, , ...gone] = args.map(String);
    for (let at = 0; at < gone.length; at += 2) {
      const [peer = '', its = ''] = gone.slice(at);
      if (its === '' || entries.get(peer)?.startsWith(`${its} `) === true) entries.delete(peer);
    }
    const wasKnown = entries.has(id ?? '');
    entries.set(id ?? '', `${count} ${wasKnown ? member : '0'} ${known}`);
    return Promise.resolve([wasKnown ? 'known' : 'forgotten', ...[...entries].flat()]);
  };
  const create = (id: string): NodeRegistry =>
    new NodeRegistry({
      connection: { run, publish: () => Promise.resolve(0) },
      keys: new RedisKeys({ prefix: 'tidemark', db: 0 }),
      newId: () => id,
      leaseMs: LEASE_MS,
      patienceMs: 2_500,
      log: { info: () => undefined, warn: () => undefined },
      now: () => now,
    });
  return { create, pass: (ms: number) => (now += ms) };
}

test('a node that ended without leaving is given up once, after its lease has expired', async () => {
  const { create, pass } = nodes();
  const [dead, alive] = [create('dead'), create('alive')];
  await dead.renew();
  await alive.renew();
  for (let second = 0; second < 24; second += 1) {
    pass(1_000);
    await alive.renew();
  }
  expect([...alive.membership.peers.keys()]).toEqual(['dead']);
  for (let second = 0; second < 3; second += 1) {
    pass(1_000);
    await alive.renew();
  }
  expect([...alive.membership.peers.keys()]).toEqual([]);
  expect(alive.membership.departures).toBe(1);
});

test('a node that renews its lease late is known again', async () => {
  const { create, pass } = nodes();
  const [late, alive] = [create('late'), create('alive')];
  await late.renew();
  await alive.renew();
  for (let second = 0; second < 26; second += 1) {
    pass(1_000);
    await alive.renew();
  }
  await late.renew();
  await alive.renew();
  expect([...alive.membership.peers.keys()]).toEqual(['late']);
});

describe('a node whose lease expires while it renews the lease', () => {
  const log = { info: () => undefined, warn: () => undefined };
  const ignore = (): void => undefined;
  let redis: RedisProcess;
  let connection: RedisConnection;
  let prefixes = 0;

  beforeAll(async () => {
    redis = await RedisProcess.start();
    const events = {
      onMessage: ignore,
      onCommandsLost: ignore,
      onSubscriberLost: ignore,
      onSubscriberReady: ignore,
    };
    connection = new RedisConnection({ address: parseRedisUrl(redis.url), commandTimeoutMs: 30_000, log, events });
    await connection.connect();
  });
  afterAll(async () => {
    connection.close();
    await redis.stop();
  });

  /** Creates nodes on a real Redis. They share one clock, except a node that is created with its own clock. */
  function scene() {
    prefixes += 1;
    const keys = new RedisKeys({ prefix: `tidemark:g${prefixes}`, db: 0 });
    let now = 0;
    let ids = 0;
    let runs = 0;
    let gate = Promise.resolve();
    const create = (name: string, clock = () => now): NodeRegistry =>
      new NodeRegistry({
        connection: {
          run: async (...command) => {
            const reply = await connection.run(...command);
            runs += 1;
            await gate;
            return reply;
          },
          publish: (channel, text) => connection.publish(channel, text),
        },
        keys,
        newId: () => `${name}${(ids += 1)}`,
        leaseMs: LEASE_MS,
        patienceMs: 2_500,
        log,
        now: clock,
      });
    /** Resolves once Redis has run another script. */
    const another = (): Promise<void> => {
      const before = runs;
      return vi.waitFor(() => expect(runs).toBeGreaterThan(before), PATIENCE);
    };
    return {
      create,
      another,
      pass: (ms: number): number => (now += ms),
      /** Lets the lease expire between the next renewal of the node in Redis and the reply. `meanwhile` is called before the reply. */
      expireDuringRenewal: async (node: NodeRegistry, meanwhile = ignore): Promise<void> => {
        const { promise, resolve } = Promise.withResolvers<void>();
        gate = promise;
        await another();
        now += LEASE_MS + 1;
        expect(node.holdsLease).toBe(false);
        meanwhile();
        gate = Promise.resolve();
        resolve();
      },
      entries: async (): Promise<string[]> => {
        const reply = await redis.command('HKEYS', keys.registry);
        return reply.split('\r\n').filter((_, at) => at > 0 && at % 2 === 0);
      },
    };
  }

  test('replaces its entry, and does not wait for itself', async () => {
    const { create, expireDuringRenewal, entries } = scene();
    const node = create('node');
    await node.join();
    const renewing = node.renew();
    await expireDuringRenewal(node);
    await renewing;
    expect(await entries()).toEqual(['node2']);
    expect(node.membership).toMatchObject({ id: 'node2', member: true });
    expect([...node.membership.peers.keys()]).toEqual([]);
  });

  test('does not become a member before another node knows its new id', async () => {
    const { create, pass, another, expireDuringRenewal, entries } = scene();
    const [silent, node] = [create('silent', () => 0), create('node')];
    await silent.join();
    const joining = node.join();
    await another();
    pass(2_501);
    await expireDuringRenewal(node);
    await Promise.race([joining, another()]);
    await Promise.race([joining, another()]);
    expect(node.membership).toMatchObject({ id: 'node3', member: false });
    await silent.renew();
    await joining;
    expect(node.holdsLease).toBe(true);
    expect(await entries()).toEqual(['silent1', 'node3']);
  });

  test('leaves no entry if it is closed', async () => {
    const { create, expireDuringRenewal, entries } = scene();
    const node = create('node');
    await node.join();
    const renewing = node.renew().catch(ignore);
    const leaving: Promise<void>[] = [];
    await expireDuringRenewal(node, () => leaving.push(node.leave()));
    await Promise.all([renewing, ...leaving]);
    expect(await entries()).toEqual([]);
  });
});
