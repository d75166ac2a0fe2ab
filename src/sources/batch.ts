/**
 * Determines the changes in a batch of reports. The operating system reports the name of an entry, but not the change. So the entry on the
 * disk is compared with its earlier state in the tree.
 *
 * - If a path existed before and still exists, the change is a `modify`. This includes an editor's atomic save (write a temporary file,
 * rename it over the old file), because for the user it is still the same file.
 * - If a file has disappeared, and the same file is found at a new path in the same batch, the change is a `rename`. For a renamed
 * directory, renames are reported for the directory and for each entry below it, so that filters on paths match the files.
 * - An entry that appeared and disappeared within one batch is not reported.
 */
import type { Directory, Tree } from './directory.ts';
import type { ReportKind } from './engine/engine.ts';
import { identityOf, isSameDirectory, isSameFile } from './facts.ts';
import type { Facts } from './facts.ts';
import type { Reporter } from './reporter.ts';
import type { ByteString } from './names.ts';

/** An entry that differs from the tree, as it was found on the disk. Without `facts`, the entry no longer exists. */
export interface Sighting {
  readonly directory: Directory;
  readonly name: ByteString;
  readonly facts: Facts | undefined;
  /** The kind of the report about the entry; undefined if the entry was examined without a report. */
  readonly report: ReportKind | undefined;
}

export interface BatchHost {
  /** Ends the watch of a directory that was deleted, or moved out of the watched tree. */
  forget(directory: Directory): void;
  /**
   * Called after a known directory was moved within the tree, and for each directory below it. @param origin the previous parent of the
   * moved directory
   */
  moved(directory: Directory, origin: Directory): void;
}

export class Batch {
  readonly #tree: Tree;
  readonly #reporter: Reporter;
  readonly #host: BatchHost;
  /** The sightings, in the order in which they were added. In place of a removed sighting, the array has an undefined element. */
  #sightings: (Sighting | undefined)[] = [];
  /** For each entry, the index of its newest sighting. */
  #places = new Map<Directory, Map<ByteString, number>>();
  #size = 0;
  /** Sightings of vanished entries at the last call of `moveDirectories`, by the identity of the file. */
  #lost = new Map<string, Sighting>();

  constructor(tree: Tree, reporter: Reporter, host: BatchHost) {
    this.#tree = tree;
    this.#reporter = reporter;
    this.#host = host;
  }

  get size(): number {
    return this.#size;
  }

  get hasVanished(): boolean {
    return this.#sightings.some((each) => each !== undefined && each.facts === undefined);
  }

  add(sighting: Sighting): void {
    const { directory, name } = sighting;
    let places = this.#places.get(directory);
    if (places === undefined) this.#places.set(directory, (places = new Map<ByteString, number>()));
    const place = places.get(name);
    if (place !== undefined) {
      this.#sightings[place] = sighting;
    } else {
      places.set(name, this.#sightings.push(sighting) - 1);
      this.#size += 1;
    }
  }

  /** The newest sighting of an entry; undefined if there is none since the last {@link settle}. */
  get(directory: Directory, name: ByteString): Sighting | undefined {
    const place = this.#places.get(directory)?.get(name);
    return place === undefined ? undefined : this.#sightings[place];
  }

  /** The names in a directory that have a sighting. */
  namesIn(directory: Directory): readonly ByteString[] {
    return [...(this.#places.get(directory)?.keys() ?? [])];
  }

  /** Removes the sighting of an entry, because the entry was examined again and does not differ from the tree. */
  drop(directory: Directory, name: ByteString): void {
    const places = this.#places.get(directory);
    const place = places?.get(name);
    if (place === undefined) return;
    this.#sightings[place] = undefined;
    this.#size -= 1;
    places?.delete(name);
    if (places?.size === 0) this.#places.delete(directory);
  }

  /** Removes the sightings that are not due yet. The caller examines their entries again later. */
  postpone(isDue: (sighting: Sighting) => boolean): void {
    this.#replace(this.#all().filter(isDue));
  }

  clear(): void {
    this.#replace([]);
  }

  /** Finds known directories that were renamed, and moves them to their new paths in the tree. Their watches stay valid. */
  moveDirectories(): void {
    this.#lost = this.#vanished();
    if (this.#lost.size > 0) this.#replace(this.#all().filter((each) => !this.moveDirectory(each)));
  }

  /**
   * Handles the sighting of a directory: if the directory vanished elsewhere in this batch, moves it to the path of the sighting. @returns
   * false if it did not vanish
   */
  moveDirectory(sighting: Sighting): boolean {
    const from = sighting.facts?.fileType === 'directory' ? this.#source(sighting, this.#lost) : undefined;
    if (from === undefined) return false;
    this.#rename(from, sighting);
    return true;
  }

  /**
   * Reports the collected changes. With `keepVanished`, vanished entries are kept and not reported yet, because they may be found at
   * another path in the directories that are read next.
   */
  settle({ keepVanished }: { readonly keepVanished: boolean }): void {
    const vanished = this.#vanished();
    const sightings = this.#all();
    this.#replace(keepVanished ? sightings.filter(({ facts }) => facts === undefined) : []);
    const moves = new Map<Sighting, Sighting>();
    for (const each of sightings) {
      // Only renamed files are searched for here. A renamed directory was already moved in the tree, and a new directory is read under its
      // new name.
      const movable = each.facts !== undefined && each.facts.fileType !== 'directory';
      const from = movable ? this.#source(each, vanished) : undefined;
      if (from !== undefined) moves.set(each, from);
    }
    const moved = new Set(moves.values());
    for (const each of sightings) {
      const from = moves.get(each);
      if (!this.#tree.contains(each.directory)) {
        // The directory of the entry was deleted, or replaced by a file, after the entry was examined.
        if (from !== undefined) this.#gone(from);
      } else if (from !== undefined) this.#rename(from, each);
      else if (each.facts !== undefined) this.#present(each, each.facts);
      else if (!keepVanished && !moved.has(each)) this.#gone(each);
    }
    if (keepVanished) this.#replace(this.#all().filter((each) => !moved.has(each)));
    else this.#lost = new Map();
  }

  #all(): Sighting[] {
    return this.#sightings.filter((each) => each !== undefined);
  }

  #replace(sightings: readonly Sighting[]): void {
    this.#sightings = [];
    this.#places = new Map();
    this.#size = 0;
    for (const each of sightings) this.add(each);
  }

  #vanished(): Map<string, Sighting> {
    const vanished = new Map<string, Sighting>();
    for (const each of this.#all()) {
      const before = each.facts === undefined ? this.#tree.visible(each.directory, each.name) : undefined;
      if (before !== undefined) vanished.set(identityOf(before), each);
    }
    return vanished;
  }

  /**
   * Finds the vanished entry that is the same file as a new entry, which means a rename; undefined if there is none. Removes the vanished
   * entry from `vanished`, so that it counts as renamed only once. A second new link to the same file is then reported as created.
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
    // The tree may have a hidden entry at the new path. Remove that entry. `#source` has ensured that the tree has no visible entry there.
    this.#dropBelow(directory, name);
    this.#tree.remove(directory, name);
    this.#tree.move(from.directory, from.name, directory, name);
    this.#tree.put(directory, name, facts);
    this.#reporter.rename(previous, directory, name, facts);
    const node = directory.directories.get(name);
    if (node !== undefined) this.#renameBelow(node, previous, from.directory);
  }

  /**
   * Reports renames of the entries below a renamed directory.
   * @param previous the path of the directory before the rename
   * @param origin the parent of the directory before the rename
   */
  #renameBelow(node: Directory, previous: ByteString, origin: Directory): void {
    const { length } = node.path;
    for (const each of [...node.subtree()]) {
      for (const [inside, row] of [...each.entries]) {
        const facts = this.#tree.table.get(row);
        const before = previous + each.pathOf(inside).slice(length);
        if (!this.#tree.table.isHidden(row)) {
          this.#reporter.rename(before, each, inside, facts);
          continue;
        }
        // Subscribers know this hidden entry, because it was reported before it became ignored. It is reported as deleted, because it may
        // be ignored at the new path, too.
        this.#tree.remove(each, inside);
        this.#reporter.deletion(before, facts);
      }
      this.#host.moved(each, origin);
    }
  }

  #present({ directory, name, report }: Sighting, facts: Facts): void {
    // `row` also finds hidden entries. What subscribers know of a hidden entry is its state when it became ignored.
    const row = this.#tree.row(directory, name);
    const before = row === undefined ? undefined : this.#tree.table.get(row);
    const wasHidden = row !== undefined && this.#tree.table.isHidden(row);
    if (before?.fileType === 'directory' && facts.fileType !== 'directory') this.#dropBelow(directory, name);
    this.#tree.put(directory, name, facts);
    if (before === undefined) this.#reporter.change('create', directory, name, facts);
    // An entry that was hidden is reported even if it has not changed. While the entry was hidden, listings did not include it, so a client
    // may not know it (FIL-1).
    else if (wasHidden || before.fileType !== facts.fileType) this.#reporter.change('modify', directory, name, facts);
    // A directory changes whenever an entry is added or removed. Such a change is not reported, because the entry itself is reported.
    else if (facts.fileType !== 'directory' || report === 'attributes' || !isSameDirectory(before, facts))
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
}
