/**
 * Keeps the API keys of the key storage in the memory of a node. The key storage is read every second, so that every node closes the
 * connections of a revoked key within two seconds (SEC-3).
 */
import { isLive, keyId, principalOf } from './api-key.ts';
import type { StoredKey } from './api-key.ts';
import { credentialIdOf } from './api-key.ts';
import type { Principal } from './principal.ts';

export interface KeyStorage {
  /** All keys, including expired and revoked ones. */
  read(): Promise<readonly StoredKey[]>;
  /** Changes the keys atomically: a concurrent change is not lost. */
  change(edit: (keys: readonly StoredKey[]) => readonly StoredKey[]): Promise<void>;
  close(): Promise<void>;
}

export interface KeyRingOptions {
  readonly storage: KeyStorage;
  /** Returns the current time, in milliseconds since the Unix epoch. */
  readonly now: () => number;
  /** Called once per outage of the storage. During the outage, the known keys stay valid. */
  readonly onFault: (error: unknown) => void;
  readonly pollMs?: number;
}

const POLL_MS = 1000;
const EXPIRY_GRACE_MS = 500;

export class KeyRing {
  readonly #options: KeyRingOptions;
  readonly #listeners = new Set<(credentialId: string) => void>();
  #keys: ReadonlyMap<string, StoredKey> = new Map();
  #lookedAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #reading: Promise<void> = Promise.resolve();
  #failing = false;
  #closed = false;

  constructor(options: KeyRingOptions) {
    this.#options = options;
  }

  /** Reads the keys for the first time. @throws {Error} if they cannot be read, because no client could authenticate without them */
  async start(): Promise<void> {
    await this.#read();
    this.#schedule();
  }

  /** @throws {Error} with the reason why the key is invalid. The reason is for the log; the client must not receive it. */
  authenticate(secret: string): Principal {
    return principalOf(secret, this.#keys.get(keyId(secret) ?? ''), this.#options.now());
  }

  onRevoked(listener: (credentialId: string) => void): void {
    this.#listeners.add(listener);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#reading;
    await this.#options.storage.close();
  }

  #schedule(): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#reading = this.#read()
        .then(
          () => (this.#failing = false),
          (error: unknown) => this.#fail(error),
        )
        .then(() => this.#schedule());
    }, this.#options.pollMs ?? POLL_MS);
    this.#timer.unref();
  }

  #fail(error: unknown): void {
    if (!this.#failing) this.#options.onFault(error);
    this.#failing = true;
  }

  async #read(): Promise<void> {
    const now = this.#options.now();
    const keys = new Map((await this.#options.storage.read()).map((key) => [key.id, key]));
    // Also report keys that have expired since the last reading. A connection ends by itself only at the expiry that the key had when the
    // client authenticated. A rotation may since have given the key an earlier expiry.
    const [before, lookedAt] = [this.#keys, this.#lookedAt];
    this.#keys = keys;
    this.#lookedAt = now - EXPIRY_GRACE_MS;
    for (const [id, key] of before) {
      const after = keys.get(id);
      const ended = after === undefined || !isLive(after, this.#lookedAt);
      if (ended && isLive(key, lookedAt)) for (const listener of this.#listeners) listener(credentialIdOf(key));
    }
  }
}
