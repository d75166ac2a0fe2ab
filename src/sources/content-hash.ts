/**
 * Computes the hash of a small file (FIL-3). From the hash, a subscriber knows whether the content has changed, without reading the file.
 */
import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { factsFrom, isUnchanged } from './facts.ts';
import type { Facts } from './facts.ts';
import { toBuffer } from './names.ts';
import type { ByteString } from './names.ts';

/**
 * Maximum number of bytes to read per second. Opening a file counts as `BYTES_PER_FILE`, so the limit is about 1,000 small files per
 * second, or 16 MiB per second.
 */
const BYTES_PER_SECOND = 16 * 1024 * 1024;
const BYTES_PER_FILE = 16 * 1024;

export class ContentHash {
  readonly #most: number;
  readonly #now: () => number;
  readonly #buffer: Buffer;
  #left = BYTES_PER_SECOND;
  #refilledAt: number;

  /** @param most size of the largest file that is read, in bytes */
  constructor(most: number, now: () => number = () => performance.now()) {
    this.#most = most;
    this.#now = now;
    this.#buffer = Buffer.alloc(most + 1);
    this.#refilledAt = now();
  }

  /**
   * The hash of the content of a file. Undefined if it is not a regular file, is too large, cannot be read, or has changed since `facts`
   * were read. Also undefined if reading the file would exceed the rate limit.
   */
  of(path: ByteString, facts: Facts): string | undefined {
    if (facts.fileType !== 'file' || facts.size > this.#most || !this.#take(BYTES_PER_FILE + facts.size))
      return undefined;
    try {
      return this.#read(path, facts);
    } catch {
      // The file was deleted, or this process has no permission to read it. The event is correct without a hash.
      return undefined;
    }
  }

  #read(path: ByteString, facts: Facts): string | undefined {
    const { O_RDONLY, O_NONBLOCK, O_NOFOLLOW } = constants;
    const descriptor = openSync(toBuffer(path), O_RDONLY | (O_NONBLOCK ?? 0) | (O_NOFOLLOW ?? 0));
    try {
      const isSame = (): boolean => isUnchanged(facts, factsFrom(fstatSync(descriptor), Date.now()));
      if (!isSame()) return undefined;
      let length = 0;
      for (let count = -1; count !== 0 && length <= this.#most; length += count)
        count = readSync(descriptor, this.#buffer, length, this.#buffer.length - length, null);
      if (length !== facts.size || !isSame()) return undefined;
      return `sha256:${createHash('sha256').update(this.#buffer.subarray(0, length)).digest('hex')}`;
    } finally {
      closeSync(descriptor);
    }
  }

  #take(bytes: number): boolean {
    const nowMs = this.#now();
    this.#left = Math.min(BYTES_PER_SECOND, this.#left + ((nowMs - this.#refilledAt) / 1000) * BYTES_PER_SECOND);
    this.#refilledAt = nowMs;
    if (this.#left < bytes) return false;
    this.#left -= bytes;
    return true;
  }
}
