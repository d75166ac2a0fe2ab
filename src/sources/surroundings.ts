/**
 * Reads two things that affect the watched tree but are not reported as changes in it: the ignore rules above its root, and the mount
 * points below it.
 */
import { mountsBelow } from './disk.ts';
import type { Disk } from './disk.ts';
import { rulesAbove } from './ignore/ignore-rules.ts';
import type { RulesAbove } from './ignore/ignore-rules.ts';
import type { ByteString } from './names.ts';

export interface SurroundingsOptions {
  readonly disk: Disk;
  /** The path of the root, without symbolic links. */
  readonly root: ByteString;
  readonly foldCase: boolean;
  /** Called with the reason if an ignore file above the root is not used. */
  readonly warn: (text: string) => void;
}

export class Surroundings {
  /** The path of the root, without symbolic links. */
  readonly root: ByteString;
  readonly #disk: Disk;
  readonly #foldCase: boolean;
  #mounts: string;
  readonly #warn: (text: string) => void;
  #rules: RulesAbove;
  #warnedVersion: string | undefined;

  constructor({ disk, root, foldCase, warn }: SurroundingsOptions) {
    this.#disk = disk;
    this.root = root;
    this.#foldCase = foldCase;
    this.#warn = warn;
    this.#mounts = disk.mounts();
    this.#rules = rulesAbove(root, { foldCase });
    this.#rules.problems.forEach(warn);
  }

  /** The absolute path of an entry. @param path path relative to the root */
  pathOf(path: ByteString): ByteString {
    return this.root === '/' ? `/${path}` : `${this.root}/${path}`;
  }

  get rules(): RulesAbove {
    return this.#rules;
  }

  /**
   * Returns the earlier and the current mount points below the root if the mount table has changed since the last call; otherwise nothing.
   */
  changedMounts(): readonly ByteString[] {
    const before = this.#mounts;
    this.#mounts = this.#disk.mounts();
    if (before === this.#mounts) return [];
    return [...mountsBelow(this.#mounts, this.root), ...mountsBelow(before, this.root)];
  }

  /**
   * The ignore rules above the root, if they have changed since the last call; otherwise undefined. While an ignore file cannot be read,
   * its earlier rules are kept, so that ignored entries are not reported.
   */
  changedRules(): RulesAbove | undefined {
    const now = rulesAbove(this.root, { foldCase: this.#foldCase });
    if (now.version === this.#rules.version) {
      this.#warnedVersion = undefined;
      return undefined;
    }
    if (now.isIncomplete && !this.#rules.isIncomplete) {
      if (now.version !== this.#warnedVersion)
        this.#warn('An ignore file above the root cannot be read; its earlier rules are used.');
      this.#warnedVersion = now.version;
      return undefined;
    }
    now.problems.forEach(this.#warn);
    this.#rules = now;
    return now;
  }
}
