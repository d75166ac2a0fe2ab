/**
 * The root of a watched tree. Checks whether the path that the operator gave still leads to the watched directory, and reports why the
 * directory cannot be watched.
 */
import type { Disk } from './disk.ts';
import { isGone, reasonOf } from './errors.ts';
import { isSameFile } from './facts.ts';
import type { Facts } from './facts.ts';
import { toByteString } from './names.ts';
import type { ByteString } from './names.ts';

/**
 * How the directory that is now at the path compares with the watched directory. `unclear`: the path cannot be accessed, but the error does
 * not prove that the directory is gone.
 */
export type RootState = 'same' | 'replaced' | 'gone' | 'unclear';

export interface WatchedRootOptions {
  readonly disk: Disk;
  /** The path as the operator wrote it. Each check resolves symbolic links in this path again. */
  readonly directory: string;
  /** Called with the reason if the root cannot be watched. Not called again for the same reason before the root was watched again. */
  readonly onFault: (reason: string) => void;
}

export class WatchedRoot {
  readonly #options: WatchedRootOptions;
  readonly #path: ByteString;
  #facts: Facts | undefined;
  /** The facts of the directory that the last `look` found; undefined if it found none. */
  #found: Facts | undefined;
  #reason: string | undefined;

  constructor(options: WatchedRootOptions) {
    this.#options = options;
    this.#path = toByteString(options.directory);
  }

  /** The facts of the watched directory; undefined if no directory is watched at the moment. */
  get facts(): Facts | undefined {
    return this.#facts;
  }

  /** From now on, the watched directory is the one at the operator's path. @throws {Error} if there is no directory at this path */
  open(): void {
    this.#facts = this.#options.disk.follow(this.#path);
    if (this.#facts.fileType !== 'directory') throw new Error(`${this.#options.directory} is not a directory`);
  }

  /** Compares the directory that is now at the operator's path with the watched directory. */
  look(): RootState {
    try {
      const found = this.#options.disk.follow(this.#path);
      this.#found = found.fileType === 'directory' ? found : undefined;
    } catch (error) {
      this.#found = undefined;
      if (!isGone(error)) {
        this.failed(`The watched directory cannot be accessed (${reasonOf(error)}); retrying.`);
        return 'unclear';
      }
    }
    if (this.#found === undefined) return 'gone';
    return this.#facts !== undefined && isSameFile(this.#found, this.#facts) ? 'same' : 'replaced';
  }

  /** Whether the operator's path certainly leads to the watched directory. Unlike `look`, reports no faults. */
  isUnchanged(): boolean {
    try {
      return this.#facts !== undefined && isSameFile(this.#options.disk.follow(this.#path), this.#facts);
    } catch {
      return false;
    }
  }

  /** From now on, the watched directory is the one that the last `look` found. */
  adopt(): void {
    this.#facts = this.#found;
  }

  forget(): void {
    this.#facts = undefined;
  }

  /** Must be called when the root is watched again. The next fault is then reported, even if its reason is the same as before. */
  recovered(): void {
    this.#reason = undefined;
  }

  failed(reason: string): void {
    if (reason === this.#reason) return;
    this.#reason = reason;
    this.#options.onFault(reason);
  }
}
