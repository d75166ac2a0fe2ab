/** Streams that a node cannot read on a real Redis: their followers receive a loss, and other streams are not affected. */
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { UNKNOWN_POSITION } from '../broker.ts';
import { failing, NEVER, PATIENCE, publish, RedisNodes } from '../testing/redis-nodes.ts';
import type { Node, NodeOptions } from '../testing/redis-nodes.ts';
import { AttachedStreams } from './attached-streams.ts';
import { RedisConnection } from './connection.ts';
import { FollowedStreams } from './followed-streams.ts';
import { StreamChannels } from './stream-channels.ts';

let nodes: RedisNodes;
const node = (options?: NodeOptions): Promise<Node> => nodes.start(options);

beforeAll(async () => {
  nodes = await RedisNodes.open('tidemark:u');
});
afterAll(() => nodes.close());
afterEach(async () => {
  vi.restoreAllMocks();
  await nodes.closeAll();
});

const deleteKeysOf = (stream: string): Promise<string> =>
  nodes.redis.command(
    'DEL',
    ...['meta', 'log', 'latest', 'order'].map((name) => `${nodes.prefix}:{${stream}}:${name}`),
  );

describe('a stream that a follow by pattern cannot read', () => {
  const limits = { sessionTtlMs: 1_000 };
  const expired = (stream: string): Promise<void> =>
    vi.waitFor(async () => {
      expect(await nodes.redis.command('EXISTS', `${nodes.prefix}:{${stream}}:meta`)).toBe(':0\r\n');
    }, PATIENCE);
  const lost = (stream: string): unknown[] => [expect.objectContaining({ stream, reason: 'broker_lost' })];

  test('is reported as lost and as ended when it expires, and is not created again', async () => {
    const [writer, follower] = [await node({ limits }), await node({ limits })];
    await follower.broker.follow('session:*');
    const mend = failing('read', 'session:a');
    const { epoch } = await publish(writer, 'session:a');
    await publish(writer, 'session:a');
    await expired('session:a');
    mend();
    await vi.waitFor(() => expect(follower.listener.ended).toEqual(['session:a']), PATIENCE);
    expect(follower.listener.losses).toEqual(lost('session:a'));
    expect(follower.listener.losses[0]).toMatchObject({ from: { epoch, sequenceId: 0 }, to: UNKNOWN_POSITION });
    await expired('session:a');
  });

  test('is reported as lost if it expired before the first read, and is not created again', async () => {
    const [writer, follower] = [await node({ limits, intervalMs: NEVER }), await node({ limits, intervalMs: NEVER })];
    await follower.broker.follow('session:*');
    const appeared = vi.spyOn(FollowedStreams.prototype, 'appeared').mockReturnValue();
    await publish(writer, 'session:a');
    appeared.mockRestore();
    await expired('session:a');
    // Because of a second follower, the node reads the index.
    await follower.broker.follow('session:*');
    await vi.waitFor(() => expect(follower.listener.losses).toEqual(lost('session:a')), PATIENCE);
    expect(follower.listener.ended).toEqual(['session:a']);
    await expired('session:a');
  });

  test('is reported as lost after the last received event if it was unreadable from a lost connection until it expired', async () => {
    const [writer, follower] = [await node({ limits }), await node({ limits, intervalMs: NEVER })];
    await follower.broker.follow('session:*');
    const { epoch } = await publish(writer, 'session:a');
    await vi.waitFor(() => expect(follower.listener.sequenceIds('session:a')).toEqual([1]), PATIENCE);
    const receive = vi.spyOn(AttachedStreams.prototype, 'receive').mockReturnValue();
    const resubscribe = vi.spyOn(AttachedStreams.prototype, 'resubscribe');
    const mend = failing('heads', 'session:a');
    await nodes.redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await vi.waitFor(() => expect(resubscribe).toHaveBeenCalled(), PATIENCE);
    await publish(writer, 'session:a');
    await expired('session:a');
    mend();
    receive.mockRestore();
    await follower.broker.follow('session:*');
    await vi.waitFor(() => expect(follower.listener.ended).toEqual(['session:a']), PATIENCE);
    const last = { epoch, sequenceId: 1 };
    expect(follower.listener.losses).toEqual([
      { stream: 'session:a', from: last, to: UNKNOWN_POSITION, reason: 'broker_lost' },
    ]);
  });

  test('causes a loss for its followers, and does not delay or break other streams', async () => {
    const [writer, follower] = [await node(), await node()];
    for (const stream of ['session:a', 'session:b']) await publish(writer, stream);
    const mend = failing('read', 'session:a');
    await follower.broker.follow('session:*');
    expect([...follower.broker.followed(['session:*'])].map(({ stream }) => stream)).toEqual(['session:b']);
    for (const stream of ['session:a', 'session:b']) await publish(writer, stream);
    await vi.waitFor(() => expect(follower.listener.sequenceIds('session:b')).toEqual([2]), PATIENCE);
    mend();
    await vi.waitFor(() => expect(follower.listener.losses).toEqual(lost('session:a')), PATIENCE);
    await publish(writer, 'session:a');
    await vi.waitFor(() => expect(follower.listener.sequenceIds('session:a')).toEqual([3]), PATIENCE);
  });

  test.for([
    ['its state is not a string', 'LPUSH'],
    ['its state has another format', 'SET'],
  ])('does not delay or break other streams (%s)', async ([, command = '']) => {
    const [writer, follower] = [await node(), await node()];
    for (const stream of ['session:a', 'session:b']) await publish(writer, stream);
    const meta = `${nodes.prefix}:{session:a}:meta`;
    await nodes.redis.command('DEL', meta);
    await nodes.redis.command(command, meta, 'f9 unreadable');
    // Also delete the index, so that the streams are found by a scan.
    await nodes.redis.command('DEL', `${nodes.prefix}:streams`);
    await follower.broker.follow('session:*');
    await publish(writer, 'session:b');
    await vi.waitFor(() => expect(follower.listener.sequenceIds('session:b')).toEqual([2]), PATIENCE);
    vi.spyOn(AttachedStreams.prototype, 'receive').mockReturnValue();
    // Without messages, the event is found only by comparing the heads.
    await publish(writer, 'session:b');
    await vi.waitFor(() => expect(follower.listener.sequenceIds('session:b')).toEqual([2, 3]), PATIENCE);
  });

  test.for(['expired', 'was deleted'])(
    'causes a loss if its first run %s and its second run was deleted before the node could read it',
    async (how) => {
      const [writer, later, follower] = [
        await node({ limits }),
        await node(),
        await node({ limits, intervalMs: NEVER }),
      ];
      await follower.broker.follow('session:*');
      const { epoch: first } = await publish(writer, 'session:a');
      await vi.waitFor(() => expect(follower.listener.sequenceIds('session:a')).toEqual([1]), PATIENCE);
      if (how === 'was deleted') await deleteKeysOf('session:a');
      await expired('session:a');
      const mend = failing('read', 'session:a');
      const receive = vi.spyOn(AttachedStreams.prototype, 'receive');
      await publish(later, 'session:a');
      await vi.waitFor(
        () =>
          expect(receive).toHaveBeenCalledWith(expect.stringContaining('session:a'), expect.stringContaining(' 1 ')),
        PATIENCE,
      );
      await deleteKeysOf('session:a');
      mend();
      const { epoch } = await publish(later, 'session:a');
      await vi.waitFor(() => expect(follower.listener.sequenceIds('session:a')).toEqual([1, 1]), PATIENCE);
      expect(follower.listener.events.map((event) => event.epoch)).toEqual([first, epoch]);
      expect(follower.listener.losses).toEqual([
        expect.objectContaining({ stream: 'session:a', reason: 'epoch_changed' }),
      ]);
    },
  );

  test('causes a loss if its first run was deleted before the node subscribed, and a second run began at once', async () => {
    const [writer, follower] = [await node(), await node({ intervalMs: NEVER })];
    await follower.broker.follow('session:*');
    const { promise: subscribed, resolve: subscribe } = Promise.withResolvers<undefined>();
    const open = vi.spyOn(StreamChannels.prototype, 'open').mockReturnValueOnce(subscribed);
    const first = await publish(writer, 'session:a');
    await vi.waitFor(() => expect(open).toHaveBeenCalledWith('session:a'), PATIENCE);
    await deleteKeysOf('session:a');
    const second = await publish(writer, 'session:a');
    subscribe(undefined);
    await vi.waitFor(() => expect(follower.listener.sequenceIds('session:a')).toEqual([1]), PATIENCE);
    expect(follower.listener.events[0]?.epoch).toBe(second.epoch);
    expect(follower.listener.losses).toMatchObject([
      { from: { epoch: first.epoch, sequenceId: 0 }, reason: 'epoch_changed' },
    ]);
  });
});

test('source losses that cannot be read when a follow begins are reported as soon as they can be read', async () => {
  const [writer, follower] = [await node(), await node()];
  await publish(writer, 'session:a');
  await writer.broker.announce({ stream: 'session:a', paths: ['src'] });
  const range = vi.spyOn(RedisConnection.prototype, 'range').mockRejectedValue(new Error('broken by the test'));
  await follower.broker.follow('session:*');
  range.mockRestore();
  await vi.waitFor(() => {
    expect(follower.listener.sourceLosses).toEqual([{ stream: 'session:a', paths: ['src'] }]);
  }, PATIENCE);
});

test('an unreadable stream does not prevent a node from recovering after Redis was unreachable', async () => {
  const { broker, listener } = await node({ deadAfterMs: 500 });
  await Promise.all(['session:a', 'session:b'].map((stream) => broker.attach(stream)));
  await nodes.redis.command('SET', `${nodes.prefix}:{session:a}:meta`, 'f9 unreadable');
  await nodes.redis.command('CLIENT', 'PAUSE', '1000', 'ALL');
  await vi.waitFor(() => expect(broker.health().connected).toBe(false), PATIENCE);
  await vi.waitFor(() => publish({ broker, listener }, 'session:b'), PATIENCE);
  await vi.waitFor(() => expect(listener.sequenceIds('session:b').length).toBeGreaterThan(0), PATIENCE);
});

describe('the log', () => {
  /** Starts a node with an attached stream. Returns what it logs from now on. */
  async function warnings(): Promise<Set<string>> {
    const texts = new Set<string>();
    const warn = (details: unknown, text: string): void =>
      void texts.add(`${JSON.stringify(details, ['stream'])} ${text}`);
    const { broker } = await node({ log: { info: () => undefined, warn } });
    await broker.attach('session:a');
    return texts;
  }

  test('names the index if it is the index that cannot be read', async () => {
    const texts = await warnings();
    await nodes.redis.command('SET', `${nodes.prefix}:streams`, 'unreadable');
    await vi.waitFor(() => expect(texts.size).toBeGreaterThan(0), PATIENCE);
    expect([...texts]).toEqual(['{} The index of streams in Redis cannot be read or updated yet; retrying']);
  });

  test('names no stream if the states of all streams cannot be read', async () => {
    const texts = await warnings();
    failing('heads', 'session:a');
    await vi.waitFor(() => expect(texts.size).toBeGreaterThan(0), PATIENCE);
    expect([...texts]).toEqual(['{} The states of the streams cannot be read from Redis yet; retrying']);
  });

  test('names the stream that cannot be read', async () => {
    const texts = await warnings();
    await nodes.redis.command('SET', `${nodes.prefix}:{session:a}:meta`, 'unreadable');
    await vi.waitFor(() => expect(texts.size).toBeGreaterThan(0), PATIENCE);
    expect([...texts]).toEqual(['{"stream":"session:a"} A stream cannot be read from Redis yet; retrying']);
  });
});
