/**
 * API keys in Redis, for all nodes. They are stored in one Redis key:
 *
 *   tidemark:api-keys         hash    <id> → the API key as JSON; it contains the hash of the secret, never the secret
 */
import type { Cluster, Redis } from 'ioredis';
import type { StoredKey } from '../../auth/api-key.ts';
import { connectionFault } from './connection-fault.ts';
import { isStoredKey } from '../../auth/key-file.ts';
import type { KeyStorage } from '../../auth/key-ring.ts';
import { commandClient, withoutCommand } from './clients.ts';
import { script } from './scripts.ts';
import { describeRedis, parseRedisUrl } from './url.ts';

const COMMAND_TIMEOUT_MS = 1_000;
/**
 * The maximum number of attempts to write a change. An attempt fails only if another process has changed the API keys in the meantime. Far
 * fewer than 100 processes change the API keys at the same time.
 */
const MOST_ATTEMPTS = 100;

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

  /**
   * @throws {Error} if the server does not answer in time (the message names the server), or if the Redis key contains anything but API
   * keys of this version (the message names the key)
   */
  async read(): Promise<readonly StoredKey[]> {
    return [...(await this.#texts())].map(([id, text]) => this.#parse(id, text));
  }

  /** Changes the API keys. If another process has changed them since they were read, `edit` is called again with the new API keys. */
  async change(edit: (keys: readonly StoredKey[]) => readonly StoredKey[]): Promise<void> {
    for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt += 1) {
      const texts = await this.#texts();
      const after = new Map(
        edit([...texts].map(([id, text]) => this.#parse(id, text))).map((key) => [key.id, JSON.stringify(key)]),
      );
      const changes = [...new Set([...texts.keys(), ...after.keys()])]
        .map((id) => [id, texts.get(id) ?? '', after.get(id) ?? ''])
        .filter(([, before, now]) => before !== now);
      if (changes.length === 0) return;
      if ((await this.#ask(() => this.#client.eval(script('keys').source, 1, this.#key, ...changes.flat()))) === 1)
        return;
    }
    throw new Error(
      `Other processes are changing the API keys in Redis at ${this.#place}: ${MOST_ATTEMPTS} attempts failed. Try again.`,
    );
  }

  async close(): Promise<void> {
    this.#client.disconnect();
  }

  /** The stored API keys as JSON, by id. */
  async #texts(): Promise<ReadonlyMap<string, string>> {
    return new Map(Object.entries(await this.#ask(() => this.#client.hgetall(this.#key))));
  }

  #parse(id: string, text: string): StoredKey {
    try {
      const key: unknown = JSON.parse(text);
      if (isStoredKey(key)) return key;
    } catch {
      // The parser's error is not passed on, because its text quotes the API key. The next statement throws another error.
    }
    throw new Error(`${this.#key} in Redis at ${this.#place}: the value of ${id} is not an API key of this version.`);
  }

  async #ask<T>(command: () => Promise<T>): Promise<T> {
    await this.#connect();
    try {
      return await command();
    } catch (error) {
      throw this.#unusable(error instanceof Error ? error.message : String(error), withoutCommand(error));
    }
  }

  #unusable(reason: string, cause: unknown): Error {
    return new Error(`The API keys in Redis at ${this.#place} cannot be used: ${reason}`, { cause });
  }

  async #connect(): Promise<void> {
    this.#connected ??= this.#client.connect();
    try {
      await this.#connected;
    } catch (error) {
      this.#connected = undefined;
      throw connectionFault(
        `The API keys in Redis at ${this.#place}`,
        this.#lastError?.message ?? String(error),
        error,
      );
    }
  }
}
