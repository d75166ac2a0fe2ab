/**
 * API keys in Redis, for all nodes. One key of its own:
 *
 *   tidemark:api-keys         hash    <id> → the key as JSON, with its hash, never with its secret
 */
import type { Cluster, Redis } from 'ioredis';
import type { StoredKey } from '../auth/api-key.ts';
import { isStoredKey } from '../auth/key-file.ts';
import type { KeyStorage } from '../auth/key-ring.ts';
import { commandClient } from './redis-connection.ts';
import { describeRedis, parseRedisUrl } from './redis-url.ts';

const COMMAND_TIMEOUT_MS = 1_000;

export class RedisKeyStorage implements KeyStorage {
  readonly #client: Redis | Cluster;
  readonly #key: string;
  readonly #place: string;
  #connected: Promise<void> | undefined;
  #lastError: Error | undefined;

  constructor(options: { readonly url: string }) {
    const address = parseRedisUrl(options.url);
    this.#client = commandClient({ address, commandTimeoutMs: COMMAND_TIMEOUT_MS });
    this.#client.on('error', (error: Error) => (this.#lastError = error));
    this.#key = `${address.prefix}:api-keys`;
    this.#place = describeRedis(address);
  }

  /** @throws {Error} naming the server when it does not answer in time, and the key when it is not one of ours. */
  async read(): Promise<readonly StoredKey[]> {
    await this.#connect();
    const entries = Object.entries(await this.#client.hgetall(this.#key));
    return entries.map(([id, text]) => {
      const key: unknown = JSON.parse(text);
      if (isStoredKey(key)) return key;
      throw new Error(`${this.#key} in Redis at ${this.#place} holds something else under ${id}.`);
    });
  }

  /** Each key is a field of its own: changes of different keys do not meet, and the last change of one key counts. */
  async change(edit: (keys: readonly StoredKey[]) => readonly StoredKey[]): Promise<void> {
    const before = await this.read();
    const after = edit(before);
    const changed = after.filter((key) => !before.includes(key));
    const gone = before.filter(({ id }) => !after.some((key) => key.id === id));
    for (const key of changed) await this.#client.hset(this.#key, key.id, JSON.stringify(key));
    for (const { id } of gone) await this.#client.hdel(this.#key, id);
  }

  async close(): Promise<void> {
    this.#client.disconnect();
  }

  async #connect(): Promise<void> {
    this.#connected ??= this.#client.connect();
    try {
      await this.#connected;
    } catch (error) {
      this.#connected = undefined;
      const reason = this.#lastError?.message ?? String(error);
      throw new Error(`The API keys in Redis at ${this.#place} cannot be read: ${reason}`, { cause: error });
    }
  }
}
