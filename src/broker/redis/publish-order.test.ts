/**
 * The events that one node publishes on a stream keep their order, even if Redis refuses some of them until the stream is prepared, and
 * another node prepares it at the same time.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { eventTable } from '../../catalogue/event-table.ts';
import type { PublishResult } from '../broker.ts';
import { draftOf } from '../testing/event-drafts.ts';
import { RecordingListener } from '../testing/recording-listener.ts';
import { RedisProcess } from '../testing/redis-process.ts';
import { SUITE_LIMITS } from '../testing/suite-limits.ts';
import { RedisBroker } from './redis-broker.ts';

const META = 'tidemark:{main}:meta';
/** The number of bursts of events that are published while each fault occurs. */
const BURSTS = 10;
const FAULTS = 30;
const BURST_EVENTS = 40;

let redis: RedisProcess;
beforeAll(async () => {
  redis = await RedisProcess.start();
});
afterAll(() => redis.stop());

/** Changes the incarnation in the state of the stream, as if the server had restarted. */
const FENCE = `local state = redis.call('GET', KEYS[1])
  return redis.call('SET', KEYS[1], (string.gsub(state, '^(f2 %d+ %d+ %S+ %S+) %S+', '%1 another:server')))`;

async function startedBroker(): Promise<RedisBroker> {
  const broker = new RedisBroker({
    url: redis.url,
    limits: SUITE_LIMITS,
    events: eventTable(),
    commandTimeoutMs: 30_000,
    deadAfterMs: 60_000,
    leaseMs: 120_000,
  });
  onTestFinished(() => broker.close());
  await broker.start(new RecordingListener());
  return broker;
}

test.each([
  ['the stream expires', ['DEL', META], FAULTS],
  ['Redis loses everything', ['FLUSHALL'], FAULTS],
  ['the server of the stream changes', ['EVAL', FENCE, '1', META], FAULTS],
  ['Redis forgets its scripts', ['SCRIPT', 'FLUSH'], FAULTS],
] as const)(
  'if %s again and again, the events of each epoch have the order of their publishes',
  async (_what, command, faults) => {
    const [broker, other] = [await startedBroker(), await startedBroker()];
    const publishes: Promise<PublishResult>[] = [];
    const others: Promise<PublishResult>[] = [];
    for (let fault = 0; fault < faults; fault += 1) {
      const injected = redis.command(...command);
      for (let burst = 0; burst < BURSTS; burst += 1) {
        for (let n = 0; n < BURST_EVENTS; n += 1) publishes.push(broker.publish(draftOf()));
        others.push(other.publish(draftOf()), other.publish(draftOf({ stream: 'workspace:a' })));
        await nextTurn();
      }
      await injected;
      await Promise.all([publishes.at(-1), ...others.splice(0)]);
    }
    const results = await Promise.all(publishes);
    const byEpoch = Map.groupBy(results, ({ epoch }) => epoch);
    for (const epoch of byEpoch.values()) {
      const numbers = epoch.map(({ sequenceId }) => sequenceId);
      expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    }
    // No epoch begins before the previous one has ended.
    const epochs = results.map(({ epoch }) => epoch);
    expect(epochs.filter((epoch, at) => epoch !== epochs[at - 1])).toHaveLength(byEpoch.size);
  },
);
