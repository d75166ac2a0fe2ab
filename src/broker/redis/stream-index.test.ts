import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { PATIENCE } from '../testing/redis-nodes.ts';
import { upTo } from '../testing/event-drafts.ts';
import { RedisProcess } from '../testing/redis-process.ts';
import { RedisConnection } from './connection.ts';
import { RedisKeys } from './keys.ts';
import type { Entry } from './index-pages.ts';
import { StreamIndex } from './stream-index.ts';
import type { StreamIndexOptions } from './stream-index.ts';

import { parseRedisUrl } from './url.ts';

const log = { info: () => undefined, warn: vi.fn<() => void>() };
let redis: RedisProcess;
let connection: RedisConnection;
let prefixes = 0;

beforeAll(async () => {
  redis = await RedisProcess.start();
  connection = new RedisConnection({
    address: parseRedisUrl(redis.url),
    commandTimeoutMs: 30_000,
    log,
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

/** A new index with its own prefix, as seen by two nodes. */
function indexes(bounds: Pick<StreamIndexOptions, 'departed' | 'departedTtlMs'> = {}): {
  readonly index: StreamIndex;
  readonly other: StreamIndex;
  readonly keys: RedisKeys;
} {
  prefixes += 1;
  const keys = new RedisKeys({ prefix: `tidemark:i${prefixes}`, db: 0 });
  const options = { connection, keys, log, ...bounds };
  const [index, other] = [new StreamIndex(options), new StreamIndex(options)];
  return { index, other, keys };
}

const session = (n: number): string => `session:${n}`;

async function entriesIn(index: StreamIndex): Promise<Entry[]> {
  const read: Entry[] = [];
  for await (const entries of index.all()) read.push(...entries);
  return read;
}

async function namesIn(index: StreamIndex): Promise<string[]> {
  return (await entriesIn(index)).map(({ stream }) => stream).toSorted();
}

async function newsOf(index: StreamIndex): Promise<string[]> {
  return (await index.changes()).entries.map(({ stream }) => stream).toSorted();
}

test.each([1_000, 1_001])('an index of %i streams is read completely, in pages', async (count) => {
  const { index, other } = indexes();
  const names = upTo(count).map(session).toSorted();
  await other.track();
  await Promise.all(names.map((name) => index.enterCreated(name)));
  expect(await namesIn(index)).toEqual(names);
  expect(await newsOf(other)).toEqual(names);
  await index.enterCreated('session:late');
  expect(await newsOf(other)).toEqual(['session:late']);
});

test('if a page cannot be read, the next read still returns its streams', async () => {
  const { index, other } = indexes();
  await other.track();
  await index.enterCreated('session:a');
  const failing = vi.spyOn(connection, 'run').mockRejectedValueOnce(new Error('Redis does not answer'));
  await expect(other.changes()).rejects.toThrow('does not answer');
  failing.mockRestore();
  expect(await newsOf(other)).toEqual(['session:a']);
});

test('an expired stream is removed, unless it was created again in the meantime', async () => {
  const { index, other } = indexes();
  await index.enterCreated('session:expired');
  await index.enterCreated('session:again');
  const read = await entriesIn(other);
  await index.enterCreated('session:again');
  await other.remove(read);
  expect(await namesIn(other)).toEqual(['session:again']);
});

test('a stream that was entered and removed without an announcement is reported as missed once to each node', async () => {
  const { index, other } = indexes();
  await Promise.all([index.track(), other.track()]);
  await index.enterCreated('session:a');
  await index.remove(await entriesIn(index));
  expect((await other.changes()).missed).toEqual(['session:a']);
  expect((await other.changes()).missed).toEqual([]);
  expect((await index.changes()).missed).toEqual(['session:a']);
});

describe('a node learns once that it may have missed streams that nothing names', () => {
  /** Enters the streams into the index, and removes them as expired. */
  async function pass(index: StreamIndex, names: readonly string[]): Promise<void> {
    for (const name of names) await index.enterCreated(name);
    await index.remove((await entriesIn(index)).filter(({ stream }) => names.includes(stream)));
  }

  test('if it missed more streams than are kept; the newest are named', async () => {
    const { index, other } = indexes({ departed: 3 });
    await other.track();
    await pass(index, upTo(5).map(session));
    expect(await other.changes()).toMatchObject({ missed: ['session:4', 'session:5'], hasUnnamed: true });
    expect(await other.changes()).toMatchObject({ missed: [], hasUnnamed: false });
  });

  test('but not if only streams from before its last look were dropped', async () => {
    const { index, other } = indexes({ departed: 3 });
    await pass(index, upTo(5).map(session));
    await other.track();
    await pass(index, ['session:new']);
    expect(await other.changes()).toMatchObject({ missed: ['session:new'], hasUnnamed: false });
  });

  test('also if streams that are older leave the index after the list has overflowed', async () => {
    const { index, other } = indexes({ departed: 3 });
    for (const name of ['session:old-a', 'session:old-b', 'session:old-c']) await index.enterCreated(name);
    await other.track();
    await pass(index, upTo(5).map(session));
    await index.remove(await entriesIn(index));
    expect(await other.changes()).toMatchObject({ hasUnnamed: true });
  });

  test('if the list has expired since its last look', async () => {
    const { index, other, keys } = indexes({ departedTtlMs: 50 });
    await other.track();
    await pass(index, ['session:a']);
    await vi.waitFor(async () => expect(await redis.command('EXISTS', keys.departed)).toBe(':0\r\n'), PATIENCE);
    await index.enterCreated('session:b');
    expect(await other.changes()).toMatchObject({ missed: [], hasUnnamed: true });
    expect(await other.changes()).toMatchObject({ hasUnnamed: false });
  });

  test.each([
    ['before another stream appears', []],
    ['and another node has completed the new index', ['session:b']],
  ])('if Redis loses the index %s', async (_when, names) => {
    const { index, other, keys } = indexes();
    await other.track();
    await index.enterCreated('session:a');
    await redis.command('DEL', keys.streams);
    for (const name of names) await index.enterCreated(name);
    if (names.length > 0) await entriesIn(index);
    expect(await other.changes()).toMatchObject({ hasUnnamed: true });
    expect(await other.changes()).toMatchObject({ hasUnnamed: false });
  });

  test('if Redis loses the index just after it was completed, and another node completes it at once', async () => {
    const { index, other, keys } = indexes();
    await other.track();
    for (let loss = 0; loss < 200; loss += 1) {
      await redis.command('DEL', keys.streams);
      await index.enterCreated('session:a');
      await entriesIn(index);
      expect(await other.changes()).toMatchObject({ hasUnnamed: true });
    }
  });
});

test('a stream that is being entered is not entered a second time by `enterOwed`', async () => {
  const { index, other } = indexes();
  await other.track();
  await Promise.all([index.enterCreated('session:a'), index.enterOwed()]);
  expect((await other.changes()).missed).toEqual([]);
});

test('a stream that already has events is distinguished from a new one by its place, even without an announcement', async () => {
  const { index } = indexes();
  await index.enterFound('session:old', { epoch: 'e', sequenceId: 3 });
  await index.enterFound('session:blank', { epoch: 'e', sequenceId: 0 });
  await index.enterCreated('session:new');
  await index.enterReplaced('session:lost', { epoch: 'e', sequenceId: 3 });
  const appearances = await Promise.all(
    ['session:old', 'session:blank', 'session:new', 'session:lost', 'session:unused'].map((name) =>
      index.appearanceOf(name),
    ),
  );
  expect(appearances).toEqual(['found', 'created', 'created', 'replaced', 'created']);
});
