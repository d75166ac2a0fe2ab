/** Reads what affects the watched tree from outside: the ignore rules above its root. Also reads the mount points below the root. */
import { mountsBelow } from './disk.ts';
import type { Disk } from './disk.ts';
import { rulesAbove } from './ignore/ignore-rules.ts';
import type { RulesAbove } from './ignore/ignore-rules.ts';
import type { ByteString } from './names.ts';

export class Surroundings {
  /** The path of the root, without symbolic links. */
  readonly root: ByteString;
  readonly #disk: Disk;
  readonly #foldCase: boolean;
  #mounts: string;
  #rules: RulesAbove;

  constructor(disk: Disk, root: ByteString, { foldCase }: { readonly foldCase: boolean }) {
    this.#disk = disk;
    this.root = root;
    this.#foldCase = foldCase;
    this.#mounts = disk.mounts();
    this.#rules = rulesAbove(root, { foldCase });
  }

  /** The absolute path of an entry. @param path path relative to the root */
  pathOf(path: ByteString): ByteString {
    return this.root === '/' ? `/${path}` : `${this.root}/${path}`;
  }

  get rules(): RulesAbove {
    return this.#rules;
  }

  /**
   * If the mount table has changed since the last call: the mount points below the root, both the earlier and the current ones. Otherwise
   * empty.
   */
  changedMounts(): readonly ByteString[] {
    const before = this.#mounts;
    this.#mounts = this.#disk.mounts();
    if (before === this.#mounts) return [];
    return [...mountsBelow(this.#mounts, this.root), ...mountsBelow(before, this.root)];
  }

  /** The rules above the root if they have changed since the last call, otherwise undefined. */
  changedRules(): RulesAbove | undefined {
    const now = rulesAbove(this.root, { foldCase: this.#foldCase });
    if (now.version === this.#rules.version) return undefined;
    this.#rules = now;
    return now;
  }
}
