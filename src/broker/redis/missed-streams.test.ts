/** Streams that appear and end on a real Redis while a node cannot reach it: its followers by pattern receive every event or a loss. */
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { UNKNOWN_POSITION } from '../broker.ts';
import { failing, NEVER, PATIENCE, publish, RedisNodes } from '../testing/redis-nodes.ts';
import type { Node, NodeOptions } from '../testing/redis-nodes.ts';
import { AttachedStream } from './attached-stream.ts';
import { AttachedStreams } from './attached-streams.ts';
import { TcpProxy } from '../testing/tcp-proxy.ts';

const SHORT = { sessionTtlMs: 400 };
let nodes: RedisNodes;
let proxy: TcpProxy;
const key = (name: string): string => `${nodes.prefix}:${name}`;
const meta = (stream: string): string => key(`{${stream}}:meta`);

beforeAll(async () => {
  nodes = await RedisNodes.open('tidemark:m');
  proxy = await TcpProxy.start(nodes.redis.port);
});
afterAll(async () => {
  await proxy.close();
  await nodes.close();
});
afterEach(async () => {
  vi.restoreAllMocks();
  proxy.forward();
  await nodes.closeAll();
});

/** Cuts off the nodes behind the proxy until `proxy.forward` is called. */
function sever(): void {
  proxy.holdBack();
  proxy.cut();
}

interface Away {
  readonly writer: Node;
  readonly later: Node;
  readonly follower: Node;
  /** Lets the follower reach Redis again. */
  readonly back: () => void;
}

/**
 * Starts two writers and a node that follows the selectors, by default all sessions, and cuts the follower off from Redis. The second
 * writer, `later`, does not use the `limits` of the options.
 */
async function followerAway(options: NodeOptions = {}, selectors = ['session:*']): Promise<Away> {
  const { port } = options;
  const [writer, later] = [await nodes.start(options), await nodes.start(port === undefined ? {} : { port })];
  const follower = await nodes.start({ ...options, port: proxy.port });
  for (const selector of selectors) await vi.waitFor(() => follower.broker.follow(selector), PATIENCE);
  sever();
  return { writer, later, follower, back: () => proxy.forward() };
}

async function reply(command: readonly string[], expected: string): Promise<void> {
  await vi.waitFor(async () => expect(await nodes.redis.command(...command)).toBe(expected), PATIENCE);
}

/** Resolves once the stream has expired and no node finds it in the index any more. */
async function gone(stream: string): Promise<void> {
  await reply(['EXISTS', meta(stream)], ':0\r\n');
  await reply(['ZSCORE', key('streams'), stream], '$-1\r\n');
}

const lossOf = (stream: string, reason: string): unknown => expect.objectContaining({ stream, reason });

describe('a stream that appears while a node is away', () => {
  test('is reported as lost and as ended if it expired and left the index', async () => {
    const { writer, follower, back } = await followerAway({ limits: SHORT });
    await publish(writer, 'session:a');
    await gone('session:a');
    back();
    await vi.waitFor(() => expect(follower.listener.ended).toEqual(['session:a']), PATIENCE);
    expect(follower.listener.losses).toEqual([lossOf('session:a', 'broker_lost')]);
  });

  test('is reported as lost if it left the index before the whole index was lost', async () => {
    const { writer, follower, back } = await followerAway({ limits: SHORT });
    await publish(writer, 'session:a');
    await gone('session:a');
    await nodes.redis.command('DEL', key('streams'));
    await publish(writer, 'session:b');
    back();
    await vi.waitFor(() => expect(follower.listener.ended).toContain('session:a'), PATIENCE);
    expect(follower.listener.losses).toContainEqual(lossOf('session:a', 'broker_lost'));
  });

  test('is delivered from its new first event, after a loss, if it expired and was created again', async () => {
    const { writer, later, follower, back } = await followerAway({ limits: SHORT });
    await publish(writer, 'session:a');
    await reply(['EXISTS', meta('session:a')], ':0\r\n');
    const { epoch } = await publish(later, 'session:a');
    back();
    await vi.waitFor(() => expect(follower.listener.sequenceIds('session:a')).toEqual([1]), PATIENCE);
    expect(follower.listener.losses).toHaveLength(1);
    expect(follower.listener.events[0]?.epoch).toBe(epoch);
  });

  test('is reported as lost and as ended if an operator deleted it', async () => {
    const { writer, follower, back } = await followerAway();
    await publish(writer, 'session:a');
    await nodes.redis.command('DEL', ...['meta', 'log', 'latest', 'order'].map((name) => key(`{session:a}:${name}`)));
    await gone('session:a');
    back();
    await vi.waitFor(() => expect(follower.listener.ended).toEqual(['session:a']), PATIENCE);
    expect(follower.listener.losses).toEqual([lossOf('session:a', 'broker_lost')]);
  });

  test.for([
    ['its state', (stream: string) => ['DEL', meta(stream)]],
    ['the whole database', () => ['FLUSHDB']],
  ] as const)('is delivered after a loss if Redis lost %s and the stream was used again', async ([, command]) => {
    const { writer, follower, back } = await followerAway();
    const { epoch: before } = await publish(writer, 'session:a');
    await nodes.redis.command(...command('session:a'));
    const { epoch } = await publish(writer, 'session:a');
    back();
    await vi.waitFor(() => expect(follower.listener.sequenceIds('session:a')).toEqual([1]), PATIENCE);
    const to = { epoch, sequenceId: 0 };
    expect(epoch).not.toBe(before);
    // If a node has removed the stream from the index before the second publish, the loss of the first run is also reported.
    expect(follower.listener.losses.at(-1)).toMatchObject({ stream: 'session:a', to, reason: 'epoch_changed' });
  });

  test('is not reported if it expires without an event', async () => {
    const { writer, follower, back } = await followerAway({ limits: SHORT });
    await writer.broker.attach('session:blank');
    writer.broker.detach('session:blank');
    await gone('session:blank');
    await publish(writer, 'session:a');
    await gone('session:a');
    back();
    await vi.waitFor(() => expect(follower.listener.ended).toContain('session:a'), PATIENCE);
    expect(follower.listener.losses).toEqual([lossOf('session:a', 'broker_lost')]);
    expect(follower.listener.ended).toEqual(['session:a']);
  });

  test('is not reported as lost if it was announced to the node in time', async () => {
    const writer = await nodes.start({ limits: SHORT });
    const follower = await nodes.start({ limits: SHORT, intervalMs: NEVER });
    await follower.broker.follow('session:*');
    await publish(writer, 'session:a');
    await vi.waitFor(() => expect(follower.listener.sequenceIds('session:a')).toEqual([1]), PATIENCE);
    await gone('session:a');
    // Because of a second follower, the node reads the index.
    await follower.broker.follow('session:*');
    expect(follower.listener.losses).toEqual([]);
  });
});

describe('more streams than are kept in the list of departed streams, which end while a node is away', () => {
  /** Lets the stream `session:a` appear and end. Then fills the list with made-up names, as a principal can do. */
  async function overflow(selectors?: string[]): Promise<Away> {
    const away = await followerAway({ limits: SHORT }, selectors);
    await publish(away.writer, 'session:a');
    await gone('session:a');
    const fill = `for n = 1, 10000 do
        local place = redis.call('ZINCRBY', KEYS[1], 1, '#')
        redis.call('ZADD', KEYS[2], place, place .. ' session:made-up-' .. n)
      end`;
    await nodes.redis.command('EVAL', fill, '2', key('streams'), key('{' + key('streams') + '}:departed'));
    await publish(away.writer, 'session:b');
    await gone('session:b');
    return away;
  }

  test('are reported to its followers as a loss of the pattern; later losses are named again', async () => {
    const { writer, follower, back } = await overflow();
    back();
    await vi.waitFor(() => expect(follower.listener.ended).toContain('session:b'), PATIENCE);
    expect(follower.listener.losses).not.toContainEqual(lossOf('session:a', 'broker_lost'));
    expect(follower.listener.unnamedLosses).toEqual(['session:*']);
    sever();
    await publish(writer, 'session:c');
    await gone('session:c');
    back();
    await vi.waitFor(() => expect(follower.listener.ended).toContain('session:c'), PATIENCE);
    expect(follower.listener.unnamedLosses).toHaveLength(1);
  });

  test('are reported to the followers of a name as a loss of this stream', async () => {
    const { follower, back } = await overflow(['session:quiet']);
    back();
    await vi.waitFor(() => expect(follower.listener.ended).toContain('session:quiet'), PATIENCE);
    expect(follower.listener.losses).toContainEqual(lossOf('session:quiet', 'broker_lost'));
  });

  test('are not reported to the followers of a node that was not away', async () => {
    const { writer } = await overflow();
    const follower = await nodes.start({ limits: SHORT });
    await follower.broker.follow('session:*');
    await publish(writer, 'session:c');
    await gone('session:c');
    await vi.waitFor(() => expect(follower.listener.ended).toEqual(['session:c']), PATIENCE);
    expect(follower.listener.unnamedLosses).toEqual([]);
  });
});

describe('a stream that was created by a subscription to its name', () => {
  test('does not displace streams with events from the list of departed streams', async () => {
    const { writer, follower, back } = await followerAway({ limits: SHORT });
    await publish(writer, 'session:a');
    await gone('session:a');
    const names = Array.from({ length: 50 }, (_, n) => `session:made-up-${n}`);
    for (const name of names) {
      await writer.broker.attach(name);
      writer.broker.detach(name);
    }
    expect(await nodes.redis.command('ZCARD', key('{' + key('streams') + '}:departed'))).toBe(':1\r\n');
    await Promise.all(names.map(gone));
    expect(await nodes.redis.command('ZCARD', key('{' + key('streams') + '}:departed'))).toBe(':1\r\n');
    back();
    await vi.waitFor(() => expect(follower.listener.ended).toEqual(['session:a']), PATIENCE);
  });

  test('is delivered from its first event to those who follow a pattern, also if the publishing node knows an earlier run', async () => {
    // Long enough that the nodes read the stream before it expires, also on a busy machine.
    const limits = { sessionTtlMs: 3_000 };
    const [writer, reader] = [await nodes.start({ limits }), await nodes.start({ limits })];
    const follower = await nodes.start({ limits });
    await follower.broker.follow('session:*');
    await publish(writer, 'session:a');
    await gone('session:a');
    await vi.waitFor(() => expect(follower.listener.ended).toEqual(['session:a']), PATIENCE);
    await reader.broker.attach('session:a');
    await publish(writer, 'session:a');
    await publish(writer, 'session:a');
    await vi.waitFor(() => expect(follower.listener.sequenceIds('session:a')).toEqual([1, 1, 2]), PATIENCE);
    expect(follower.listener.losses).toEqual([]);
  });

  test('is delivered from its first event to a node that both follows it and has subscribers of it', async () => {
    const [writer, reader] = [await nodes.start(), await nodes.start()];
    await reader.broker.follow('session:*');
    await reader.broker.attach('session:a');
    await publish(writer, 'session:a');
    await vi.waitFor(() => expect(reader.listener.sequenceIds('session:a')).toEqual([1]), PATIENCE);
    expect(reader.listener.losses).toEqual([]);
  });
});

describe('a followed stream', () => {
  test('causes a loss for events that were trimmed while a node was away; the remaining events are delivered', async () => {
    const [writer, follower] = [await nodes.start(), await nodes.start({ port: proxy.port })];
    await vi.waitFor(() => follower.broker.follow('session:*'), PATIENCE);
    const { epoch } = await publish(writer, 'session:a');
    await vi.waitFor(() => expect(follower.listener.sequenceIds('session:a')).toEqual([1]), PATIENCE);
    sever();
    for (let n = 0; n < 4; n += 1) await publish(writer, 'session:a');
    await nodes.redis.command('XTRIM', key('{session:a}:log'), 'MAXLEN', '1');
    proxy.forward();
    await vi.waitFor(() => expect(follower.listener.sequenceIds('session:a')).toEqual([1, 5]), PATIENCE);
    const [from, to] = [
      { epoch, sequenceId: 1 },
      { epoch, sequenceId: 4 },
    ];
    expect(follower.listener.losses).toEqual([{ stream: 'session:a', from, to, reason: 'broker_lost' }]);
  });

  test('causes a loss if it was used and then deleted while a node was away, also when it could have expired', async () => {
    const limits = { sessionTtlMs: 2_000 };
    const [writer, follower] = [await nodes.start({ limits }), await nodes.start({ limits, port: proxy.port })];
    await vi.waitFor(() => follower.broker.follow('session:*'), PATIENCE);
    await publish(writer, 'session:a');
    await vi.waitFor(() => expect(follower.listener.sequenceIds('session:a')).toEqual([1]), PATIENCE);
    await vi.waitFor(async () => {
      const left = await nodes.redis.command('PTTL', meta('session:a'));
      expect(Number(left.slice(1))).toBeLessThan(limits.sessionTtlMs * 0.09);
    }, PATIENCE);
    sever();
    await publish(writer, 'session:a');
    await nodes.redis.command('DEL', ...['meta', 'log', 'latest', 'order'].map((name) => key(`{session:a}:${name}`)));
    proxy.forward();
    await vi.waitFor(() => expect(follower.listener.ended).toContain('session:a'), PATIENCE);
    expect(follower.listener.losses).toContainEqual(lossOf('session:a', 'broker_lost'));
  });

  test('causes a loss if it was used and expired before the node has subscribed again', async () => {
    const limits = { sessionTtlMs: 1_000 };
    const [writer, follower] = [await nodes.start({ limits }), await nodes.start({ limits, port: proxy.port })];
    await vi.waitFor(() => follower.broker.follow('session:*'), PATIENCE);
    const { epoch } = await publish(writer, 'session:a');
    await vi.waitFor(() => expect(follower.listener.sequenceIds('session:a')).toEqual([1]), PATIENCE);
    sever();
    await publish(writer, 'session:a');
    await reply(['EXISTS', meta('session:a')], ':0\r\n');
    // The node has not subscribed again yet, as if only its connection for commands were ready.
    vi.spyOn(AttachedStreams.prototype, 'resubscribe').mockResolvedValue();
    proxy.forward();
    await vi.waitFor(() => expect(follower.listener.ended).toEqual(['session:a']), PATIENCE);
    expect(follower.listener.losses).toMatchObject([{ from: { epoch, sequenceId: 1 }, to: UNKNOWN_POSITION }]);
  });

  test('causes a loss after the last received event, also if the stream could not be read at first', async () => {
    const limits = { sessionTtlMs: 2_000 };
    const [writer, follower] = [await nodes.start({ limits }), await nodes.start({ limits, port: proxy.port })];
    await vi.waitFor(() => follower.broker.follow('session:*'), PATIENCE);
    const repair = failing('read', 'session:a');
    const glimpse = vi.spyOn(AttachedStream.prototype, 'glimpse');
    await publish(writer, 'session:a');
    await vi.waitFor(() => expect(glimpse).toHaveBeenCalled(), PATIENCE);
    repair();
    const { epoch } = await publish(writer, 'session:a');
    await vi.waitFor(() => expect(follower.listener.sequenceIds('session:a')).toEqual([1, 2]), PATIENCE);
    sever();
    await publish(writer, 'session:a');
    await reply(['EXISTS', meta('session:a')], ':0\r\n');
    proxy.forward();
    await vi.waitFor(() => expect(follower.listener.ended).toEqual(['session:a']), PATIENCE);
    expect(follower.listener.losses).toMatchObject([{ from: { epoch, sequenceId: 2 }, to: UNKNOWN_POSITION }]);
  });

  test.for(['log', 'meta'])('causes a loss if its %s was deleted while a node was away', async (name) => {
    const [writer, follower] = [await nodes.start(), await nodes.start({ port: proxy.port })];
    await vi.waitFor(() => follower.broker.follow('session:*'), PATIENCE);
    const { epoch } = await publish(writer, 'session:a');
    await vi.waitFor(() => expect(follower.listener.sequenceIds('session:a')).toEqual([1]), PATIENCE);
    sever();
    await publish(writer, 'session:a');
    await nodes.redis.command('DEL', key(`{session:a}:${name}`));
    proxy.forward();
    await vi.waitFor(() => expect(follower.listener.losses).toHaveLength(1), PATIENCE);
    expect(follower.listener.losses).toMatchObject([{ from: { epoch, sequenceId: 1 } }]);
  });
});

test.for([0, 2])(
  'when a backup with %i events is restored while a node is away, the node reports the lost events, then delivers new ones',
  async (saved) => {
    const { writer, follower, back } = await followerAway({ port: nodes.redis.port });
    for (let n = 0; n < saved; n += 1) await publish(writer, 'session:a');
    await nodes.redis.command('SAVE');
    for (let n = 0; n < 3; n += 1) await publish(writer, 'session:a');
    await nodes.redis.kill();
    await nodes.redis.launch();
    const { epoch, sequenceId } = await vi.waitFor(() => publish(writer, 'session:a'), PATIENCE);
    expect(sequenceId).toBe(1);
    back();
    await vi.waitFor(() => expect(follower.listener.sequenceIds('session:a')).toEqual([1]), PATIENCE);
    const to = { epoch, sequenceId: 0 };
    expect(follower.listener.losses.at(-1)).toMatchObject({ stream: 'session:a', to, reason: 'epoch_changed' });
  },
);
