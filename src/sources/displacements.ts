/**
 * Tracks known directories that were renamed. While a directory is at another path, looking up its entries at the known path finds the
 * entries of another directory, or nothing.
 */
import type { Directory } from './directory.ts';
import type { ByteString } from './names.ts';

/** A directory that was found while reported names were examined. It is held until it is known which directories were renamed. */
export interface HeldDirectory {
  readonly parent: Directory;
  readonly name: ByteString;
  /** Whether the directory on the disk is the same as the directory that the tree has at this path. */
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

  /**
   * Must be called when a directory is found at its path.
   * @returns whether the directory may have been at another path since it was last found
   */
  resolve(directory: Directory): boolean {
    return this.#displaced.delete(directory);
  }

  /** Whether entries of this directory may have been looked up while the directory, or one above it, was at another path. */
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

  /** Records that a renamed directory was moved to its new path in the tree. */
  noteMoved(directory: Directory): void {
    this.#displaced.delete(directory);
    this.#moved.add(directory);
  }

  /** Whether the directory was moved in the tree since the last call of {@link Displacements.endStep}. */
  hasMoved(directory: Directory | undefined): boolean {
    return directory !== undefined && this.#moved.has(directory);
  }

  /** Called at the end of each step, which is one pass of the loop in `tree-source.ts`. */
  endStep(): void {
    this.#moved.clear();
  }
}
