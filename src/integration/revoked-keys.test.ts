import { describe, expect, test } from 'vitest';
import type { KeyStorage } from '../auth/key-ring.ts';
import { RedisKeyStorage } from '../broker/redis/key-storage.ts';
import { RedisBroker } from '../broker/redis/redis-broker.ts';
import { RedisProcess } from '../broker/testing/redis-process.ts';
import { eventTable } from '../catalogue/event-table.ts';
import { resolveLimits } from '../options.ts';
import { keysOf, makeKey, serveWithCredentials } from '../testing/credentials.ts';
import { RawClient } from '../testing/raw-client.ts';
import { connect, onCleanup } from '../testing/rig.ts';

/** A key storage that can be read only once more after `allowOneMore` was called. */
class LastReading implements KeyStorage {
  readonly #storage: KeyStorage;
  #left = Number.POSITIVE_INFINITY;

  constructor(storage: KeyStorage) {
    this.#storage = storage;
  }

  /** Allows one more reading. Later readings fail, and the gateway then continues with the keys that it knows. */
  allowOneMore(): void {
    this.#left = 1;
  }

  read(): ReturnType<KeyStorage['read']> {
    if (this.#left === 0) return Promise.reject(new Error('the test allows no more readings'));
    this.#left -= 1;
    return this.#storage.read();
  }

  change(edit: Parameters<KeyStorage['change']>[0]): Promise<void> {
    return this.#storage.change(edit);
  }

  close(): Promise<void> {
    return this.#storage.close();
  }
}

async function revokeKey(storage: KeyStorage, id: string): Promise<void> {
  const revokedAt = new Date().toISOString();
  await storage.change((keys) => keys.map((key) => (key.id === id ? { ...key, revokedAt } : key)));
}

describe('a key that is revoked', () => {
  test('ends its connections with 4101 at the next reading of the keys, and other connections stay open', async () => {
    const storage = new LastReading(keysOf());
    const [first, second] = [await makeKey(storage, ['subscribe:*']), await makeKey(storage, ['subscribe:*'])];
    const { url } = await serveWithCredentials({ storage });
    const doomed = await connect(url, { headers: { 'x-api-key': first.secret } });
    const other = await connect(url, { headers: { 'x-api-key': second.secret } });
    await revokeKey(storage, first.stored.id);
    storage.allowOneMore();
    expect((await doomed.closed).code).toBe(4101);
    expect((await RawClient.refused(url, { headers: { 'x-api-key': first.secret } })).status).toBe(401);
    expect(await other.call('ping')).toMatchObject({ type: 'pong' });
  });

  test('ends its connections on each node at the next reading of the keys in Redis; they receive nothing afterwards', async () => {
    const redis = await RedisProcess.start();
    onCleanup(() => redis.stop());
    const admin = new RedisKeyStorage({ url: redis.url });
    onCleanup(() => admin.close());
    const key = await makeKey(admin, ['subscribe:*']);
    const storages = [1, 2].map(() => new LastReading(new RedisKeyStorage({ url: redis.url })));
    const nodes = await Promise.all(
      storages.map((storage) =>
        serveWithCredentials({
          storage,
          broker: new RedisBroker({ url: redis.url, limits: resolveLimits(), events: eventTable() }),
        }),
      ),
    );
    const clients = await Promise.all(nodes.map(({ url }) => connect(url, { headers: { 'x-api-key': key.secret } })));
    for (const client of clients) await client.call('subscribe', { events: ['*'] });
    await revokeKey(admin, key.stored.id);
    for (const storage of storages) storage.allowOneMore();
    const closed = await Promise.all(clients.map((client) => client.closed));
    expect(closed.map(({ code }) => code)).toEqual([4101, 4101]);
    await nodes[0]?.gateway.publish('built', {});
    expect(clients.flatMap((client) => client.events())).toEqual([]);
  });
});
