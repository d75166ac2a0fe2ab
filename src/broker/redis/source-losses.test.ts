/** Source losses of streams on a real Redis: nodes miss their messages, cannot read them, or the epoch of the stream changes. */
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { NEVER, PATIENCE, publish, RedisNodes, wrapRuns } from '../testing/redis-nodes.ts';
import type { Node } from '../testing/redis-nodes.ts';
import { AttachedStreams } from './attached-streams.ts';
import { RedisConnection } from './connection.ts';
import { StreamIndex } from './stream-index.ts';

let nodes: RedisNodes;
let writer: Node;
const key = (name: string): string => `${nodes.prefix}:{main}:${name}`;

beforeAll(async () => {
  nodes = await RedisNodes.open('tidemark:l');
});
afterAll(() => nodes.close());
afterEach(async () => {
  vi.restoreAllMocks();
  await nodes.closeAll();
});

/** Starts a node that announces losses of these paths. Returns a second node, whose subscriber of `main` has received these losses. */
async function subscriber(paths: readonly string[], intervalMs = NEVER): Promise<Node> {
  writer = await nodes.start();
  const node = await nodes.start({ intervalMs });
  await publish(writer, 'main');
  await node.broker.attach('main');
  for (const path of paths) await announce(path);
  await reported(node, paths.length);
  return node;
}

const announce = (path: string, { broker } = writer): Promise<void> =>
  broker.announce({ stream: 'main', paths: [path] });

const pathsOf = ({ listener }: Node): string[] => listener.sourceLosses.flatMap(({ paths }) => paths);

/** Waits until this number of losses was reported, and returns the paths of all losses. */
async function reported(node: Node, count: number): Promise<string[]> {
  await vi.waitFor(() => expect(pathsOf(node).length).toBeGreaterThanOrEqual(count), PATIENCE);
  return pathsOf(node);
}

/** Resolves once the node has received the message of the loss with this number. */
async function arrived(receive: ReturnType<typeof receiving>, number: number): Promise<void> {
  const message = expect.stringMatching(new RegExp(`^\\?${number} `));
  await vi.waitFor(() => expect(receive).toHaveBeenCalledWith(expect.anything(), message), PATIENCE);
}

const receiving = () => vi.spyOn(AttachedStreams.prototype, 'receive');

/** Announces a loss whose message does not arrive. */
async function announceMissed(path: string, number: number): Promise<void> {
  const receive = receiving().mockReturnValue();
  await announce(path);
  await arrived(receive, number);
  receive.mockRestore();
}

/** Counts a loss in Redis without publishing a message. Adds an entry for the loss only if `text` is given. */
async function countLoss(text = ''): Promise<void> {
  const script = `local head, losses, evicted = string.match(redis.call('GET', KEYS[1]), '^(.*) (%d+) (%d)$')
    redis.call('SET', KEYS[1], head .. ' ' .. losses + 1 .. ' ' .. evicted)
    if ARGV[1] ~= '' then redis.call('XADD', KEYS[2], losses + 1 .. '-0', 'l', ARGV[1]) end`;
  await nodes.redis.command('EVAL', script, '2', key('meta'), key('losses'), text);
}

interface Held {
  /** Resolves once a read has begun. The read has its result, but does not return yet. */
  readonly begun: () => Promise<void>;
  readonly release: () => void;
  readonly fail: () => void;
}

/** Holds back the results of reads of losses. */
function holdReads(): Held {
  const range = Object.getOwnPropertyDescriptor(RedisConnection.prototype, 'range')?.value as RedisConnection['range'];
  const gate = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  gate.promise.catch(() => undefined);
  const spy = vi.spyOn(RedisConnection.prototype, 'range').mockImplementation(async function (
    this: RedisConnection,
    ...query
  ) {
    const result = await range.apply(this, query);
    begun.resolve();
    await gate.promise;
    return result;
  });
  const end = (settle: () => void): void => {
    spy.mockRestore();
    settle();
  };
  return {
    begun: () => begun.promise,
    release: () => end(() => gate.resolve()),
    fail: () => end(() => gate.reject(new Error('broken by the test'))),
  };
}

/** Lets Redis lose the stream, and publishes an event, with which a new epoch begins. Resolves when the node has received the event. */
async function newEpoch(node: Node): Promise<void> {
  const events = node.listener.events.length;
  await nodes.redis.command('DEL', key('meta'));
  await publish(writer, 'main');
  await vi.waitFor(() => expect(node.listener.events).toHaveLength(events + 1), PATIENCE);
  expect(node.listener.losses).toMatchObject([{ reason: 'epoch_changed' }]);
}

describe('a source loss whose message was missed', () => {
  test.for(['release', 'fail'] as const)(
    'is reported once and before later ones, which arrive while it is read (%s)',
    async (outcome) => {
      const node = await subscriber(['a', 'b', 'c']);
      await announceMissed('d', 4);
      const reads = holdReads();
      await announce('e');
      await reads.begun();
      const receive = receiving();
      await announce('f');
      await arrived(receive, 6);
      expect(await reported(node, 3)).toEqual(['a', 'b', 'c']);
      reads[outcome]();
      await announce('g');
      expect(await reported(node, 7)).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g']);
    },
  );

  test('is read again at the next check if it could not be read', async () => {
    const node = await subscriber(['a'], 100);
    const reads = holdReads();
    await announceMissed('b', 2);
    await reads.begun();
    reads.fail();
    expect(await reported(node, 2)).toEqual(['a', 'b']);
  });

  test('is reported as a loss of the root if Redis has lost it', async () => {
    const node = await subscriber(['a']);
    await announceMissed('b', 2);
    await nodes.redis.command('DEL', key('losses'));
    await announce('c');
    expect(await reported(node, 2)).toEqual(['a', '']);
    await announce('d');
    expect(await reported(node, 3)).toEqual(['a', '', 'd']);
  });

  test.for([
    ['unreadable', 'no loss'],
    ['missing', ''],
  ])(
    'is reported once as a loss of the root, with its latest possible position, if its entry is %s',
    async ([, text]) => {
      const node = await subscriber(['a'], 100);
      const { epoch, sequenceId } = await publish(writer, 'main');
      await countLoss(text);
      expect(await reported(node, 2)).toEqual(['a', '']);
      expect(node.broker.snapshot('main').losses.at(-1)).toEqual({ epoch, sequenceId, paths: [''] });
      await announce('c');
      expect(await reported(node, 3)).toEqual(['a', '', 'c']);
    },
  );

  test('is reported, and those before it too, if one of them is unreadable', async () => {
    const node = await subscriber(['a']);
    await announceMissed('b', 2);
    await countLoss('no loss');
    await announce('d');
    expect(await reported(node, 3)).toEqual(['a', 'b', '']);
    await announce('e');
    expect(await reported(node, 4)).toEqual(['a', 'b', '', 'e']);
  });
});

describe('the losses of a new epoch', () => {
  test.for(['release', 'fail'] as const)(
    'are all reported if the epoch began while losses of the previous one were read (%s)',
    async (outcome) => {
      const node = await subscriber(['a', 'b', 'c']);
      await announceMissed('d', 4);
      const reads = holdReads();
      await announce('e');
      await reads.begun();
      await newEpoch(node);
      await announce('x');
      expect(await reported(node, 4)).toEqual(['a', 'b', 'c', 'x']);
      reads[outcome]();
      for (const path of ['y', 'z']) await announce(path);
      expect(await reported(node, 6)).toEqual(['a', 'b', 'c', 'x', 'y', 'z']);
    },
  );

  test('are reported if the epoch begins with them', async () => {
    const node = await subscriber(['a', 'b']);
    await nodes.redis.command('DEL', key('meta'));
    for (const path of ['x', 'y', 'z']) await announce(path);
    expect(await reported(node, 5)).toEqual(['a', 'b', 'x', 'y', 'z']);
    expect(node.broker.snapshot('main').losses).toMatchObject(['x', 'y', 'z'].map((path) => ({ paths: [path] })));
  });

  test('are reported once if a state of the previous epoch is read late', async () => {
    // The sweep of the index reads states too. Without it, only the check of the subscribed stream does.
    vi.spyOn(StreamIndex.prototype, 'sweep').mockResolvedValue();
    const node = await subscriber(['a'], 100);
    const gate = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    let looks = 0;
    const restore = wrapRuns(async (script, [name, keys]) => {
      const reply = await script();
      if (name === 'heads' && keys.includes(key('meta'))) {
        looks += 1;
        begun.resolve();
        await gate.promise;
      }
      return reply;
    });
    await begun.promise;
    await newEpoch(node);
    for (const path of ['x', 'y']) await announce(path);
    expect(await reported(node, 3)).toEqual(['a', 'x', 'y']);
    gate.resolve();
    const before = looks;
    await vi.waitFor(() => expect(looks).toBeGreaterThan(before + 2), PATIENCE);
    restore();
    await announce('z');
    expect(await reported(node, 4)).toEqual(['a', 'x', 'y', 'z']);
  });
});

describe('a source loss with a number that Redis had assigned before', () => {
  /** Sets the count of losses back, as a backup does, and removes their entries. */
  async function countBack(losses: number): Promise<void> {
    const script = `local head, evicted = string.match(redis.call('GET', KEYS[1]), '^(.*) %d+ (%d)$')
      redis.call('SET', KEYS[1], head .. ' ' .. ARGV[1] .. ' ' .. evicted)
      redis.call('DEL', KEYS[2])`;
    await nodes.redis.command('EVAL', script, '2', key('meta'), key('losses'), `${losses}`);
  }

  test('is reported as a loss of the root if its message arrives', async () => {
    const node = await subscriber(['a', 'b', 'c']);
    await countBack(1);
    await announce('d');
    expect(await reported(node, 4)).toEqual(['a', 'b', 'c', '']);
    await announce('e');
    expect(await reported(node, 5)).toEqual(['a', 'b', 'c', '', 'e']);
  });

  test('is reported as a loss of the root if its message was missed', async () => {
    const node = await subscriber(['a', 'b', 'c'], 100);
    await countBack(2);
    expect(await reported(node, 4)).toEqual(['a', 'b', 'c', '']);
    await announce('e');
    expect(await reported(node, 5)).toEqual(['a', 'b', 'c', '', 'e']);
  });

  test('is reported after a restart of Redis', async () => {
    writer = await nodes.start();
    const { epoch } = await publish(writer, 'main');
    await writer.broker.attach('main');
    await announce('a');
    await nodes.redis.command('SAVE');
    for (const path of ['b', 'c']) await announce(path);
    expect(await reported(writer, 3)).toEqual(['a', 'b', 'c']);
    await nodes.redis.kill();
    await nodes.redis.launch();
    await vi.waitFor(() => announce('d'), PATIENCE);
    // If the node reads the state first, it reports a loss of the root, and then this loss.
    await vi.waitFor(() => expect(['d', '']).toContain(pathsOf(writer)[3]), PATIENCE);
    expect(writer.broker.headOf('main')).toMatchObject({ epoch });
  });
});

describe('a stream that is attached', () => {
  test('reports a source loss that is announced while its earlier losses are read', async () => {
    writer = await nodes.start();
    const node = await nodes.start({ intervalMs: NEVER });
    await publish(writer, 'main');
    await announce('a');
    const [reads, receive] = [holdReads(), receiving()];
    const attaching = node.broker.attach('main');
    await reads.begun();
    await announce('b');
    await arrived(receive, 2);
    reads.release();
    await attaching;
    expect(await reported(node, 1)).toEqual(['b']);
    expect(node.broker.snapshot('main').losses).toMatchObject([{ paths: ['a'] }, { paths: ['b'] }]);
  });

  test('keeps an unreadable source loss as a loss of the root', async () => {
    writer = await nodes.start();
    const node = await nodes.start();
    const place = await publish(writer, 'main');
    const start = `${place.epoch} 1`;
    for (const text of ['no loss', `${start} ["b"]`, `${start} [}]`, `${start} [1]`]) await countLoss(text);
    await node.broker.attach('main');
    expect(node.broker.snapshot('main').losses).toMatchObject([
      { sequenceId: 1, paths: [''] },
      { sequenceId: 1, paths: [''] },
    ]);
    await announce('d');
    expect(await reported(node, 1)).toEqual(['d']);
  });
});
