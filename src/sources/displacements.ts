/**
 * Tracks known directories that were renamed. While a directory is at another path, looking up its entries at the known path finds entries
 * of another directory, or nothing.
 */
import type { Directory } from './directory.ts';
import type { ByteString } from './names.ts';

/** A directory that was found while the renames of a step were not resolved. */
export interface HeldDirectory {
  readonly parent: Directory;
  readonly name: ByteString;
  /** Whether it is the directory that was known at this path. */
  readonly same: boolean;
  readonly reported: boolean;
}

export class Displacements {
  readonly #displaced = new Set<Directory>();
  readonly #moved = new Set<Directory>();

  /** Records that a directory was renamed or deleted, and possibly renamed back. */
  note(directory: Directory): void {
    this.#displaced.add(directory);
  }

  /** Must be called when the directory is found at its path. @returns whether it may have been elsewhere since it was last found */
  resolve(directory: Directory): boolean {
    return this.#displaced.delete(directory);
  }

  /** Whether entries of a directory may have been looked up while it was at another path. */
  covers(directory: Directory): boolean {
    if (directory.doubt !== 'none') return true;
    if (this.#displaced.size === 0) return false;
    for (let at: Directory | undefined = directory; at !== undefined; at = at.parent)
      if (this.#displaced.has(at)) return true;
    return false;
  }

  forget(directory: Directory): void {
    this.#displaced.delete(directory);
    this.#moved.delete(directory);
  }

  /** Records that the tree now has a directory at its new path. */
  noteMoved(directory: Directory): void {
    this.#displaced.delete(directory);
    this.#moved.add(directory);
  }

  /** Whether a directory was moved in this step. */
  hasMoved(directory: Directory | undefined): boolean {
    return directory !== undefined && this.#moved.has(directory);
  }

  endStep(): void {
    this.#moved.clear();
  }
}
