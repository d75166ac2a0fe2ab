/** Nodes follow streams of a real Redis while reads fail, messages arrive late, and streams appear, expire or exist already. */
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { draftOf, upTo } from '../testing/event-drafts.ts';
import { failing, NEVER, PATIENCE, publish, RedisNodes, wrapRuns } from '../testing/redis-nodes.ts';
import type { Node, NodeOptions } from '../testing/redis-nodes.ts';
import { AttachedStreams } from './attached-streams.ts';
import { RedisConnection } from './connection.ts';
import { FollowedStreams } from './followed-streams.ts';

let nodes: RedisNodes;
const node = (options?: NodeOptions): Promise<Node> => nodes.start(options);
const key = (name: string): string => `${nodes.prefix}:${name}`;

beforeAll(async () => {
  nodes = await RedisNodes.open('tidemark:f');
});
afterAll(() => nodes.close());
afterEach(async () => {
  vi.restoreAllMocks();
  await nodes.closeAll();
});

/** The number of calls of a script by all nodes. */
function runsOf(name: string): () => number {
  const spy = vi.spyOn(RedisConnection.prototype, 'run');
  return () => spy.mock.calls.filter(([script]) => script === name).length;
}

describe('a follow by pattern', () => {
  test('reads a bounded number of streams at a time', async () => {
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
    // At most 256 streams are read at a time; other scripts of both nodes run beside them.
    expect(most).toBeLessThan(STREAMS - 20);
  });

  test('reports a run of a stream that ended before it could be read, and delivers the next run', async () => {
    const [writer, later] = [await node({ limits: { sessionTtlMs: 400 } }), await node()];
    const follower = await node();
    await follower.broker.follow('session:*');
    const repair = wrapRuns((script, [name, keys]) =>
      ['read', 'heads'].includes(name) && keys.some((each) => each.includes('session:a'))
        ? Promise.reject(new Error('broken by the test'))
        : script(),
    );
    await publish(writer, 'session:a');
    const meta = key('{session:a}:meta');
    await vi.waitFor(async () => expect(await nodes.redis.command('EXISTS', meta)).toBe(':0\r\n'), PATIENCE);
    const { epoch } = await publish(later, 'session:a');
    repair();
    await vi.waitFor(() => expect(follower.listener.sequenceIds('session:a')).toEqual([1]), PATIENCE);
    const to = { epoch, sequenceId: 0 };
    expect(follower.listener.losses).toMatchObject([{ stream: 'session:a', to, reason: 'epoch_changed' }]);
  });

  test('delivers each event once, although the first reads of a stream fail, so that attaching it fails', async () => {
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

  test('has the events of other nodes when repeated, even if their messages have not arrived yet', async () => {
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
    await nodes.redis.command('DEL', key('streams'));
    await follower.broker.follow('session:*');
    expect(follower.broker.headOf('session:old')?.sequenceId).toBe(3);
    await publish(writer, 'session:old');
    await vi.waitFor(() => expect(follower.listener.sequenceIds('session:old')).toEqual([4]), PATIENCE);
    expect(follower.listener.losses).toEqual([]);
  });

  test('delivers only the new events of a stream that is entered late, and reports the earlier ones as a loss', async () => {
    // The follower must not read the index at intervals: it could find the stream before its entry is removed.
    const [before, writer, follower] = [await node(), await node(), await node({ intervalMs: NEVER })];
    await follower.broker.follow('session:*');
    const appeared = vi.spyOn(FollowedStreams.prototype, 'appeared').mockReturnValue();
    for (let n = 0; n < 3; n += 1) await publish(before, 'session:old');
    await nodes.redis.command('ZREM', key('streams'), 'session:old');
    appeared.mockRestore();
    const { epoch } = await publish(writer, 'session:old');
    await vi.waitFor(() => expect(follower.listener.sequenceIds('session:old')).toEqual([4]), PATIENCE);
    const [from, to] = [0, 3].map((sequenceId) => ({ epoch, sequenceId }));
    expect(follower.listener.losses).toEqual([{ stream: 'session:old', from, to, reason: 'broker_lost' }]);
  });

  test('reports the end of a stream that expired and was created again before this node read it again (MUL-6)', async () => {
    const limits = { sessionTtlMs: 500 };
    const [writer, follower] = [await node({ limits }), await node({ limits, intervalMs: NEVER })];
    await follower.broker.follow('session:*');
    await publish(writer, 'session:a');
    const meta = key('{session:a}:meta');
    await vi.waitFor(async () => expect(await nodes.redis.command('EXISTS', meta)).toBe(':0\r\n'), PATIENCE);
    await publish(writer, 'session:a');
    await vi.waitFor(() => expect(follower.listener.sequenceIds('session:a')).toEqual([1, 1]), PATIENCE);
    expect(follower.listener.ended).toEqual(['session:a']);
    expect(follower.listener.losses).toEqual([]);
  });

  test('does not create expired streams again, and removes them from the index', async () => {
    const limits = { sessionTtlMs: 300 };
    const [writer, follower] = [await node({ limits, intervalMs: NEVER }), await node({ limits, intervalMs: NEVER })];
    await publish(writer, 'session:a');
    const meta = key('{session:a}:meta');
    await vi.waitFor(async () => expect(await nodes.redis.command('EXISTS', meta)).toBe(':0\r\n'), PATIENCE);
    await follower.broker.follow('session:*');
    expect(await nodes.redis.command('EXISTS', meta)).toBe(':0\r\n');
    expect(await nodes.redis.command('ZSCORE', key('streams'), 'session:a')).toBe('$-1\r\n');
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

  test('does not read the history again if it is repeated soon', async () => {
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
  const writer = await node({ limits: { sessionTtlMs: 1_000 } });
  await Promise.all(upTo(100).map((n) => publish(writer, `session:${n}`)));
  await publish(writer, 'main');
  const size = (): Promise<string> => nodes.redis.command('ZCARD', key('streams'));
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
