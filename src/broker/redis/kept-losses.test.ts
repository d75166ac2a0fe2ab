/** Source losses of a stream that a node on a real Redis mirrors only later. */
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import type { BrokerLog } from '../broker.ts';
import { PATIENCE, publish, RedisNodes } from '../testing/redis-nodes.ts';
import type { Node } from '../testing/redis-nodes.ts';

let nodes: RedisNodes;
let writer: Node;

beforeAll(async () => {
  nodes = await RedisNodes.open('tidemark:k');
});
afterAll(() => nodes.close());
afterEach(() => nodes.closeAll());

const announce = (path: string): Promise<void> => writer.broker.announce({ stream: 'main', paths: [path] });

describe('an earlier source loss, on a node that mirrors the stream later,', () => {
  /** Publishes on another stream. The returned check fails until this event is older than the history may be. */
  async function aging(node: Node): Promise<() => void> {
    await node.broker.attach('session:clock');
    await publish(node, 'session:clock');
    return () => expect(node.broker.snapshot('session:clock').floor).toBe(2);
  }

  test.for(['main', 'session:s'])('is kept as long as the newest position can be resumed from (%s)', async (stream) => {
    const ageMs = stream === 'main' ? 500 : 3_000;
    const limits = { historyAgeMs: ageMs, sessionTtlMs: ageMs };
    writer = await nodes.start({ limits });
    await writer.broker.attach(stream);
    const { epoch } = await publish(writer, stream);
    await writer.broker.announce({ stream, paths: ['a'] });
    await vi.waitFor(await aging(writer), PATIENCE);
    const node = await nodes.start({ limits });
    await node.broker.attach(stream);
    expect(node.broker.snapshot(stream)).toMatchObject({
      head: { epoch, sequenceId: 1 },
      floor: 2,
      losses: [{ epoch, sequenceId: 1, paths: ['a'] }],
    });
  });

  test('is kept while events are published on a session stream', async () => {
    const [stream, limits] = ['session:s', { sessionTtlMs: 3_000 }];
    writer = await nodes.start({ limits });
    const { epoch } = await publish(writer, stream);
    await writer.broker.announce({ stream, paths: ['a'] });
    const isOld = await aging(writer);
    await vi.waitFor(async () => {
      await publish(writer, stream);
      isOld();
    }, PATIENCE);
    const node = await nodes.start({ limits });
    await node.broker.attach(stream);
    expect(node.broker.snapshot(stream)).toMatchObject({
      floor: 1,
      losses: [{ epoch, sequenceId: 1, paths: ['a'] }],
    });
  });

  test('is kept as a loss of the root if Redis has lost it', async () => {
    writer = await nodes.start();
    const { epoch } = await publish(writer, 'main');
    await announce('a');
    await nodes.redis.command('DEL', `${nodes.prefix}:{main}:losses`);
    const node = await nodes.start();
    await node.broker.attach('main');
    expect(node.broker.snapshot('main').losses).toEqual([{ epoch, sequenceId: 1, paths: [''] }]);
    await announce('b');
    const losses = [{ stream: 'main', paths: ['b'] }];
    await vi.waitFor(() => expect(node.listener.sourceLosses).toEqual(losses), PATIENCE);
  });

  test('is kept as a loss of the root, without a warning, if there were too many later ones', async () => {
    writer = await nodes.start();
    const { epoch } = await publish(writer, 'main');
    for (let number = 1; number <= 258; number += 1) await announce(`${number}`);
    const warn = vi.fn<BrokerLog['warn']>();
    const node = await nodes.start({ log: { info: warn, warn } });
    await node.broker.attach('main');
    const { losses } = node.broker.snapshot('main');
    expect(losses).toHaveLength(256);
    expect(losses.slice(0, 2)).toEqual([
      { epoch, sequenceId: 1, paths: [''] },
      { epoch, sequenceId: 1, paths: ['4'] },
    ]);
    expect(warn.mock.calls.filter(([, text]) => /losses/i.test(text))).toEqual([]);
  });
});
