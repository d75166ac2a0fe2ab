/** What decides about a tree from outside of it: the ignore rules above its root, and the mounts below it. */
import { mountsBelow } from './disk.ts';
import type { Disk } from './disk.ts';
import { rulesAbove } from './ignore/ignore-rules.ts';
import type { RulesAbove } from './ignore/ignore-rules.ts';
import type { ByteString } from './names.ts';

export class Surroundings {
  /** The path of the root, resolved. */
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

  /** The path of an entry. */
  pathOf(path: ByteString): ByteString {
    return this.root === '/' ? `/${path}` : `${this.root}/${path}`;
  }

  get rules(): RulesAbove {
    return this.#rules;
  }

  /** The mount points below the root, before and after, if the mount table has changed since the last call. */
  changedMounts(): readonly ByteString[] {
    const before = this.#mounts;
    this.#mounts = this.#disk.mounts();
    if (before === this.#mounts) return [];
    return [...mountsBelow(this.#mounts, this.root), ...mountsBelow(before, this.root)];
  }

  /** The rules above the root, if they have changed since the last call. */
  changedRules(): RulesAbove | undefined {
    const now = rulesAbove(this.root, { foldCase: this.#foldCase });
    if (now.version === this.#rules.version) return undefined;
    this.#rules = now;
    return now;
  }
}
