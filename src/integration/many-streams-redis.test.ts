/** Subscriptions to many streams, on two gateways that share a real Redis (MUL-3, MUL-5). */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { redisBroker } from '../broker/redis/redis-broker.ts';
import { RedisProcess } from '../broker/testing/redis-process.ts';
import { connect, serve } from '../testing/rig.ts';
import type { Served } from '../testing/rig.ts';
import type { RawClient } from '../testing/raw-client.ts';

let redis: RedisProcess;

beforeAll(async () => {
  redis = await RedisProcess.start();
});
afterAll(() => redis.stop());

const SESSIONS = 40;
const publishTo = async ({ gateway }: Served, n: number): Promise<void> => {
  await Promise.all(
    Array.from({ length: SESSIONS }, (_, at) => gateway.publish('suite.note', { n }, { stream: `session:${at}` })),
  );
};

/** For each stream, the sequenceIds that a client received. */
function numbersOf({ frames }: RawClient): ReadonlyMap<string, readonly unknown[]> {
  const events = frames.filter(({ type }) => type === 'event');
  const streams = Map.groupBy(events, ({ data }) => String(data['stream']));
  return new Map([...streams].map(([stream, own]) => [stream, own.map(({ data }) => data['sequenceId'])]));
}

async function receives(client: RawClient, count: number): Promise<void> {
  await client.until(() => client.frames.filter(({ type }) => type === 'event').length >= count);
}

describe('on two nodes, a subscription to many streams', () => {
  test('receives each session of either node from its first event, and resumes each session on the other node', async () => {
    const broker = redisBroker({ url: `${redis.url}?prefix=many` });
    const [left, right] = [await serve({ broker }), await serve({ broker })];
    const follow = { subscriptionId: 'all', streams: ['session:*'], events: ['*'] };
    const first = await connect(left.url);
    await first.call('subscribe', { ...follow, replay: { mode: 'none' } });
    await publishTo(right, 1);
    await publishTo(left, 2);
    await receives(first, 2 * SESSIONS);
    expect(new Set([...numbersOf(first).values()].map(String))).toEqual(new Set(['1,2']));
    const positions = first.frames
      .filter(({ type, data }) => type === 'event' && data['sequenceId'] === 2)
      .slice(1)
      .map(({ data: { stream, epoch, sequenceId } }) => ({ stream, epoch, sequenceId }));
    first.close();

    await publishTo(left, 3);
    const second = await connect(right.url);
    await second.call('subscribe', { ...follow, replay: { mode: 'resume', positions } });
    await second.find(({ type }) => type === 'replay_complete');
    await publishTo(left, 4);
    await receives(second, 2 * (SESSIONS - 1) + 4);
    const numbers = [...numbersOf(second).values()].map(String);
    // The stream without a position is replayed from its first event.
    expect(numbers.toSorted()).toEqual(['1,2,3,4', ...Array.from({ length: SESSIONS - 1 }, () => '3,4')]);
  });
});
