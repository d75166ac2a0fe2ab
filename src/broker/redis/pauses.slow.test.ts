/** Nodes that are paused for seconds (SIGSTOP) and then continue, with real processes: `npm run test:slow`. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { checkHistories } from '../testing/history-checker.ts';
import { NodeProcess } from '../testing/node-process.ts';
import { RedisProcess } from '../testing/redis-process.ts';
import { RedisRig, until } from '../testing/redis-rig.ts';

const resources: { close?(): Promise<void>; stop?(): Promise<void> }[] = [];
afterEach(async () => {
  for (const resource of resources.splice(0)) await (resource.close?.() ?? resource.stop?.());
});

function held<T extends (typeof resources)[number]>(resource: T): T {
  resources.unshift(resource);
  return resource;
}

/** Runs two nodes, and pauses a third one for some time. @returns the violations */
async function whileStopped(
  during: (scene: { readonly redis: RedisProcess; readonly rig: RedisRig }) => Promise<void>,
  leaseMs?: number,
): Promise<{ readonly violations: readonly string[]; readonly stopped: NodeProcess }> {
  const redis = held(await RedisProcess.start({ settings: { appendonly: 'yes' } }));
  const rig = held(await RedisRig.start({ url: redis.url, nodes: 2, ...(leaseMs === undefined ? {} : { leaseMs }) }));
  const options = { url: redis.url, name: 'stopped' };
  const stopped = held(await NodeProcess.start(leaseMs === undefined ? options : { ...options, leaseMs }));
  rig.load({ publishers: 2, pauseMs: 5 });
  await rig.progress(50);
  await until(() => stopped.acknowledged.length > 20, 60_000, 'publishes of the node that will be stopped');
  stopped.freeze();
  await during({ redis, rig });
  const before = stopped.acknowledged.length;
  stopped.thaw();
  await until(() => stopped.acknowledged.length > before + 20, 60_000, 'publishes of the node that continues');
  await rig.progress(50);
  await rig.stopLoad();
  await stopped.finish();
  for (const { broker } of rig.nodes) await broker.sync('main');
  const acknowledged = [...rig.acknowledged, ...stopped.acknowledged];
  const histories = [...rig.nodes.map(({ history }) => history), stopped.history];
  return { violations: checkHistories(histories, acknowledged).violations, stopped };
}

test('a node that is stopped for 15 s and then continues loses nothing', async () => {
  const { violations, stopped } = await whileStopped(() => delay(15_000));
  expect(violations).toEqual([]);
  expect(stopped.history.losses).toEqual([]);
}, 120_000);

test('a node that is stopped for longer than its lease joins again, and loses nothing', async () => {
  const { violations, stopped } = await whileStopped(() => delay(15_000), 4_000);
  expect(violations).toEqual([]);
  expect(stopped.history.losses).toEqual([]);
}, 120_000);

test.each([undefined, 4_000])(
  'Redis restarts while a node is stopped for 15 s (lease %s ms)',
  async (leaseMs) => {
    const { violations } = await whileStopped(async ({ redis, rig }) => {
      await delay(7_000);
      await redis.kill();
      await redis.launch();
      await rig.progress(50);
      await delay(7_000);
    }, leaseMs);
    expect(violations).toEqual([]);
  },
  120_000,
);
