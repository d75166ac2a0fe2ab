import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createKey } from '../../auth/api-key.ts';
import type { StoredKey } from '../../auth/api-key.ts';
import { RedisKeyStorage } from './key-storage.ts';
import { ACL_LOGIN, createAclUser } from '../testing/acl-rules.ts';
import { RedisProcess } from '../testing/redis-process.ts';

let redis: RedisProcess;
let prefixes = 0;
const storages: RedisKeyStorage[] = [];

beforeAll(async () => {
  redis = await RedisProcess.start();
  await createAclUser(redis);
});
afterAll(() => redis.stop());
afterEach(async () => {
  for (const storage of storages.splice(0)) await storage.close();
});

/** Opens several storages that use the same keys. */
function open(count: number): RedisKeyStorage[] {
  prefixes += 1;
  const url = `redis://${ACL_LOGIN}@127.0.0.1:${redis.port}?prefix=tidemark:k${prefixes}`;
  const opened = Array.from({ length: count }, () => new RedisKeyStorage({ url }));
  storages.push(...opened);
  return opened;
}

const newKey = (): StoredKey => createKey({ name: 'ci', scopes: ['subscribe:*'], now: new Date() }).stored;

describe('API keys in Redis', () => {
  test('lose no change when many writers change keys at once, even the same key', async () => {
    const writers = open(10);
    const key = newKey();
    await writers[0]?.change(() => [key]);
    const revokedAt = new Date().toISOString();
    await Promise.all(
      writers.map((writer, at) =>
        writer.change((keys) =>
          keys.map((each) =>
            at === 0 ? { ...each, revokedAt } : { ...each, scopes: [...each.scopes, `publish:e${at}`] },
          ),
        ),
      ),
    );
    const [kept] = (await writers[0]?.read()) ?? [];
    expect(kept?.revokedAt).toBe(revokedAt);
    expect(kept?.scopes.toSorted()).toEqual(
      ['subscribe:*', ...writers.slice(1).map((_, at) => `publish:e${at + 1}`)].toSorted(),
    );
  });

  test('are added, changed and removed in one step', async () => {
    const [storage] = open(1);
    const [first, second, third] = [newKey(), newKey(), newKey()];
    await storage?.change(() => [first, second]);
    await storage?.change((keys) => [
      ...keys.filter(({ id }) => id !== second.id).map((each) => ({ ...each, name: 'other' })),
      third,
    ]);
    const kept = (await storage?.read()) ?? [];
    expect(kept.map(({ id, name }) => `${id} ${name}`).toSorted()).toEqual(
      [`${first.id} other`, `${third.id} ci`].toSorted(),
    );
  });

  test('cause an error that names the server and the field if they are invalid or unreadable', async () => {
    const [storage] = open(1);
    const place = `tidemark:k${prefixes}:api-keys`;
    for (const text of ['{"secret', '{"id":5}']) {
      await redis.command('HSET', place, 'ci', text);
      await expect(storage?.read()).rejects.toThrow(
        `${place} in Redis at redis://127.0.0.1:${redis.port}: the value of ci is not an API key of this version`,
      );
    }
    await redis.command('SET', place, 'text');
    await expect(storage?.read()).rejects.toThrow(/127\.0\.0\.1:\d+ cannot be used: WRONGTYPE/);
    redis.freeze();
    await expect(storage?.read()).rejects.toThrow(/127\.0\.0\.1:\d+ cannot be used: Command timed out/);
    redis.thaw();
  });
});
