/**
 * Stores API keys in a file, for one node or for several nodes that share a disk. Only the owner of the file can read it.
 *
 * @module tidemark/key-file
 */
import { mkdir, open, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ulid } from 'ulid';
import type { StoredKey } from './api-key.ts';
import type { KeyStorage } from './key-ring.ts';

interface KeyFile {
  readonly version: 1;
  readonly keys: readonly StoredKey[];
}

const LOCK_PATIENCE_MS = 5_000;

export class KeyFileStorage implements KeyStorage {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** Reads the keys. If the file is missing, there are no keys. @throws {Error} if the file is not a valid key file; names the file */
  async read(): Promise<readonly StoredKey[]> {
    let text: string;
    try {
      text = await readFile(this.#path, 'utf8');
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
      throw new Error(`The API keys in ${this.#path} cannot be read.`, { cause: error });
    }
    return keysOf(text, this.#path);
  }

  async change(edit: (keys: readonly StoredKey[]) => readonly StoredKey[]): Promise<void> {
    await mkdir(dirname(this.#path), { recursive: true });
    const release = await takeLock(`${this.#path}.lock`);
    try {
      const file: KeyFile = { version: 1, keys: edit(await this.read()) };
      const temporary = `${this.#path}.${ulid()}`;
      await writeFile(temporary, `${JSON.stringify(file, undefined, 2)}\n`, { mode: 0o600, flush: true });
      // `rename` is atomic: a reader sees either the complete old file or the complete new one.
      await rename(temporary, this.#path);
    } finally {
      release();
    }
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/**
 * Locks the file against other processes, with an SQLite lock on an empty lock file. The operating system releases this lock when the
 * process ends, so a lock is never stale. The lock file is not deleted.
 * @returns a function that releases the lock
 */
async function takeLock(path: string): Promise<() => void> {
  // Loaded on demand, because a gateway only reads keys and needs no lock.
  const { DatabaseSync } = await import('node:sqlite');
  await (await open(path, 'a', 0o600)).close();
  const deadline = Date.now() + LOCK_PATIENCE_MS;
  for (;;) {
    const database = new DatabaseSync(path, { timeout: 0 });
    try {
      database.exec('BEGIN EXCLUSIVE');
      return () => database.close();
    } catch (error) {
      database.close();
      if (!isBusy(error)) throw new Error(`The lock file ${path} cannot be locked.`, { cause: error });
    }
    if (Date.now() > deadline)
      throw new Error(
        `Another process has held the lock on the keys for ${LOCK_PATIENCE_MS / 1000} seconds. Try again.`,
      );
    await delay(20);
  }
}

const SQLITE_BUSY = 5;

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY;
}

function keysOf(text: string, path: string): readonly StoredKey[] {
  let file: Partial<KeyFile>;
  try {
    file = JSON.parse(text) as Partial<KeyFile>;
  } catch (error) {
    throw new Error(`The API keys in ${path} cannot be read: the file is not JSON.`, { cause: error });
  }
  const { version, keys } = file;
  if (version !== 1 || !Array.isArray(keys) || !keys.every(isStoredKey))
    throw new Error(`The API keys in ${path} cannot be read: the file is not a key file of this version.`);
  return keys;
}

export function isStoredKey(value: unknown): value is StoredKey {
  if (typeof value !== 'object' || value === null) return false;
  const { id, name, hash, scopes, createdAt } = value as Partial<Record<keyof StoredKey, unknown>>;
  const texts = [id, name, hash, createdAt].every((each) => typeof each === 'string');
  return texts && Array.isArray(scopes) && scopes.every((each) => typeof each === 'string');
}
