import { expect, test } from 'vitest';
import { RedisKeys } from '../keys.ts';
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
