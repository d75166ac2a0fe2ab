import { afterAll, beforeAll, expect, test } from 'vitest';
import { upTo } from '../testing/event-drafts.ts';
import { RedisProcess } from '../testing/redis-process.ts';
import { RedisConnection } from './connection.ts';
import { RedisKeys } from './keys.ts';
import { StreamChannels } from './stream-channels.ts';
import { parseRedisUrl } from './url.ts';

const keys = new RedisKeys({ prefix: 'tidemark', db: 0 });
let redis: RedisProcess;
let connection: RedisConnection;

beforeAll(async () => {
  redis = await RedisProcess.start();
  connection = new RedisConnection({
    address: parseRedisUrl(redis.url),
    commandTimeoutMs: 30_000,
    log: { info: () => undefined, warn: () => undefined },
    events: {
      onMessage: () => undefined,
      onCommandsLost: () => undefined,
      onSubscriberLost: () => undefined,
      onSubscriberReady: () => undefined,
    },
  });
  await connection.connect();
});
afterAll(async () => {
  connection.close();
  await redis.stop();
});

/** The number of connections that are subscribed to the stream's channel. */
async function subscribers(stream: string): Promise<string | undefined> {
  return (await redis.command('PUBSUB', 'NUMSUB', keys.of(stream).channel)).split('\r\n').at(-2);
}

test('a stream that is opened again while it is being closed stays subscribed', async () => {
  const channels = new StreamChannels({ connection, keys });
  await channels.open('main');
  for (const other of upTo(20).map((n) => `workspace:${n}`)) {
    channels.close('main');
    const closing = channels.open(other);
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    await Promise.all([closing, channels.open('main')]);
    expect(await subscribers('main')).toBe(':1');
  }
});

test('after a failed command, an open stream is subscribed again, and a closed one is not', async () => {
  let failing = true;
  const channels = new StreamChannels({
    keys,
    connection: {
      subscribeStreams: (names) =>
        failing ? Promise.reject(new Error('Redis does not answer')) : connection.subscribeStreams(names),
      unsubscribeStreams: (names) => connection.unsubscribeStreams(names),
    },
  });
  await expect(channels.open('session:kept')).rejects.toThrow('does not answer');
  await expect(channels.open('session:left')).rejects.toThrow('does not answer');
  channels.close('session:left');
  failing = false;
  await channels.reconcile();
  expect([await subscribers('session:kept'), await subscribers('session:left')]).toEqual([':1', ':0']);
});
