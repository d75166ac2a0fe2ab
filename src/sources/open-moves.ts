/**
 * Tracks renames of which only the first half has been read. The system reports a rename in two halves, which are two reports with the same
 * cookie: the first contains the previous name, the second the new name. They may arrive in two different reads of the system's queue.
 */
import type { Directory } from './directory.ts';
import type { Move } from './engine/engine.ts';
import type { ByteString } from './names.ts';

/**
 * How long to wait for a second half, in milliseconds. An entry that was moved out of the tree has no second half; after the wait, it is
 * reported as deleted.
 */
const SECOND_HALF_MS = 20;
/** The wait lasts for at least this many reads of the system's queue: on a busy machine, the time may pass before the next read. */
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
  /** For each first half, how long to wait for the second half; by directory and previous name of the entry. */
  readonly #waits = new Map<Directory, Map<ByteString, Wait>>();
  #reads = 0;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Must be called after each read of the system's reports. */
  readDone(): void {
    this.#reads += 1;
  }

  /** Records one half of a rename. @returns for a second half, the previous place of the entry; otherwise undefined */
  note(directory: Directory, name: ByteString, { cookie, half }: Move): Origin | undefined {
    const origin = this.#origins.get(cookie);
    if (half === 'to') {
      this.#origins.delete(cookie);
      if (origin !== undefined) this.#forget(origin);
      return origin;
    }
    // A directory that is watched under two paths reports the same rename twice. Only the rename under the first path is used.
    if (origin !== undefined) return undefined;
    this.#origins.set(cookie, { directory, name });
    let names = this.#waits.get(directory);
    if (names === undefined) this.#waits.set(directory, (names = new Map<ByteString, Wait>()));
    names.set(name, { untilMs: this.#now() + SECOND_HALF_MS, untilRead: this.#reads + SECOND_HALF_READS });
    return undefined;
  }

  /** Whether the second half of a rename of this entry may still arrive. */
  waitsFor(directory: Directory, name: ByteString): boolean {
    const wait = this.#waits.get(directory)?.get(name);
    return wait !== undefined && (this.#reads < wait.untilRead || this.#now() < wait.untilMs);
  }

  /** Removes the first halves whose wait is over. */
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
