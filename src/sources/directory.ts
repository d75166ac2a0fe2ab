/** The state of the watched tree when it was last examined. Each directory is an object, and each entry is a row in a table. */
import type { WatchId } from './engine/engine.ts';
import { FactsTable } from './facts.ts';
import type { Facts } from './facts.ts';
import type { IgnoreRules } from './ignore/ignore-rules.ts';
import type { ByteString } from './names.ts';

/**
 * - `new`: only the name is known. The directory will be watched and then read.
 * - `watched`: the directory is watched, and was read after its watch began. Every change in it is reported.
 * - `unreadable`: the directory could not be watched or read, but may still exist. Reading it is retried, and its known entries stay in the
 * tree.
 * - `lost`: the operating system has ended the watch of the directory.
 * - `ignored`: the directory has become ignored. It stays in the tree but is not watched.
 */
export type DirectoryState = 'new' | 'watched' | 'unreadable' | 'lost' | 'ignored';

/**
 * Why the known entries of a directory may be wrong until the directory is read again.
 * - `watch`: the watch or the known entries may belong to another directory that was at this path for some time.
 * - `reports`: in addition, reports about entries of the directory may have been lost.
 */
export type Doubt = 'none' | 'watch' | 'reports';

export class Directory {
  name: ByteString;
  parent: Directory | undefined;
  readonly #entries = new Map<ByteString, number>();
  /** The sorted names for {@link namesFrom}. Undefined after a name was added or removed. */
  #sorted: readonly ByteString[] | undefined;
  readonly directories = new Map<ByteString, Directory>();
  state: DirectoryState = 'new';
  watch: WatchId | undefined;
  /** The ignore rules for the entries of this directory. */
  rules: IgnoreRules | undefined;
  /** Whether the directory is in the queue of directories to read. */
  queued = false;
  failures = 0;
  retryAtMs = 0;
  /** Number of consecutive reads that did not find the directory, although it exists. This happens while the directory is being renamed. */
  misses = 0;
  doubt: Doubt = 'none';

  constructor(name: ByteString, parent: Directory | undefined) {
    this.name = name;
    this.parent = parent;
  }

  /** The row in the facts table for each name. */
  get entries(): ReadonlyMap<ByteString, number> {
    return this.#entries;
  }

  addEntry(name: ByteString, row: number): void {
    if (!this.#entries.has(name)) this.#sorted = undefined;
    this.#entries.set(name, row);
  }

  removeEntry(name: ByteString): void {
    if (this.#entries.delete(name)) this.#sorted = undefined;
  }

  /**
   * The sorted names from `first` on, or all names if `first` is undefined. The names are sorted once for all pages of a large directory.
   */
  *namesFrom(first: ByteString | undefined): Generator<ByteString> {
    const names = (this.#sorted ??= [...this.#entries.keys()].toSorted());
    for (let at = first === undefined ? 0 : firstIndex(names, first); at < names.length; at += 1) yield names[at] ?? '';
  }

  /** The path relative to the root; `''` for the root itself. */
  get path(): ByteString {
    if (this.parent === undefined) return '';
    const above = this.parent.path;
    return above === '' ? this.name : `${above}/${this.name}`;
  }

  pathOf(name: ByteString): ByteString {
    const { path } = this;
    return path === '' ? name : `${path}/${name}`;
  }

  /** This directory and all known directories below it, parents before children. */
  *subtree(): Generator<Directory> {
    const pending: Directory[] = [this];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      yield next;
      pending.push(...next.directories.values());
    }
  }

  /** Whether this directory is `other`, or is below it. */
  isBelow(other: Directory): boolean {
    return this === other || this.parent?.isBelow(other) === true;
  }
}

/** Finds the index of the first name that is not less than `first`, by binary search. */
function firstIndex(names: readonly ByteString[], first: ByteString): number {
  let [low, high] = [0, names.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((names[middle] ?? '') < first) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The known entries of the watched tree, and the directories to which each watch belongs. */
export class Tree {
  readonly root = new Directory('', undefined);
  readonly table = new FactsTable();
  readonly watchers = new Map<WatchId, Set<Directory>>();
  /** Number of known entries that are not hidden. */
  size = 0;

  /** Whether a directory is part of the tree. False once it, or a directory above it, was removed. */
  contains(directory: Directory): boolean {
    let at = directory;
    for (let { parent } = at; parent !== undefined; { parent } = at) {
      if (parent.directories.get(at.name) !== at) return false;
      at = parent;
    }
    return at === this.root;
  }

  /** The row of an entry, which may be hidden. */
  row(directory: Directory, name: ByteString): number | undefined {
    return directory.entries.get(name);
  }

  /** The facts of an entry; undefined if the entry is unknown or hidden. */
  visible(directory: Directory, name: ByteString): Facts | undefined {
    const row = directory.entries.get(name);
    return row === undefined || this.table.isHidden(row) ? undefined : this.table.get(row);
  }

  put(directory: Directory, name: ByteString, facts: Facts): void {
    const row = directory.entries.get(name);
    if (row === undefined) {
      directory.addEntry(name, this.table.add(facts));
      this.size += 1;
    } else {
      if (this.table.isHidden(row)) this.size += 1;
      this.table.set(row, facts);
    }
  }

  remove(directory: Directory, name: ByteString): void {
    const row = directory.entries.get(name);
    if (row === undefined) return;
    if (!this.table.isHidden(row)) this.size -= 1;
    this.table.remove(row);
    directory.removeEntry(name);
  }

  hide(directory: Directory, name: ByteString): void {
    const row = directory.entries.get(name);
    if (row === undefined || this.table.isHidden(row)) return;
    this.table.hide(row);
    this.size -= 1;
  }

  /** Moves an entry. If it is a directory, everything that is known below it is moved with it. */
  move(from: Directory, name: ByteString, to: Directory, newName: ByteString): void {
    const row = from.entries.get(name);
    if (row === undefined) return;
    from.removeEntry(name);
    to.addEntry(newName, row);
    const moved = from.directories.get(name);
    if (moved === undefined) return;
    from.directories.delete(name);
    moved.name = newName;
    moved.parent = to;
    to.directories.set(newName, moved);
  }

  /** The known directory at a path; undefined if there is none. */
  find(path: ByteString): Directory | undefined {
    let at: Directory | undefined = this.root;
    for (const segment of path === '' ? [] : path.split('/')) at = at?.directories.get(segment);
    return at;
  }

  listen(directory: Directory, watch: WatchId): void {
    directory.watch = watch;
    const listeners = this.watchers.get(watch);
    if (listeners === undefined) this.watchers.set(watch, new Set([directory]));
    else listeners.add(directory);
  }

  /** Detaches a directory from its watch. @returns the watch if no other directory uses it, so that it can be ended */
  unlisten(directory: Directory): WatchId | undefined {
    const { watch } = directory;
    if (watch === undefined) return undefined;
    directory.watch = undefined;
    const listeners = this.watchers.get(watch);
    listeners?.delete(directory);
    if (listeners?.size !== 0) return undefined;
    this.watchers.delete(watch);
    return watch;
  }
}
