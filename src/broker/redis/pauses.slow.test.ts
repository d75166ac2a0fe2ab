/** Nodes that are stopped for seconds, and clocks that jump, with real processes: `npm run test:slow`. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

/** Two nodes that run and one that is stopped for a while. @returns the violations. */
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
  await until(() => stopped.acknowledged.length > before + 20, 60_000, 'publishes of the node that goes on');
  await rig.progress(50);
  await stopped.finish();
  const { violations } = await rig.finish();
  const acknowledged = [...rig.acknowledged, ...stopped.acknowledged];
  const histories = [...rig.nodes.map(({ history }) => history), stopped.history];
  return { violations: [...violations, ...checkHistories(histories, acknowledged).violations], stopped };
}

test('a node that is stopped for 15 s and goes on loses nothing', async () => {
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

test('a clock of Redis that jumps forward and back under load loses nothing', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-clock-'));
  const file = join(directory, 'offset');
  const jump = (offset: string): void => writeFileSync(file, offset);
  jump('+0');
  const preload = execFileSync('faketime', ['-f', '+0', 'printenv', 'LD_PRELOAD'], { encoding: 'utf8' }).trim();
  const env = {
    LD_PRELOAD: preload,
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
  };
  const redis = held(await RedisProcess.start({ env }));
  const rig = held(await RedisRig.start({ url: redis.url, nodes: 3 }));
  rig.load({ publishers: 6, pauseMs: 2 });
  await rig.progress(100);
  for (const offset of ['+1800', '-7200', '+86400', '+0']) {
    jump(offset);
    await delay(1_500);
    await rig.progress(100);
  }
  const { violations } = await rig.finish();
  rmSync(directory, { recursive: true, force: true });
  expect(violations).toEqual([]);
  for (const { history } of rig.nodes) expect(history.losses).toEqual([]);
}, 120_000);
