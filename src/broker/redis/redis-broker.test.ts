import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { eventTable } from '../../catalogue/event-table.ts';
import { brokerSuite } from '../broker-suite.ts';
import type { BrokerLog } from '../broker.ts';
import { draftOf, entity } from '../testing/event-drafts.ts';
import { RecordingListener } from '../testing/recording-listener.ts';
import { PATIENT_TIMING, SUITE_LIMITS } from '../testing/suite-limits.ts';
import { RedisBroker } from './redis-broker.ts';
import type { RedisBrokerOptions } from './redis-broker.ts';
import { ACL_LOGIN, createAclUser } from '../testing/acl-rules.ts';
import { RedisProcess } from '../testing/redis-process.ts';
import { RedisRig } from '../testing/redis-rig.ts';

const events = eventTable();
let redis: RedisProcess;
let prefixes = 0;

/** Creates a node that compares its heads with Redis often. */
const patientNode = (options: Pick<RedisBrokerOptions, 'url'> & Partial<RedisBrokerOptions>): RedisBroker =>
  new RedisBroker({ limits: SUITE_LIMITS, events, heartbeatIntervalMs: 100, ...PATIENT_TIMING, ...options });

/** The address of the Redis with a new key prefix, so that tests do not share keys. */
const freshUrl = (): string => `redis://${ACL_LOGIN}@127.0.0.1:${redis.port}?prefix=tidemark:t${(prefixes += 1)}`;

beforeAll(async () => {
  redis = await RedisProcess.start();
  await createAclUser(redis);
});
afterAll(() => redis.stop());

brokerSuite({
  name: 'redis',
  create: (limits) => {
    const heartbeatIntervalMs = Math.min(1_000, limits.sessionTtlMs / 5);
    return Promise.resolve(
      new RedisBroker({ url: freshUrl(), limits, events, heartbeatIntervalMs, ...PATIENT_TIMING }),
    );
  },
});

describe('two nodes on one Redis', () => {
  test('both receive a source loss, even if the subscription of one was down at the time', async () => {
    const url = freshUrl();
    const listeners = [new RecordingListener(), new RecordingListener()];
    const brokers = listeners.map(() => patientNode({ url }));
    for (const [index, listener] of listeners.entries()) await brokers[index]?.start(listener);
    await Promise.all(brokers.map((broker) => broker.attach('workspace:a')));
    await brokers[0]?.announce({ stream: 'workspace:a', paths: ['src'] });
    await redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await brokers[0]?.announce({ stream: 'workspace:a', paths: ['docs'] });
    const losses = ['src', 'docs'].map((path) => ({ stream: 'workspace:a', paths: [path] }));
    await vi.waitFor(() => expect(listeners.map(({ sourceLosses }) => sourceLosses)).toEqual([losses, losses]), 30_000);
    await Promise.all(brokers.map((broker) => broker.close()));
  });

  test('receive a source loss in a new epoch, in which the count of losses restarts', async () => {
    const url = freshUrl();
    const listener = new RecordingListener();
    const broker = patientNode({ url });
    await broker.start(listener);
    await broker.attach('main');
    for (const path of ['a', 'b']) await broker.announce({ stream: 'main', paths: [path] });
    await redis.command('DEL', `${new URL(url).searchParams.get('prefix') ?? ''}:{main}:meta`);
    await vi.waitFor(() => expect(listener.losses).toMatchObject([{ reason: 'epoch_changed' }]), 30_000);
    await broker.announce({ stream: 'main', paths: ['c'] });
    const losses = ['a', 'b', 'c'].map((path) => ({ stream: 'main', paths: [path] }));
    await vi.waitFor(() => expect(listener.sourceLosses).toEqual(losses), 30_000);
    expect(broker.snapshot('main').losses).toMatchObject([{ paths: ['c'] }]);
    await broker.close();
  });

  test('have the same history of an attached session stream after a time without events (RPL-5)', async () => {
    const url = freshUrl();
    const stream = 'session:s';
    const limits = { ...SUITE_LIMITS, sessionTtlMs: 3_000, sessionHistoryEvents: 1 };
    const [first, second, third] = [
      patientNode({ url, limits }),
      patientNode({ url, limits }),
      patientNode({ url, limits }),
    ];
    for (const broker of [first, second, third]) await broker.start(new RecordingListener());
    await first.attach(stream);
    for (const id of ['a', 'b']) await first.publish({ ...entity(id), stream });
    const log = `${new URL(url).searchParams.get('prefix') ?? ''}:{${stream}}:log`;
    await vi.waitFor(async () => expect(await redis.command('EXISTS', log)).toBe(':0\r\n'), 30_000);
    await second.attach(stream);
    const expired = { head: { sequenceId: 2 }, floor: 3, retained: [], keysEvicted: true };
    expect(second.snapshot(stream)).toMatchObject(expired);
    // The first node has not read its history since the expiry. So the next event ends the history.
    await first.publish({ ...entity('c'), stream });
    await Promise.all([first.sync(stream), second.sync(stream)]);
    await third.attach(stream);
    for (const broker of [first, second, third])
      expect(broker.snapshot(stream)).toMatchObject({ ...expired, head: { sequenceId: 3 } });
    await Promise.all([first, second, third].map((broker) => broker.close()));
  });

  test('log why they cannot answer a question; the node that asks reports them as missing', async () => {
    const url = freshUrl();
    const warn = vi.fn<BrokerLog['warn']>();
    const log = { info: () => undefined, warn };
    const asking = patientNode({ url });
    const asked = patientNode({ url, log });
    const failing = Object.assign(new RecordingListener(), {
      nodeId: 'failing',
      onQuestion: () => Promise.reject(new TypeError('a defect')),
    });
    await asking.start(new RecordingListener());
    await asked.start(failing);
    await vi.waitFor(() => expect(asking.health().peers).toHaveLength(1), 30_000);
    expect(await asking.askNodes('which files?')).toEqual({ answers: [], missing: ['failing'] });
    const warning = [{ err: new TypeError('a defect') }, 'This node could not answer a question of another node'];
    await vi.waitFor(() => expect(warn.mock.calls).toContainEqual(warning), 30_000);
    await Promise.all([asking.close(), asked.close()]);
  });

  test('learn when the node that asked no longer waits for the answer', async () => {
    const url = freshUrl();
    const [asking, asked] = [patientNode({ url }), patientNode({ url })];
    const awaited: boolean[] = [];
    const late = Object.assign(new RecordingListener(), {
      nodeId: 'late',
      onQuestion: async (_question: string, isAwaited: () => boolean) => {
        awaited.push(isAwaited());
        while (isAwaited()) await delay(10);
        awaited.push(isAwaited());
        return 'an incomplete answer';
      },
    });
    await asking.start(new RecordingListener());
    await asked.start(late);
    await vi.waitFor(() => expect(asking.health().peers).toHaveLength(1), 30_000);
    expect(await asking.askNodes('which files?')).toEqual({ answers: [], missing: ['late'] });
    await vi.waitFor(() => expect(awaited).toEqual([true, false]), 30_000);
    await Promise.all([asking.close(), asked.close()]);
  });

  test('recognise idempotency keys that the other node stored', async () => {
    const url = freshUrl();
    const brokers = [0, 1].map(() => patientNode({ url }));
    await Promise.all(brokers.map((broker) => broker.start(new RecordingListener())));
    const draft = draftOf({ idempotencyKey: 'k' });
    const results = await Promise.all(brokers.map((broker) => broker.publish(draft)));
    expect(results.filter(({ duplicate }) => duplicate)).toHaveLength(1);
    expect(results[0]?.eventId).toBe(results[1]?.eventId);
    await Promise.all(brokers.map((broker) => broker.close()));
  });
});

describe('unreadable data that another program writes into Redis', () => {
  test('neither ends the process nor delays events', async () => {
    const url = freshUrl();
    const prefix = new URL(url).searchParams.get('prefix') ?? '';
    const broker = patientNode({ url });
    const listener = new RecordingListener();
    await broker.start(listener);
    await broker.attach('main');
    for (const [channel, text] of [
      ['nodes', 'beat x 1 %'],
      ['nodes', 'ask'],
      ['{main}:live', 'no line'],
      ['{main}:live', '?'],
      ['{main}:live', '?1 no loss'],
    ] as const) {
      expect(await redis.command('PUBLISH', `${prefix}:0:${channel}`, text)).toBe(':1\r\n');
    }
    await broker.publish(draftOf());
    await vi.waitFor(() => expect(listener.sequenceIds('main')).toEqual([1]), 30_000);
    await broker.close();
  });
});

describe('the start', () => {
  test('fails with the address of the server when nothing listens there, without the password', async () => {
    const broker = new RedisBroker({ url: 'redis://ana:secret@127.0.0.1:1', limits: SUITE_LIMITS, events });
    const failure = broker.start(new RecordingListener());
    await expect(failure).rejects.toThrow(/^Redis at redis:\/\/127\.0\.0\.1:1 cannot be used: .*ECONNREFUSED/);
    await expect(failure).rejects.not.toThrow(/secret/);
  });

  test('warns if Redis may evict keys of streams', async () => {
    const warnings: string[] = [];
    const log = { info: () => undefined, warn: (_: unknown, text: string) => void warnings.push(text) };
    for (const policy of ['allkeys-lru', 'noeviction']) {
      await redis.command('CONFIG', 'SET', 'maxmemory-policy', policy);
      const broker = new RedisBroker({ url: freshUrl(), limits: SUITE_LIMITS, events, log });
      await broker.start(new RecordingListener());
      await broker.close();
    }
    expect(warnings).toEqual([expect.stringMatching(/may evict keys.*maxmemory-policy noeviction/)]);
  });
});

describe('three nodes on one Redis', () => {
  let rig: RedisRig;
  afterEach(() => rig.close());

  test('deliver 20,000 events of 20 publishers exactly once to every node, in order and without holes', async () => {
    rig = await RedisRig.start({ url: freshUrl(), nodes: 3, limits: { historyEvents: 100_000 }, patient: true });
    await rig.burst({ publishers: 20, count: 1_000 });
    expect(await rig.finish()).toEqual({ violations: [], deliveredEverywhere: 20_000 });
    for (const { history, broker } of rig.nodes) {
      expect(history.events).toHaveLength(20_000);
      expect(history.losses).toEqual([]);
      expect(
        broker
          .snapshot('main')
          .since(0)
          .flat()
          .map((record) => record.body),
      ).toEqual(history.events.map((record) => record.body));
    }
  });

  test('give the same history to a node that starts later, so that a resume on this node is exact', async () => {
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
        .flat()
        .map(({ body }) => body) ?? [];
    expect(bodies(late)).toEqual(bodies(first));
    expect(late.history.start?.sequenceId).toBeGreaterThanOrEqual(300);
  });
});
