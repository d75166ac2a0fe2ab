/**
 * API keys in a file: for one node, or nodes that share a disk. Readable by its owner only.
 *
 * @module tidemark/key-file
 */
import { mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ulid } from 'ulid';
import type { StoredKey } from './api-key.ts';
import type { KeyStorage } from './key-ring.ts';

interface KeyFile {
  readonly version: 1;
  readonly keys: readonly StoredKey[];
}

/** A lock that is older was left behind by a program that ended badly. */
const STALE_LOCK_MS = 10_000;
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
    const lock = `${this.#path}.lock`;
    await takeLock(lock);
    try {
      const file: KeyFile = { version: 1, keys: edit(await this.read()) };
      const temporary = `${this.#path}.${ulid()}`;
      await writeFile(temporary, `${JSON.stringify(file, undefined, 2)}\n`, { mode: 0o600, flush: true });
      // Readers see the old file or the new one, never half of one.
      await rename(temporary, this.#path);
    } finally {
      await rm(lock, { force: true });
    }
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

async function takeLock(path: string): Promise<void> {
  const deadline = Date.now() + LOCK_PATIENCE_MS;
  for (;;) {
    try {
      await (await open(path, 'wx', 0o600)).close();
      return;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
    const age = await stat(path).then(
      ({ mtimeMs }) => Date.now() - mtimeMs,
      () => 0,
    );
    if (age > STALE_LOCK_MS) await rm(path, { force: true });
    else if (Date.now() > deadline) throw new Error(`Someone else is changing the keys: ${path} is there. Try again.`);
    else await delay(20);
  }
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
