import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { upTo } from '../testing/event-drafts.ts';
import { RedisProcess } from '../testing/redis-process.ts';
import { RedisConnection } from './connection.ts';
import { RedisKeys } from './keys.ts';
import { StreamIndex } from './stream-index.ts';
import type { Entry } from './stream-index.ts';
import { parseRedisUrl } from './url.ts';

const log = { info: () => undefined, warn: () => undefined };
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
function indexes(): { readonly index: StreamIndex; readonly other: StreamIndex } {
  prefixes += 1;
  const keys = new RedisKeys({ prefix: `tidemark:i${prefixes}`, db: 0 });
  const [index, other] = [new StreamIndex({ connection, keys, log }), new StreamIndex({ connection, keys, log })];
  return { index, other };
}

const session = (n: number): string => `session:${n}`;

async function namesIn(index: StreamIndex): Promise<string[]> {
  const names: string[] = [];
  for await (const entries of index.all()) names.push(...entries.map(({ stream }) => stream));
  return names.toSorted();
}

async function newsOf(index: StreamIndex): Promise<string[]> {
  return (await index.news()).map(({ stream }) => stream).toSorted();
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

test('a page that cannot be read hides no stream from the next one', async () => {
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
  const read: Entry[] = [];
  for await (const entries of other.all()) read.push(...entries);
  await index.enterCreated('session:again');
  await other.remove(read);
  expect(await namesIn(other)).toEqual(['session:again']);
});

test('a stream that already has events is distinguished from a new one by its place, even without an announcement', async () => {
  const { index } = indexes();
  await index.enterFound('session:old', { epoch: 'e', sequenceId: 3 });
  await index.enterFound('session:blank', { epoch: 'e', sequenceId: 0 });
  await index.enterCreated('session:new');
  const appearances = await Promise.all(
    ['session:old', 'session:blank', 'session:new', 'session:unknown'].map((name) => index.appearanceOf(name)),
  );
  expect(appearances).toEqual(['found', 'created', 'created', 'found']);
});
