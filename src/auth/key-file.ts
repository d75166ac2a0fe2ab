/**
 * API keys in a file: for one node, or nodes that share a disk. Readable by its owner only.
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

  /** A file that is not there yet holds no keys. @throws {Error} naming the file when it is no key file. */
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
      // Readers see the old file or the new one, never half of one.
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
 * Locks the file between processes, by the lock that SQLite takes from the system: it ends with its process, however that
 * ends, so that no lock is ever stale and none has to be taken away from anybody. The file stays where it is, empty.
 * @returns what releases the lock
 */
async function takeLock(path: string): Promise<() => void> {
  // Loaded only here: a gateway reads keys and never changes them.
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
      if (!isBusy(error)) throw new Error(`The lock ${path} cannot be taken.`, { cause: error });
    }
    if (Date.now() > deadline)
      throw new Error(`Another process has been changing the keys for ${LOCK_PATIENCE_MS / 1000} seconds. Try again.`);
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
    throw new Error(`The API keys in ${path} cannot be read: the file is no JSON.`, { cause: error });
  }
  const { version, keys } = file;
  if (version !== 1 || !Array.isArray(keys) || !keys.every(isStoredKey))
    throw new Error(`The API keys in ${path} cannot be read: it is no key file of this version.`);
  return keys;
}

export function isStoredKey(value: unknown): value is StoredKey {
  if (typeof value !== 'object' || value === null) return false;
  const { id, name, hash, scopes, createdAt } = value as Partial<Record<keyof StoredKey, unknown>>;
  const texts = [id, name, hash, createdAt].every((each) => typeof each === 'string');
  return texts && Array.isArray(scopes) && scopes.every((each) => typeof each === 'string');
}
