/** How many events share a script call. Each call announces its events in one message on the channel of the stream. */
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { eventTable } from '../../catalogue/event-table.ts';
import { draftOf } from '../testing/event-drafts.ts';
import { RecordingListener } from '../testing/recording-listener.ts';
import { RedisProcess } from '../testing/redis-process.ts';
import { SUITE_LIMITS } from '../testing/suite-limits.ts';
import { RedisBroker } from './redis-broker.ts';

let redis: RedisProcess;
beforeAll(async () => {
  redis = await RedisProcess.start();
});
afterAll(() => redis.stop());

const events = eventTable();

/** The interval of heartbeats is longer than the test, so that all script calls are publishes. */
const RARELY_MS = 600_000;

async function scriptCalls(): Promise<number> {
  const [, calls = '0'] = /cmdstat_evalsha:calls=(\d+)/.exec(await redis.command('INFO', 'commandstats')) ?? [];
  return Number(calls);
}

/** Publishes events in one turn of the event loop. @returns the number of events of each script call, in order */
async function callSizes(count: number): Promise<readonly number[]> {
  const broker = new RedisBroker({
    url: `${redis.url}?prefix=p${count}`,
    limits: SUITE_LIMITS,
    events,
    heartbeatIntervalMs: RARELY_MS,
  });
  onTestFinished(() => broker.close());
  await broker.start(new RecordingListener());
  // The first event of a stream needs other calls as well.
  await broker.publish(draftOf());
  const listener = new Redis(redis.url);
  onTestFinished(() => listener.disconnect());
  const messages: (readonly string[])[] = [];
  listener.on('pmessage', (_pattern, _channel, text: string) => {
    const [header = '', ...lines] = text.split('\n');
    if (header.startsWith('@')) messages.push(lines);
  });
  await listener.psubscribe(`p${count}:*`);
  const callsBefore = await scriptCalls();
  const results = await Promise.all(Array.from({ length: count }, () => broker.publish(draftOf())));
  expect(results.map(({ sequenceId }) => sequenceId)).toEqual(Array.from({ length: count }, (_, at) => at + 2));
  await vi.waitFor(() => expect(messages.flat()).toHaveLength(count), 30_000);
  expect((await scriptCalls()) - callsBefore).toBe(messages.length);
  return messages.map(({ length }) => length);
}

test('events that are published in one turn share a call', async () => {
  expect(await callSizes(31)).toEqual([31]);
});

test('a call is not sent without events', async () => {
  expect(await callSizes(32)).toEqual([32]);
});

test('of many events, the first are sent before the others are encoded, and the others share calls when Redis has answered', async () => {
  expect(await callSizes(400)).toEqual([32, 32, 128, 128, 80]);
});
