/**
 * Renames of which only the first half has been read. The system reports a rename as two halves with the same cookie, one after the other,
 * but not in one step: the second half can come with a later read.
 */
import type { Directory } from './directory.ts';
import type { Move } from './engine/engine.ts';
import type { ByteString } from './names.ts';

/**
 * How long the second half is waited for: at least this time, in milliseconds, and this number of reads, because on a busy machine the time may
 * pass without any. An entry that left the tree has no second half, and is reported as deleted afterwards.
 */
const SECOND_HALF_MS = 20;
const SECOND_HALF_READS = 5;

interface Origin {
  readonly directory: Directory;
  readonly name: ByteString;
}

interface Wait {
  readonly untilMs: number;
  readonly untilRead: number;
}

export class OpenMoves {
  readonly #now: () => number;
  readonly #origins = new Map<number, Origin>();
  /** How long each vanished name waits. */
  readonly #waits = new Map<Directory, Map<ByteString, Wait>>();
  #reads = 0;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Call after each read of the system's reports. */
  readDone(): void {
    this.#reads += 1;
  }

  /** Notes one half. For a second half, returns where the entry was. */
  note(directory: Directory, name: ByteString, { cookie, half }: Move): Origin | undefined {
    const origin = this.#origins.get(cookie);
    if (half === 'to') {
      this.#origins.delete(cookie);
      if (origin !== undefined) this.#forget(origin);
      return origin;
    }
    // A directory with two watched paths has the same rename twice; its first path is enough.
    if (origin !== undefined) return undefined;
    this.#origins.set(cookie, { directory, name });
    let names = this.#waits.get(directory);
    if (names === undefined) this.#waits.set(directory, (names = new Map<ByteString, Wait>()));
    names.set(name, { untilMs: this.#now() + SECOND_HALF_MS, untilRead: this.#reads + SECOND_HALF_READS });
    return undefined;
  }

  /** Whether the second half of a rename of this entry may still come. */
  waitsFor(directory: Directory, name: ByteString): boolean {
    const wait = this.#waits.get(directory)?.get(name);
    return wait !== undefined && (this.#reads < wait.untilRead || this.#now() < wait.untilMs);
  }

  /** Removes the first halves that have waited long enough. */
  expire(): void {
    for (const [cookie, origin] of this.#origins) {
      if (this.waitsFor(origin.directory, origin.name)) continue;
      this.#origins.delete(cookie);
      this.#forget(origin);
    }
  }

  #forget({ directory, name }: Origin): void {
    const names = this.#waits.get(directory);
    names?.delete(name);
    if (names?.size === 0) this.#waits.delete(directory);
  }
}
