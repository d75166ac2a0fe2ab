/** The checks before a node uses a connection, and how a failed connection is replaced. */
import { setTimeout as delay } from 'node:timers/promises';
import pino from 'pino';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { eventTable } from '../../catalogue/event-table.ts';
import { createGateway } from '../../gateway.ts';
import { draftOf } from '../testing/event-drafts.ts';
import { RecordingListener } from '../testing/recording-listener.ts';
import { SUITE_LIMITS } from '../testing/suite-limits.ts';
import { ACL_LOGIN, createAclUser } from '../testing/acl-rules.ts';
import { freePort } from '../../testing/free-port.ts';
import { RedisProcess } from '../testing/redis-process.ts';
import { RedisBroker, redisBroker } from './redis-broker.ts';

const silent = pino({ level: 'silent' });
const resources: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const release of resources.splice(0).toReversed()) await release();
});

async function startRedis(options: Parameters<typeof RedisProcess.start>[0] = {}): Promise<RedisProcess> {
  const redis = await RedisProcess.start(options);
  resources.push(() => redis.stop());
  return redis;
}

function brokerAt(url: string): RedisBroker {
  const broker = new RedisBroker({ url, limits: SUITE_LIMITS, events: eventTable() });
  resources.push(() => broker.close());
  return broker;
}

describe('a node that cannot use Redis', () => {
  test('does not start on a database that the server does not have', async () => {
    const redis = await startRedis();
    const start = brokerAt(`${redis.url}/99`).start(new RecordingListener());
    await expect(start).rejects.toThrow(
      /cannot be used: it has no database with this number \(ERR DB index is out of range\)/,
    );
    expect(await redis.command('DBSIZE')).toBe(':0\r\n');
  });

  test('does not start as a user who may not run a rarely needed command, and names the command', async () => {
    const redis = await startRedis();
    await createAclUser(redis);
    await redis.command('ACL', 'SETUSER', 'tidemark', '-memory|usage', '-zpopmin');
    const start = brokerAt(`redis://${ACL_LOGIN}@127.0.0.1:${redis.port}`).start(new RecordingListener());
    await expect(start).rejects.toThrow(
      /is not allowed to run MEMORY USAGE, ZPOPMIN on keys and channels that begin with "tidemark:"/,
    );
  });

  test.each([
    ['a later version', ['SET', 'tidemark:format', '3'], /has streams in format 3.*reads format 2/],
    ['version 1.0', ['SET', 'tidemark:{main}:meta', '5 1 id epoch run:repl 0 0'], /has streams in format 1/],
  ])('does not start on the keys of %s, and changes nothing there', async (_, command, reason) => {
    const redis = await startRedis();
    await redis.command(...command);
    await expect(brokerAt(redis.url).start(new RecordingListener())).rejects.toThrow(reason);
    expect(await redis.command('GET', command[1] ?? '')).toContain(command[2]);
    expect(await redis.command('DBSIZE')).toBe(':1\r\n');
  });
});

describe('a stream that another version has written', () => {
  test('is not changed: publishes to it are refused with the reason', async () => {
    const redis = await startRedis();
    const broker = brokerAt(redis.url);
    await broker.start(new RecordingListener());
    await redis.command('SET', 'tidemark:{main}:meta', 'f3 5 1 id epoch run:repl 0 0 new');
    await expect(broker.publish(draftOf())).rejects.toMatchObject({
      code: 'broker_unavailable',
      message: expect.stringContaining('another version of Tidemark wrote the stream main'),
      details: { outcome: 'not_stored' },
    });
    expect(await redis.command('EXISTS', 'tidemark:{main}:log')).toBe(':0\r\n');
  });
});

describe('gateways on two databases of one Redis', () => {
  test('do not share events, losses or questions', async () => {
    const redis = await startRedis();
    const listeners = [new RecordingListener(), new RecordingListener()];
    const brokers = listeners.map((_, index) => brokerAt(`${redis.url}/${index + 2}`));
    for (const [index, listener] of listeners.entries()) {
      await brokers[index]?.start(listener);
      await brokers[index]?.attach('main');
    }
    const [first] = brokers;
    await first?.publish(draftOf());
    await first?.announce({ stream: 'main', paths: ['src'] });
    for (const broker of brokers) await broker.sync('main');
    await vi.waitFor(() => expect(listeners[0]?.sourceLosses).toHaveLength(1));
    expect(listeners.map(({ events }) => events.length)).toEqual([1, 0]);
    expect(listeners.map(({ sourceLosses }) => sourceLosses.length)).toEqual([1, 0]);
    expect(await first?.askNodes('who is there')).toEqual({ answers: [], missing: [] });
  });
});

describe('a gateway whose Redis is unavailable at its first publish', () => {
  test('rejects the publish as unavailable, and recovers as soon as Redis is reachable', async () => {
    const port = await freePort();
    const broker = redisBroker({ url: `redis://127.0.0.1:${port}` });
    const gateway = createGateway({ broker, log: silent });
    resources.push(() => gateway.close({ drainMs: 0 }));
    await expect(gateway.publish('step.done', {})).rejects.toMatchObject({
      code: 'broker_unavailable',
      details: { outcome: 'not_stored' },
    });
    const redis = await startRedis({ port });
    expect(redis.port).toBe(port);
    expect(await gateway.publish('step.done', {})).toMatchObject({ sequenceId: 1 });
  });
});

describe('sentinels and a master that are unavailable for longer than the time limit for connecting', () => {
  test('are found again by a node after they have restarted', async () => {
    const master = await startRedis();
    const monitor = `sentinel monitor tide 127.0.0.1 ${master.port} 1`;
    const sentinel = await startRedis({ sentinel: [monitor, 'sentinel down-after-milliseconds tide 60000'] });
    const broker = brokerAt(`redis+sentinel://127.0.0.1:${sentinel.port}/tide`);
    await broker.start(new RecordingListener());
    await broker.publish(draftOf());
    await Promise.all([sentinel.kill(), master.kill()]);
    await vi.waitFor(() => expect(broker.health().connected).toBe(false), 5_000);
    // The pause is long enough that several attempts are reset while the sentinels are being asked.
    await delay(5_000);
    await Promise.all([sentinel.launch(), master.launch()]);
    await vi.waitFor(async () => expect(await broker.publish(draftOf())).toMatchObject({ stream: 'main' }), 60_000);
  });
});
