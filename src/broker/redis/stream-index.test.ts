import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { upTo } from '../testing/event-drafts.ts';
import { RedisProcess } from '../testing/redis-process.ts';
import { RedisConnection } from './connection.ts';
import { RedisKeys } from './keys.ts';
import { StreamIndex } from './stream-index.ts';
import type { Entry } from './stream-index.ts';
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
    events: { onMessage: () => undefined, onCommandsLost: () => undefined, onSubscriberReady: () => undefined },
  });
  await connection.connect();
});
afterAll(async () => {
  connection.close();
  await redis.stop();
});

/** A new index with its own prefix, as seen by two nodes. */
function indexes(departed?: number): { readonly index: StreamIndex; readonly other: StreamIndex } {
  prefixes += 1;
  const keys = new RedisKeys({ prefix: `tidemark:i${prefixes}`, db: 0 });
  const options = { connection, keys, log, ...(departed === undefined ? {} : { departed }) };
  const [index, other] = [new StreamIndex(options), new StreamIndex(options)];
  return { index, other };
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
  return (await index.news()).entries.map(({ stream }) => stream).toSorted();
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
  await expect(other.news()).rejects.toThrow('does not answer');
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
  expect((await other.news()).missed).toEqual(['session:a']);
  expect((await other.news()).missed).toEqual([]);
  expect((await index.news()).missed).toEqual(['session:a']);
});

test('if more streams were missed than are kept, the others are not named, and a warning is logged', async () => {
  const { index, other } = indexes(3);
  await other.track();
  for (const name of upTo(5).map(session)) await index.enterCreated(name);
  await index.remove(await entriesIn(index));
  log.warn.mockClear();
  expect((await other.news()).missed).toHaveLength(2);
  expect(log.warn).toHaveBeenCalledWith({ most: 3 }, expect.stringContaining('too many streams'));
});

test('a stream that is being entered is not entered a second time by `enterOwed`', async () => {
  const { index, other } = indexes();
  await other.track();
  await Promise.all([index.enterCreated('session:a'), index.enterOwed()]);
  expect((await other.news()).missed).toEqual([]);
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
