/** Operators and other programs change a running Redis. No event may be lost, duplicated or reordered without a report. */
import { afterEach, describe, expect, test, vi } from 'vitest';
import { eventTable } from '../../catalogue/event-table.ts';
import { draftOf } from '../testing/event-drafts.ts';
import { RecordingListener } from '../testing/recording-listener.ts';
import { SUITE_LIMITS } from '../testing/suite-limits.ts';
import type { BrokerLimits } from '../broker.ts';
import { ACL_LOGIN, createAclUser } from '../testing/acl-rules.ts';
import { RedisProcess } from '../testing/redis-process.ts';
import { RedisRig, until } from '../testing/redis-rig.ts';
import { RedisBroker } from './redis-broker.ts';

const resources: { close?(): Promise<void>; stop?(): Promise<void> }[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  for (const resource of resources.splice(0)) await (resource.close?.() ?? resource.stop?.());
});

function held<T extends (typeof resources)[number]>(resource: T): T {
  resources.unshift(resource);
  return resource;
}

async function loadedNodes(redis: RedisProcess, url = redis.url): Promise<RedisRig> {
  const rig = held(await RedisRig.start({ url, nodes: 3, patient: true }));
  rig.load({ publishers: 6, pauseMs: 2 });
  await rig.progress(100);
  return rig;
}

describe('under load', () => {
  test('FLUSHALL begins a new epoch, which is reported to every subscriber', async () => {
    const redis = held(await RedisProcess.start());
    const rig = await loadedNodes(redis);
    await redis.command('FLUSHALL');
    await rig.progress(200);
    expect((await rig.finish()).violations).toEqual([]);
    for (const { history } of rig.nodes) {
      expect(history.losses.map(({ reason }) => reason)).toEqual(['epoch_changed']);
    }
  });

  test('SCRIPT FLUSH loses and rejects nothing', async () => {
    const redis = held(await RedisProcess.start());
    const rig = await loadedNodes(redis);
    for (let turn = 0; turn < 3; turn += 1) {
      await redis.command('SCRIPT', 'FLUSH');
      await rig.progress(60);
    }
    const { violations, deliveredEverywhere } = await rig.finish();
    expect(violations).toEqual([]);
    expect(deliveredEverywhere).toBe(rig.acknowledged.length);
    expect(rig.refused).toEqual({ not_stored: 0, unknown: 0 });
  });

  test.each(['ALL', 'WRITE'])('CLIENT PAUSE %s only delays events', async (mode) => {
    const redis = held(await RedisProcess.start());
    const rig = await loadedNodes(redis);
    await redis.command('CLIENT', 'PAUSE', '1500', mode);
    await rig.progress(200);
    expect((await rig.finish()).violations).toEqual([]);
    for (const { history } of rig.nodes) expect(history.losses).toEqual([]);
  });

  test.each(['memory|usage', 'set', 'publish', 'xtrim'])(
    'a publish without a needed permission (%s) stores nothing, and succeeds once the permission is restored',
    async (command) => {
      const redis = held(await RedisProcess.start());
      await createAclUser(redis);
      const url = `redis://${ACL_LOGIN}@127.0.0.1:${redis.port}`;
      const rig = await loadedNodes(redis, url);
      await redis.command('ACL', 'SETUSER', 'tidemark', `-${command}`);
      await until(() => rig.refused.not_stored > 20, 40_000, 'refusals');
      await redis.command('ACL', 'SETUSER', 'tidemark', `+${command}`);
      await rig.progress(100);
      const late = await rig.join('late');
      await rig.progress(20);
      const { violations } = await rig.finish();
      expect(violations).toEqual([]);
      const numbers = rig.acknowledged.map(({ sequenceId }) => sequenceId).toSorted((a, b) => a - b);
      expect(new Set(numbers).size).toBe(numbers.length);
      expect(late.broker.snapshot('main').floor).toBe(1);
      for (const { history } of rig.nodes) expect(history.losses).toEqual([]);
    },
  );
});

/** Atomically exchanges the keys of the stream for those of database 1. */
const EXCHANGE = `for at, key in ipairs(KEYS) do
    redis.call('COPY', key, key .. ':spare', 'DB', 1, 'REPLACE')
    redis.call('DEL', key)
    redis.call('SELECT', 1)
    redis.call('COPY', key, key, 'DB', 0)
    redis.call('DEL', key)
    if redis.call('EXISTS', key .. ':spare') == 1 then redis.call('RENAME', key .. ':spare', key) end
    redis.call('SELECT', 0)
  end`;
const STREAM_KEYS = ['meta', 'log', 'latest', 'order', 'losses'].map((name) => `tidemark:{main}:${name}`);

test.each([
  ['are lost and restored', ['EVAL', EXCHANGE, String(STREAM_KEYS.length), ...STREAM_KEYS]],
  ['are exchanged with another database, twice', ['SWAPDB', '0', '1']],
])(
  'if the keys of a stream %s while Redis runs, a new epoch begins, and no event is delivered twice',
  async (_, command) => {
    const redis = held(await RedisProcess.start());
    const rig = await loadedNodes(redis);
    await redis.command(...command);
    await rig.progress(100);
    const before = new Set(rig.acknowledged.map(({ epoch }) => epoch));
    expect(before.size).toBe(2);
    await redis.command(...command);
    await rig.progress(100);
    expect((await rig.finish()).violations).toEqual([]);
    expect(before).not.toContain(rig.acknowledged.at(-1)?.epoch);
    for (const { history } of rig.nodes) {
      const ids = history.events.map(({ eventId }) => eventId);
      expect(new Set(ids).size).toBe(ids.length);
    }
  },
);

describe('a clock', () => {
  test('a node clock that jumps by a day, forward and back, causes no loss and no disconnect', async () => {
    const redis = held(await RedisProcess.start());
    const rig = await loadedNodes(redis);
    const now = Date.now.bind(Date);
    for (const days of [1, -1, 0]) {
      vi.spyOn(Date, 'now').mockImplementation(() => now() + days * 86_400_000);
      await rig.progress(60);
    }
    const { violations, deliveredEverywhere } = await rig.finish();
    expect(violations).toEqual([]);
    expect(deliveredEverywhere).toBe(rig.acknowledged.length);
    for (const { history } of rig.nodes) expect(history.health.every(({ connected }) => connected)).toBe(true);
  });

  test('if the clock of Redis is set back by an hour under load, emittedAt stays constant for an hour, and nothing is lost', async () => {
    const redis = held(await RedisProcess.start());
    const rig = await loadedNodes(redis);
    // The state of a stream whose last event was stored before the clock was set back.
    const ahead = `local s = redis.call('GET', KEYS[1])
      local seq, at, rest = string.match(s, '^f2 (%d+) (%d+) (.*)$')
      return redis.call('SET', KEYS[1], 'f2 ' .. seq .. ' ' .. (at + 3600000) .. ' ' .. rest)`;
    expect(await redis.command('EVAL', ahead, '1', 'tidemark:{main}:meta')).toBe('+OK\r\n');
    await rig.progress(100);
    const { violations, deliveredEverywhere } = await rig.finish();
    expect(violations).toEqual([]);
    expect(deliveredEverywhere).toBe(rig.acknowledged.length);
    const times = rig.nodes[0]?.history.events.map(({ emittedAt }) => emittedAt) ?? [];
    expect(times).toEqual(times.toSorted());
    expect(Date.parse(times.at(-1) ?? '')).toBeGreaterThan(Date.now() + 3_000_000);
  });
});

describe('a log', () => {
  async function brokerOn(redis: RedisProcess, limits: Partial<BrokerLimits> = {}): Promise<RedisBroker> {
    const broker = held(
      new RedisBroker({ url: redis.url, limits: { ...SUITE_LIMITS, ...limits }, events: eventTable() }),
    );
    await broker.start(new RecordingListener());
    return broker;
  }

  test('can be read although several entries have the same number and some were never published', async () => {
    const redis = held(await RedisProcess.start());
    const broker = await brokerOn(redis);
    const published = [await broker.publish(draftOf()), await broker.publish(draftOf())];
    const { epoch } = published[0] ?? { epoch: '' };
    const future = Date.now() + 3_600_000;
    for (const [at, number] of [
      [future, 3],
      [future + 1, 3],
    ] as const) {
      const line = `${epoch} ${number} ${at} never-${at} modified_cluster "source":{"name":"x","principal":"p"},"payload":{}`;
      await redis.command('XADD', 'tidemark:{main}:log', `${at}-${number}`, 'e', line);
    }
    const late = await brokerOn(redis);
    await late.attach('main');
    expect(late.snapshot('main').head).toEqual({ epoch, sequenceId: 2 });
    expect(
      late
        .snapshot('main')
        .since(0)
        .flat()
        .map(({ eventId }) => eventId),
    ).toEqual(published.map(({ eventId }) => eventId));
  });

  test('can be read from the event after a missing one', async () => {
    const redis = held(await RedisProcess.start());
    const broker = await brokerOn(redis);
    for (let n = 0; n < 5; n += 1) await broker.publish(draftOf());
    const entries = await redis.command('XRANGE', 'tidemark:{main}:log', '-', '+');
    await redis.command('XDEL', 'tidemark:{main}:log', /\d+-3(?=\r)/.exec(entries)?.[0] ?? '');
    const late = await brokerOn(redis);
    await late.attach('main');
    expect(late.snapshot('main')).toMatchObject({ head: { sequenceId: 5 }, floor: 4 });
  });

  test('is kept for twice the age of history after each publish, even with few events', async () => {
    const redis = held(await RedisProcess.start());
    const broker = await brokerOn(redis, { historyAgeMs: 30_000 });
    for (let turn = 0; turn < 3; turn += 1) {
      await broker.publish(draftOf());
      const ttl = Number(/^:(\d+)/.exec(await redis.command('PTTL', 'tidemark:{main}:log'))?.[1]);
      expect(ttl).toBeGreaterThan(50_000);
      await redis.command('PEXPIRE', 'tidemark:{main}:log', '1000');
    }
  });
});
