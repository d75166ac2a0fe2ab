import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { eventTable } from '../replay/policy.ts';
import { brokerSuite } from './broker-suite.ts';
import { RedisBroker } from './redis.ts';
import { RedisProcess } from './testing/redis-process.ts';
import { RedisRig } from './testing/redis-rig.ts';

const events = eventTable();
let redis: RedisProcess;
let prefixes = 0;

/** A part of the Redis of its own. */
const freshUrl = (): string => `${redis.url}?prefix=t${(prefixes += 1)}`;

beforeAll(async () => {
  redis = await RedisProcess.start();
});
afterAll(() => redis.stop());

brokerSuite({
  name: 'redis',
  create: (limits) => {
    const heartbeatIntervalMs = Math.min(1_000, limits.sessionTtlMs / 5);
    return Promise.resolve(new RedisBroker({ url: freshUrl(), limits, events, heartbeatIntervalMs }));
  },
});

describe('three nodes on one Redis', () => {
  let rig: RedisRig;
  afterEach(() => rig.close());

  test('with 20 publishers deliver 20,000 events everywhere exactly once, in order, contiguous', async () => {
    rig = await RedisRig.start({ url: freshUrl(), nodes: 3, limits: { historyEvents: 100_000 } });
    await rig.burst({ publishers: 20, count: 1_000 });
    expect(await rig.finish()).toEqual({ violations: [], deliveredEverywhere: 20_000 });
    for (const { history, broker } of rig.nodes) {
      expect(history.events).toHaveLength(20_000);
      expect(history.losses).toEqual([]);
      expect(
        broker
          .snapshot('main')
          .since(0)
          .map((record) => record.body),
      ).toEqual(history.events.map((record) => record.body));
    }
  });

  test('give a node that comes later what the others hold: its resume is exact', async () => {
    rig = await RedisRig.start({ url: freshUrl(), nodes: 2 });
    rig.load({ publishers: 4, pauseMs: 1 });
    await rig.progress(300);
    const late = await rig.join('late');
    await rig.progress(300);
    expect((await rig.finish()).violations).toEqual([]);
    const [first] = rig.nodes;
    const bodies = (node = first): string[] =>
      node?.broker
        .snapshot('main')
        .since(100)
        .map(({ body }) => body) ?? [];
    expect(bodies(late)).toEqual(bodies(first));
    expect(late.history.start?.sequenceId).toBeGreaterThanOrEqual(300);
  });
});
