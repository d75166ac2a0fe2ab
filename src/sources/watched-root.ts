/** The watched directory itself: whether the operator's path still leads to it, and why it cannot be watched at present. */
import type { Disk } from './disk.ts';
import { isGone, reasonOf } from './errors.ts';
import { isSameFile } from './facts.ts';
import type { Facts } from './facts.ts';
import { toByteString } from './names.ts';
import type { ByteString } from './names.ts';

/** `unclear`: an error that does not prove that the directory is gone. */
export type RootState = 'same' | 'replaced' | 'gone' | 'unclear';

export interface WatchedRootOptions {
  readonly disk: Disk;
  /** As the operator wrote it. Symbolic links in it are resolved again at every look. */
  readonly directory: string;
  /** Called with the reason when the root cannot be watched; once for each new reason. */
  readonly onFault: (reason: string) => void;
}

export class WatchedRoot {
  readonly #options: WatchedRootOptions;
  readonly #path: ByteString;
  #facts: Facts | undefined;
  /** The facts that the last look found. */
  #found: Facts | undefined;
  #reason: string | undefined;

  constructor(options: WatchedRootOptions) {
    this.#options = options;
    this.#path = toByteString(options.directory);
  }

  /** The facts of the directory that is watched; undefined while there is none. */
  get facts(): Facts | undefined {
    return this.#facts;
  }

  /** Starts with the directory at the operator's path. @throws {Error} when there is none */
  open(): void {
    this.#facts = this.#options.disk.follow(this.#path);
    if (this.#facts.fileType !== 'directory') throw new Error(`${this.#options.directory} is not a directory`);
  }

  /** Compares the operator's path with the directory that is watched. */
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

  /** Whether the operator's path certainly leads to the watched directory. Reports nothing. */
  isUnchanged(): boolean {
    try {
      return this.#facts !== undefined && isSameFile(this.#options.disk.follow(this.#path), this.#facts);
    } catch {
      return false;
    }
  }

  /** From now on, the directory that the last look found is the watched one. */
  adopt(): void {
    this.#facts = this.#found;
  }

  forget(): void {
    this.#facts = undefined;
  }

  /** The root is watched again, so the next fault is reported, whatever its reason. */
  recovered(): void {
    this.#reason = undefined;
  }

  failed(reason: string): void {
    if (reason === this.#reason) return;
    this.#reason = reason;
    this.#options.onFault(reason);
  }
}
