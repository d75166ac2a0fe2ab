/** Follows of streams on a real Redis, while reads fail, messages arrive late, and streams appear, expire or exist already. */
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { eventTable } from '../../catalogue/event-table.ts';
import { draftOf, upTo } from '../testing/event-drafts.ts';
import { RecordingListener } from '../testing/recording-listener.ts';
import { RedisProcess } from '../testing/redis-process.ts';
import { SUITE_LIMITS } from '../testing/suite-limits.ts';
import type { BrokerLimits, PublishResult } from '../broker.ts';
import { AttachedStreams } from './attached-streams.ts';
import { RedisConnection } from './connection.ts';
import { FollowedStreams } from './followed-streams.ts';
import { RedisBroker } from './redis-broker.ts';

const PATIENCE = { timeout: 20_000, interval: 20 } as const;
const events = eventTable();
let redis: RedisProcess;
let prefix = 'tidemark:f0';
const brokers: RedisBroker[] = [];

beforeAll(async () => {
  redis = await RedisProcess.start();
});
afterAll(() => redis.stop());
afterEach(async () => {
  vi.restoreAllMocks();
  await Promise.all(brokers.splice(0).map((broker) => broker.close()));
  prefix = `tidemark:f${Number(prefix.slice('tidemark:f'.length)) + 1}`;
});

interface Node {
  readonly broker: RedisBroker;
  readonly listener: RecordingListener;
}

/** `intervalMs` is the time between two comparisons of the heads. A comparison would repair the fault that a test causes. */
async function node({
  intervalMs = 100,
  limits = {},
}: { intervalMs?: number; limits?: Partial<BrokerLimits> } = {}): Promise<Node> {
  const listener = new RecordingListener();
  const broker = new RedisBroker({
    url: `${redis.url}?prefix=${prefix}`,
    limits: { ...SUITE_LIMITS, ...limits },
    events,
    heartbeatIntervalMs: intervalMs,
    // Time limits are long, so that nothing is refused on a busy machine.
    commandTimeoutMs: 30_000,
    deadAfterMs: 60_000,
    leaseMs: 120_000,
  });
  brokers.push(broker);
  await broker.start(listener);
  return { broker, listener };
}

const NEVER = 30_000;

const publish = ({ broker }: Node, stream: string): Promise<PublishResult> => broker.publish(draftOf({ stream }));

type Run = RedisConnection['run'];

/** Calls `around` instead of each script. `around` receives the script and decides whether it runs. */
function wrapRuns(around: (script: () => ReturnType<Run>, command: Parameters<Run>) => ReturnType<Run>): () => void {
  const run = Object.getOwnPropertyDescriptor(RedisConnection.prototype, 'run')?.value as Run;
  const spy = vi.spyOn(RedisConnection.prototype, 'run');
  spy.mockImplementation(function (this: RedisConnection, ...command) {
    return around(() => run.apply(this, command), command);
  });
  return () => spy.mockRestore();
}

/** Makes the commands of some scripts about a stream fail, until the returned function is called. */
function failing(name: string, stream: string): () => void {
  return wrapRuns((script, command) =>
    command[0] === name && JSON.stringify(command).includes(stream)
      ? Promise.reject(new Error('broken by the test'))
      : script(),
  );
}

/** The number of calls of a script by all nodes. */
function runsOf(name: string): () => number {
  const spy = vi.spyOn(RedisConnection.prototype, 'run');
  return () => spy.mock.calls.filter(([script]) => script === name).length;
}

describe('a follow by pattern', () => {
  test('of many streams reads a bounded number of them at a time', async () => {
    const STREAMS = 400;
    const writer = await node();
    await Promise.all(upTo(STREAMS).map((n) => publish(writer, `session:${n}`)));
    const { broker } = await node();
    let [now, most] = [0, 0];
    wrapRuns((script) => {
      now += 1;
      most = Math.max(most, now);
      return script().finally(() => (now -= 1));
    });
    await broker.follow('session:*');
    expect([...broker.followed(['session:*'])]).toHaveLength(STREAMS);
    expect(most).toBeLessThan(320);
  });

  test('delivers each event once, although the first reads of a stream fail and a subscription to it fails with them', async () => {
    const [writer, follower] = [await node(), await node()];
    await follower.broker.follow('session:*');
    const mend = failing('read', 'session:a');
    await publish(writer, 'session:a');
    await expect(follower.broker.attach('session:a')).rejects.toThrow('could not be read');
    mend();
    await publish(writer, 'session:a');
    await vi.waitFor(() => expect(follower.listener.sequenceIds('session:a')).toEqual([1, 2]), PATIENCE);
    await follower.broker.attach('session:a');
    await publish(writer, 'session:a');
    await vi.waitFor(() => expect(follower.listener.sequenceIds('session:a').length).toBeGreaterThan(2), PATIENCE);
    expect(follower.listener.sequenceIds('session:a')).toEqual([1, 2, 3]);
    expect(follower.listener.losses).toEqual([]);
  });

  test('that is repeated has the events of other nodes, even if their messages have not arrived yet', async () => {
    const [writer, follower] = [await node(), await node({ intervalMs: NEVER })];
    await publish(writer, 'session:a');
    await follower.broker.follow('session:*');
    vi.spyOn(AttachedStreams.prototype, 'receive').mockReturnValue();
    const results = [await publish(writer, 'session:a'), await publish(writer, 'session:b')];
    await follower.broker.follow('session:*');
    expect(results.map(({ stream }) => follower.broker.headOf(stream)?.sequenceId)).toEqual([2, 1]);
  });

  test('has the history of the streams from before the index', async () => {
    const [before, writer, follower] = [await node(), await node(), await node()];
    for (let n = 0; n < 3; n += 1) await publish(before, 'session:old');
    await redis.command('DEL', `${prefix}:streams`);
    await follower.broker.follow('session:*');
    expect(follower.broker.headOf('session:old')?.sequenceId).toBe(3);
    await publish(writer, 'session:old');
    await vi.waitFor(() => expect(follower.listener.sequenceIds('session:old')).toEqual([4]), PATIENCE);
    expect(follower.listener.losses).toEqual([]);
  });

  test('delivers only the new events of a stream that is entered late, and reports the earlier ones as a loss', async () => {
    const [before, writer, follower] = [await node(), await node(), await node()];
    await follower.broker.follow('session:*');
    const appeared = vi.spyOn(FollowedStreams.prototype, 'appeared').mockReturnValue();
    for (let n = 0; n < 3; n += 1) await publish(before, 'session:old');
    await redis.command('ZREM', `${prefix}:streams`, 'session:old');
    appeared.mockRestore();
    const { epoch } = await publish(writer, 'session:old');
    await vi.waitFor(() => expect(follower.listener.sequenceIds('session:old')).toEqual([4]), PATIENCE);
    const [from, to] = [0, 3].map((sequenceId) => ({ epoch, sequenceId }));
    expect(follower.listener.losses).toEqual([{ stream: 'session:old', from, to, reason: 'broker_lost' }]);
  });

  test('reports the end of a stream that expired and was created again before this node looked (MUL-6)', async () => {
    const limits = { sessionTtlMs: 500 };
    const [writer, follower] = [await node({ limits }), await node({ limits, intervalMs: NEVER })];
    await follower.broker.follow('session:*');
    await publish(writer, 'session:a');
    const meta = `${prefix}:{session:a}:meta`;
    await vi.waitFor(async () => expect(await redis.command('EXISTS', meta)).toBe(':0\r\n'), PATIENCE);
    await publish(writer, 'session:a');
    await vi.waitFor(() => expect(follower.listener.sequenceIds('session:a')).toEqual([1, 1]), PATIENCE);
    expect(follower.listener.ended).toEqual(['session:a']);
    expect(follower.listener.losses).toEqual([]);
  });

  test('does not create expired streams again, and removes them from the index', async () => {
    const limits = { sessionTtlMs: 300 };
    const [writer, follower] = [await node({ limits, intervalMs: NEVER }), await node({ limits, intervalMs: NEVER })];
    await publish(writer, 'session:a');
    const meta = `${prefix}:{session:a}:meta`;
    await vi.waitFor(async () => expect(await redis.command('EXISTS', meta)).toBe(':0\r\n'), PATIENCE);
    await follower.broker.follow('session:*');
    expect(await redis.command('EXISTS', meta)).toBe(':0\r\n');
    expect(await redis.command('ZSCORE', `${prefix}:streams`, 'session:a')).toBe('$-1\r\n');
  });
});

describe('a follow by name', () => {
  test('reads only the streams that it covers, and delivers a later stream from its first event', async () => {
    const [writer, follower] = [await node({ intervalMs: NEVER }), await node({ intervalMs: NEVER })];
    await publish(writer, 'session:other');
    await publish(writer, 'session:known');
    const replies: unknown[] = [];
    wrapRuns(async (script) => {
      const reply = await script();
      replies.push(reply);
      return reply;
    });
    await Promise.all(['session:known', 'session:later'].map((name) => follower.broker.follow(name)));
    expect(follower.broker.headOf('session:known')?.sequenceId).toBe(1);
    expect(JSON.stringify(replies)).not.toContain('session:other');
    for (let n = 0; n < 2; n += 1) await publish(writer, 'session:later');
    await vi.waitFor(() => expect(follower.listener.sequenceIds('session:later')).toEqual([1, 2]), PATIENCE);
  });

  test('that is repeated soon does not read the history again', async () => {
    const [writer, follower] = [await node(), await node()];
    await publish(writer, 'session:a');
    await follower.broker.follow('session:a');
    follower.broker.unfollow('session:a');
    const reads = runsOf('read');
    const looks = runsOf('renew');
    await vi.waitFor(() => expect(looks()).toBeGreaterThan(6), PATIENCE);
    await follower.broker.follow('session:a');
    expect(follower.broker.headOf('session:a')?.sequenceId).toBe(1);
    expect(reads()).toBe(0);
  });
});

test('expired streams are removed from the index, even if no node follows streams', async () => {
  const writer = await node({ limits: { sessionTtlMs: 200 } });
  await Promise.all(upTo(100).map((n) => publish(writer, `session:${n}`)));
  await publish(writer, 'main');
  const size = (): Promise<string> => redis.command('ZCARD', `${prefix}:streams`);
  expect(await size()).toBe(':102\r\n');
  await vi.waitFor(async () => expect(await size()).toBe(':2\r\n'), PATIENCE);
});

test('an attachment that fails after reading the history frees its memory', async () => {
  const { broker } = await node();
  await broker.publish(draftOf());
  const mend = failing('register', 'main');
  await expect(broker.attach('main')).rejects.toThrow('could not be read');
  mend();
  expect(broker.budgets()['historyBudgetBytes']?.used).toBe(0);
  await broker.attach('main');
  expect(broker.snapshot('main').head.sequenceId).toBe(1);
});

test('a stream that could not be entered into the index when it was created is entered later', async () => {
  const [writer, follower] = [await node(), await node()];
  await follower.broker.follow('session:*');
  const mend = failing('register', 'session:a');
  await expect(publish(writer, 'session:a')).rejects.toThrow('nothing was stored');
  mend();
  await publish(writer, 'session:a');
  await vi.waitFor(() => expect(follower.listener.sequenceIds('session:a')).toEqual([1]), PATIENCE);
});
