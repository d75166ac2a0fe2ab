/**
 * Random faults of real servers under load, for a minute: four nodes, one of them behind a connection that fails too.
 * testing/history-checker.ts checks the result. A failed run prints its seed. `TIDEMARK_SEED=… npm run test:slow` then causes the same
 * faults in the same order.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { RedisProcess } from '../testing/redis-process.ts';
import { RedisRig } from '../testing/redis-rig.ts';
import { TcpProxy } from '../testing/tcp-proxy.ts';

const SECONDS = Number(process.env['TIDEMARK_SOAK_SECONDS'] ?? 60);
const SEED = Number(process.env['TIDEMARK_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

const resources: { close?(): Promise<void>; stop?(): Promise<void> }[] = [];
afterEach(async () => {
  for (const resource of resources.splice(0).toReversed()) await (resource.close?.() ?? resource.stop?.());
});

interface Scene {
  readonly redis: RedisProcess;
  readonly link: TcpProxy;
  /** Returns a random number from 0 up to 1. */
  readonly random: () => number;
}

/** The faults. After each of them, all servers are running and reachable again. */
const FAULTS: Readonly<Record<string, (scene: Scene) => Promise<void>>> = {
  'killed and restarted with its file': async ({ redis, random }) => {
    await redis.kill();
    await delay(random() * 1_000);
    await redis.launch();
  },
  'killed and restarted empty': async ({ redis }) => {
    await redis.kill();
    rmSync(join(redis.directory, 'appendonlydir'), { recursive: true, force: true });
    await redis.launch();
  },
  frozen: async ({ redis, random }) => {
    redis.freeze();
    await delay(random() * 4_500);
    redis.thaw();
  },
  slow: async ({ redis, random }) => {
    await redis.command('DEBUG', 'SLEEP', String(random() * 2));
  },
  'out of memory': async ({ redis, random }) => {
    await redis.command('CONFIG', 'SET', 'maxmemory', '1');
    await delay(random() * 1_000);
    await redis.command('CONFIG', 'SET', 'maxmemory', '0');
  },
  'subscriptions killed': async ({ redis }) => {
    await redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
  },
  'connections killed': async ({ redis }) => {
    await redis.command('CLIENT', 'KILL', 'TYPE', 'normal');
  },
  'scripts forgotten': async ({ redis }) => {
    await redis.command('SCRIPT', 'FLUSH');
  },
  'link cut': async ({ link }) => {
    link.cut();
    await delay(10);
  },
  'link silent': async ({ link, random }) => {
    link.holdBack();
    await delay(random() * 4_500);
    link.forward();
  },
};

test(
  `${SECONDS} s of random faults (seed ${SEED}) lose nothing without a report, and duplicate and reorder nothing`,
  async () => {
    const random = randomFrom(SEED);
    const redis = await RedisProcess.start({ settings: { appendonly: 'yes' } });
    const link = await TcpProxy.start(redis.port);
    const rig = await RedisRig.start({ url: redis.url, nodes: 3 });
    resources.push(redis, link, rig);
    await rig.join('behind', `redis://127.0.0.1:${link.port}`);
    rig.load({ publishers: 8, pauseMs: 4 });
    const thrown = new Map<string, number>();
    const names = Object.keys(FAULTS);
    for (const until = performance.now() + SECONDS * 1_000; performance.now() < until;) {
      const name = names[Math.floor(random() * names.length)] ?? '';
      await FAULTS[name]?.({ redis, link, random });
      thrown.set(name, (thrown.get(name) ?? 0) + 1);
      // The pause is random, so that some faults occur while the nodes still recover from the previous fault.
      await delay(random() * 1_500);
    }
    await rig.allConnected(10_000);
    await rig.progress(200);
    const { violations, deliveredEverywhere } = await rig.finish();
    const losses = Map.groupBy(
      rig.nodes.flatMap(({ history }) => history.losses),
      ({ reason }) => reason,
    );
    console.table(Object.fromEntries(thrown));
    console.table({
      acknowledged: rig.acknowledged.length,
      'delivered on all four nodes': deliveredEverywhere,
      'refused, not stored': rig.refused.not_stored,
      'refused, unknown': rig.refused.unknown,
      ...Object.fromEntries([...losses].map(([reason, all]) => [`reported lost: ${reason}`, all.length])),
    });
    expect(violations).toEqual([]);
    expect(deliveredEverywhere).toBeGreaterThan(0);
  },
  (SECONDS + 60) * 1_000,
);

/** A generator of random numbers (mulberry32). It is small, and gives the same numbers on every machine. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
