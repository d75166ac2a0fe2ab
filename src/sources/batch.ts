/**
 * Determines the changes in a batch of reports. The system only reports the name of an entry, not what changed. The change is found by
 * comparing the entry on the disk with the tree, which has the entry's earlier state.
 *
 * - A path that existed before and still exists is a `modify`. This includes an editor's atomic save (write a temporary file, rename it
 * over the old one), because for the user it is still the same file.
 * - A new path of a file that was deleted elsewhere in the same batch is a `rename`. A renamed directory gives one rename for itself and
 * one for each entry below it, so that filters on paths match the files.
 * - An entry that appeared and disappeared within one batch is not reported.
 */
import type { Directory, Tree } from './directory.ts';
import { identityOf, isSameFile } from './facts.ts';
import type { Facts } from './facts.ts';
import type { Reporter } from './reporter.ts';
import type { ByteString } from './names.ts';

/** An entry that differs from the tree, as it was found on the disk. Without `facts`, the entry no longer exists. */
export interface Sighting {
  readonly directory: Directory;
  readonly name: ByteString;
  readonly facts: Facts | undefined;
  /** Whether the system reported a change of the entry's attributes. */
  readonly attributes: boolean;
}

export interface BatchHost {
  /** Ends the watch of a directory that was deleted, or moved out of the watched tree. */
  forget(directory: Directory): void;
  /** Called after a known directory was moved within the tree. */
  moved(directory: Directory): void;
}

export class Batch {
  readonly #tree: Tree;
  readonly #reporter: Reporter;
  readonly #host: BatchHost;
  #sightings: Sighting[] = [];
  /** For each entry, the index of its newest sighting. */
  #places = new Map<Directory, Map<ByteString, number>>();
  /** The entries that had vanished at the most recent call of `moveDirectories`, by identity. */
  #lost = new Map<string, Sighting>();

  constructor(tree: Tree, reporter: Reporter, host: BatchHost) {
    this.#tree = tree;
    this.#reporter = reporter;
    this.#host = host;
  }

  get size(): number {
    return this.#sightings.length;
  }

  get hasVanished(): boolean {
    return this.#sightings.some(({ facts }) => facts === undefined);
  }

  add(sighting: Sighting): void {
    const { directory, name } = sighting;
    let places = this.#places.get(directory);
    if (places === undefined) this.#places.set(directory, (places = new Map<ByteString, number>()));
    const place = places.get(name);
    if (place !== undefined) this.#sightings[place] = sighting;
    else places.set(name, this.#sightings.push(sighting) - 1);
  }

  /** Removes vanished entries that are not due yet, because newer reports may contain the second half of a rename. */
  postpone(isDue: (sighting: Sighting) => boolean): void {
    this.#replace(this.#sightings.filter((each) => each.facts !== undefined || isDue(each)));
  }

  clear(): void {
    this.#replace([]);
  }

  /** Moves known directories to their new paths in the tree. Their watches stay valid. */
  moveDirectories(): void {
    this.#lost = this.#vanished();
    if (this.#lost.size > 0) this.#replace(this.#sightings.filter((each) => !this.moveDirectory(each)));
  }

  /** Moves a directory that vanished in this batch to its new path. @returns false if the directory is not one that vanished */
  moveDirectory(sighting: Sighting): boolean {
    const from = sighting.facts?.fileType === 'directory' ? this.#source(sighting, this.#lost) : undefined;
    if (from === undefined) return false;
    this.#rename(from, sighting);
    return true;
  }

  /**
   * Reports the collected changes. With `keepVanished`, vanished entries are not reported yet, because they may be found at another path in
   * the directories that are read next.
   */
  settle({ keepVanished }: { readonly keepVanished: boolean }): void {
    const vanished = this.#vanished();
    const sightings = this.#sightings;
    this.#replace(keepVanished ? sightings.filter(({ facts }) => facts === undefined) : []);
    const moves = new Map<Sighting, Sighting>();
    for (const each of sightings) {
      // Only files are matched here. A directory that moved was already moved in the tree, and a new directory is read under its new name.
      const movable = each.facts !== undefined && each.facts.fileType !== 'directory';
      const from = movable ? this.#source(each, vanished) : undefined;
      if (from !== undefined) moves.set(each, from);
    }
    const moved = new Set(moves.values());
    for (const each of sightings) {
      const from = moves.get(each);
      if (from !== undefined) this.#rename(from, each);
      else if (each.facts !== undefined) this.#present(each, each.facts);
      else if (!keepVanished && !moved.has(each)) this.#gone(each);
    }
    if (keepVanished) this.#replace(this.#sightings.filter((each) => !moved.has(each)));
    else this.#lost = new Map();
  }

  #replace(sightings: Sighting[]): void {
    this.#sightings = [];
    this.#places = new Map();
    for (const each of sightings) this.add(each);
  }

  #vanished(): Map<string, Sighting> {
    const vanished = new Map<string, Sighting>();
    for (const each of this.#sightings) {
      const before = each.facts === undefined ? this.#tree.visible(each.directory, each.name) : undefined;
      if (before !== undefined) vanished.set(identityOf(before), each);
    }
    return vanished;
  }

  /**
   * The previous path of a new entry; undefined if it has none. The previous path is removed from `vanished`, so that only one entry can be
   * its new path: a second link to the same file is a new entry.
   */
  #source({ directory, name, facts }: Sighting, vanished: Map<string, Sighting>): Sighting | undefined {
    if (facts === undefined || vanished.size === 0 || this.#tree.visible(directory, name) !== undefined)
      return undefined;
    const identity = identityOf(facts);
    const from = vanished.get(identity);
    const before = from === undefined ? undefined : this.#tree.visible(from.directory, from.name);
    if (from === undefined || before === undefined || !isSameFile(before, facts)) return undefined;
    // A directory cannot have moved into itself.
    const node = from.directory.directories.get(from.name);
    if (node !== undefined && directory.isBelow(node)) return undefined;
    vanished.delete(identity);
    return from;
  }

  #rename(from: Sighting, { directory, name, facts }: Sighting): void {
    if (facts === undefined) return;
    const previous = from.directory.pathOf(from.name);
    this.#drop(directory, name);
    this.#tree.move(from.directory, from.name, directory, name);
    this.#tree.put(directory, name, facts);
    this.#reporter.rename(previous, directory, name, facts);
    const node = directory.directories.get(name);
    if (node === undefined) return;
    const { length } = node.path;
    for (const each of node.subtree()) {
      for (const [inside, row] of each.entries)
        if (!this.#tree.table.isHidden(row))
          this.#reporter.rename(previous + each.pathOf(inside).slice(length), each, inside, this.#tree.table.get(row));
      this.#host.moved(each);
    }
  }

  #present({ directory, name, attributes }: Sighting, facts: Facts): void {
    // `row` also finds hidden entries. Subscribers know these entries, in the state in which they were when they became ignored.
    const row = this.#tree.row(directory, name);
    const before = row === undefined ? undefined : this.#tree.table.get(row);
    if (before?.fileType === 'directory' && facts.fileType !== 'directory') this.#dropBelow(directory, name);
    this.#tree.put(directory, name, facts);
    if (before === undefined) this.#reporter.change('create', directory, name, facts);
    else if (before.fileType !== facts.fileType) this.#reporter.change('modify', directory, name, facts);
    // A directory changes whenever an entry is added or removed. These changes are not reported, because the entries themselves are.
    else if (facts.fileType !== 'directory' || (attributes && before.ctimeMs !== facts.ctimeMs))
      this.#reporter.change('modify', directory, name, facts);
  }

  #gone({ directory, name }: Sighting): void {
    const row = this.#tree.row(directory, name);
    if (row === undefined) return;
    const before = this.#tree.table.get(row);
    if (before.fileType === 'directory') this.#dropBelow(directory, name);
    this.#tree.remove(directory, name);
    this.#reporter.change('delete', directory, name, before);
  }

  /** Reports the entries below a directory as deleted, and removes the directory from the tree. */
  #dropBelow(directory: Directory, name: ByteString): void {
    const node = directory.directories.get(name);
    if (node === undefined) return;
    for (const each of [...node.subtree()].toReversed()) {
      for (const [inside, row] of [...each.entries]) {
        const facts = this.#tree.table.get(row);
        this.#tree.remove(each, inside);
        this.#reporter.change('delete', each, inside, facts);
      }
      this.#host.forget(each);
    }
    directory.directories.delete(name);
  }

  /** Removes a hidden entry from the path to which another entry moves. Only a hidden entry can be at that path. */
  #drop(directory: Directory, name: ByteString): void {
    const node = directory.directories.get(name);
    for (const each of node?.subtree() ?? []) {
      for (const inside of [...each.entries.keys()]) this.#tree.remove(each, inside);
      this.#host.forget(each);
    }
    directory.directories.delete(name);
    this.#tree.remove(directory, name);
  }
}
