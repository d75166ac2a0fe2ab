/**
 * Examines entries and reads directories. Finds the differences between the disk and the tree, and ensures that each directory is watched.
 */
import type { Batch } from './batch.ts';
import { Directory } from './directory.ts';
import type { Doubt, Tree } from './directory.ts';
import { DirectoryRules } from './directory-rules.ts';
import type { OuterRules } from './directory-rules.ts';
import { decisive } from './dirty-names.ts';
import type { Disk } from './disk.ts';
import { Displacements } from './displacements.ts';
import type { HeldDirectory } from './displacements.ts';
import type { Engine, ReportKind } from './engine/engine.ts';
import { isExhausted, isGone } from './errors.ts';
import { isSameDirectory, isSameFile, isUnchanged } from './facts.ts';
import type { Facts } from './facts.ts';
import type { ByteString } from './names.ts';
import type { Reporter } from './reporter.ts';
import { UnreadDirectories } from './unread-directories.ts';

export interface WalkerOptions {
  /** The path of the root, without symbolic links and with `/` between segments. */
  readonly root: ByteString;
  readonly tree: Tree;
  readonly batch: Batch;
  readonly reporter: Reporter;
  readonly engine: Engine;
  readonly disk: Disk;
  readonly rules: OuterRules;
  readonly foldCase: boolean;
  /** Reads the reports in the queue of the system. The walker calls it often, so that the queue does not overflow. */
  readonly drainEngine: () => void;
}

/** Number of entries that are examined before the queue of the system is read again. */
const LOOKS_PER_DRAIN = 128;
/** A directory counts as unreadable if more than this many consecutive reads do not find it, although it exists. */
const MOST_MISSES = 10;

export class Walker {
  readonly #options: WalkerOptions;
  readonly #rules: DirectoryRules;
  readonly #queue: Directory[] = [];
  #next = 0;
  readonly #unread: UnreadDirectories;
  readonly displacements = new Displacements();
  /** True while the tree is read for the first time. Its entries are not reported as changes. */
  silent = true;
  #looks = 0;

  constructor(options: WalkerOptions) {
    this.#options = options;
    this.#rules = new DirectoryRules({ ...options, outer: options.rules });
    this.#unread = new UnreadDirectories(options.reporter);
  }

  /** Called when the ignore rules above the root have changed. */
  useRules(rules: OuterRules): void {
    this.#rules.useOuter(rules);
    for (const each of this.#options.tree.root.subtree()) if (each.state !== 'ignored') this.queue(each);
  }

  get waiting(): number {
    return this.#queue.length - this.#next;
  }

  queue(directory: Directory): void {
    if (directory.queued) return;
    directory.queued = true;
    this.#queue.push(directory);
  }

  /** Reads the next directory of the queue. @returns false if the queue is empty */
  readNext(): boolean {
    const directory = this.#queue[this.#next];
    if (directory === undefined) return false;
    this.#next += 1;
    if (this.#next > 1024 && this.#next * 2 > this.#queue.length) {
      this.#queue.splice(0, this.#next);
      this.#next = 0;
    }
    if (directory.queued) this.#read(directory);
    return true;
  }

  /** Requests a report of a loss in this directory, after all waiting directories have been read. */
  reportLossWhenRead(directory: Directory): void {
    this.#unread.reportLossWhenRead(directory);
  }

  /** Removes and returns the directories in which a loss must now be reported; none while directories wait to be read. */
  takeRecovered(): readonly Directory[] {
    return this.waiting > 0 ? [] : this.#unread.takeRecovered();
  }

  /** Must be called when a directory is removed from the tree. */
  forget(directory: Directory): void {
    this.#unread.reportLossAbove(directory, directory.parent);
    this.#stop(directory);
  }

  /** Ends the watch of a directory, and removes the directory from the queue of directories to read. */
  #stop(directory: Directory): void {
    directory.queued = false;
    directory.doubt = 'none';
    this.displacements.forget(directory);
    this.#unread.forget(directory);
    const watch = this.#options.tree.unlisten(directory);
    if (watch !== undefined) this.#options.engine.remove(watch);
  }

  /** Queues a directory, and all directories below it, because what is known about them may be wrong. */
  readAgain(top: Directory, doubt: Doubt): void {
    for (const each of top.subtree()) {
      if (each.state === 'ignored') continue;
      if (each.doubt !== 'reports') each.doubt = doubt;
      this.queue(each);
    }
  }

  /** Queues the directories that could not be read and whose retry is due, and the repositories whose rules have changed. */
  queueDue(nowMs: number): void {
    for (const each of [...this.#unread.due(nowMs), ...this.#rules.changedRepositories()]) this.queue(each);
  }

  /** Compares one entry with the tree. @param report the kind of the system's report about the entry, if there was one */
  examine(directory: Directory, name: ByteString, report?: ReportKind): void {
    const { tree, root, disk, drainEngine, batch } = this.#options;
    this.#looks += 1;
    if (this.#looks % LOOKS_PER_DRAIN === 0) drainEngine();
    const path = directory.pathOf(name);
    const kind = decisive(batch.get(directory, name)?.report, report);
    if (this.#rules.ignoresAnyKind(directory, path, name)) return this.#hide(directory, name);
    let facts: Facts | undefined;
    try {
      facts = disk.look(`${root}/${path}`);
    } catch (error) {
      if (!isGone(error)) return this.#fail(directory, error);
    }
    const row = tree.row(directory, name);
    const before = row === undefined ? undefined : tree.table.get(row);
    const type = (facts ?? before)?.fileType;
    if (type === undefined) return batch.drop(directory, name);
    if (this.#rules.ignores(directory, path, type === 'directory' ? 'directory' : 'file'))
      return this.#hide(directory, name);
    if (facts === undefined) return batch.add({ directory, name, facts, report: kind });
    this.#compare({ directory, name, facts, before, report: kind });
  }

  #compare({ directory, name, facts, before, report }: Comparison): void {
    const { tree, batch, reporter } = this.#options;
    const row = tree.row(directory, name);
    const known = before !== undefined && row !== undefined && !tree.table.isHidden(row);
    const sighting = { directory, name, facts, report };
    const same = before !== undefined && isSameFile(before, facts);
    const unchanged = same && isUnchanged(before, facts);
    const proven = known && unchanged && !(before.racy && report !== undefined && report !== 'closed');
    if (this.silent) {
      reporter.noteName(directory, name);
      tree.put(directory, name, facts);
    } else if (proven) {
      batch.drop(directory, name);
      tree.put(directory, name, facts);
    } else if (known && isSameDirectory(before, facts) && report !== 'attributes') {
      // The new `ctimeMs` is not stored: a change of attributes may have caused it, and the report of that change may still be in the
      // queue.
      batch.drop(directory, name);
      tree.put(directory, name, { ...facts, ctimeMs: before.ctimeMs, racy: before.racy });
    } else if (batch.moveDirectory(sighting)) {
      return;
    } else {
      batch.add(sighting);
    }
    if (facts.fileType === 'directory') this.follow(directory, name, { same, reported: report !== undefined });
  }

  /** Ensures that a directory is watched and read. While `heldDirectories` is defined, only adds the directory to it. */
  follow(
    parent: Directory,
    name: ByteString,
    { same, reported }: { readonly same: boolean; readonly reported: boolean },
  ): void {
    if (this.heldDirectories !== undefined) {
      this.heldDirectories.push({ parent, name, same, reported });
      return;
    }
    let node = parent.directories.get(name);
    if (node === undefined) {
      node = new Directory(name, parent);
      parent.directories.set(name, node);
    }
    if (this.displacements.resolve(node)) {
      if (same) this.readAgain(node, 'watch');
      else for (const each of node.directories.values()) this.displacements.note(each);
    }
    if (!same && node.state !== 'new') {
      this.#stop(node);
      node.state = 'new';
    }
    if (node.state === 'ignored') node.state = 'new';
    const isUnread = node.state === 'new' || node.state === 'lost' || node.doubt !== 'none';
    if (isUnread || (node.state === 'unreadable' && reported)) this.queue(node);
  }

  /**
   * The directories that were found while the reported names were examined; undefined at all other times. They are followed only after
   * `Batch.moveDirectories` has moved the renamed directories in the tree. Otherwise, a renamed directory would be treated as a new
   * directory.
   */
  heldDirectories: HeldDirectory[] | undefined;

  /** Follows the held directories. Called after `Batch.moveDirectories`. */
  releaseDirectories(): void {
    for (const { parent, name, same, reported } of this.takeHeld()) {
      // A directory that was moved here needs no new watch, because its watch is still valid.
      const isMoved = this.displacements.hasMoved(parent.directories.get(name));
      this.follow(parent, name, { same: same || isMoved, reported });
    }
  }

  takeHeld(): readonly HeldDirectory[] {
    const held = this.heldDirectories ?? [];
    this.heldDirectories = undefined;
    return held;
  }

  /**
   * Records that a directory was moved in the tree. The directory is read again, because other ignore rules may apply at the new path, and
   * its entries may have been looked up at the old path.
   * @param origin the previous parent of the directory, or of the moved directory above it
   */
  noteMoved(directory: Directory, origin: Directory): void {
    this.displacements.noteMoved(directory);
    this.#unread.reportLossAbove(directory, origin);
    if (directory.state === 'ignored') return;
    if (directory.doubt === 'none') directory.doubt = 'watch';
    this.queue(directory);
  }

  /**
   * Hides an entry that has become ignored. The entry is not reported as deleted. It stays in the tree, so that it can be compared with the
   * disk when it is no longer ignored.
   */
  #hide(directory: Directory, name: ByteString): void {
    const { tree, batch } = this.#options;
    batch.drop(directory, name);
    tree.hide(directory, name);
    const node = directory.directories.get(name);
    if (node === undefined || node.state === 'ignored') return;
    for (const each of node.subtree()) {
      this.#stop(each);
      each.state = 'ignored';
      for (const inside of each.entries.keys()) tree.hide(each, inside);
    }
  }

  #read(directory: Directory): void {
    directory.queued = false;
    const { root, disk, tree, batch } = this.#options;
    if (!tree.contains(directory)) return this.#stop(directory);
    const path = directory.parent === undefined ? root : `${root}/${directory.path}`;
    let names: readonly ByteString[];
    let replaced: boolean;
    try {
      this.#listen(directory, path);
      names = disk.list(path);
      replaced = this.#rules.read(directory, path, names);
    } catch (error) {
      return this.#unreadable(directory, error);
    }
    const report = directory.doubt === 'reports' ? 'content' : undefined;
    directory.doubt = 'none';
    const failures = directory.failures;
    for (const name of names) this.examine(directory, name, report);
    if (!this.silent) {
      const there = new Set(names);
      const others = new Set([...directory.entries.keys(), ...batch.namesIn(directory)]);
      for (const name of others) if (!there.has(name)) this.examine(directory, name, report);
    }
    // If an entry could not be examined, `failures` was increased, and the directory still counts as unreadable.
    if (directory.failures === failures) this.#unread.remove(directory);
    if (replaced) for (const each of directory.directories.values()) if (each.state !== 'ignored') this.queue(each);
  }

  /** Ensures that the directory at the path is watched. */
  #listen(directory: Directory, path: ByteString): void {
    const { engine, tree } = this.#options;
    if (engine.coversTree && directory.parent !== undefined) return;
    if (directory.watch !== undefined && directory.doubt === 'none') return;
    const before = directory.watch;
    const watch = engine.add(path);
    if (watch === before) return;
    const unused = tree.unlisten(directory);
    if (unused !== undefined) engine.remove(unused);
    tree.listen(directory, watch);
    if (before !== undefined) directory.doubt = 'reports';
  }

  #unreadable(directory: Directory, error: unknown): void {
    const { parent, name } = directory;
    if (!isGone(error) || parent === undefined) return this.#fail(directory, error);
    if (!this.#isDirectory(directory)) return this.examine(parent, name);
    directory.misses += 1;
    if (directory.misses > MOST_MISSES) this.#fail(directory, error);
    else this.queue(directory);
  }

  /**
   * Whether a directory that could not be read exists, or may exist. It is looked up again here, because a directory that is being renamed
   * is missing only for a moment.
   */
  #isDirectory({ path }: Directory): boolean {
    const { disk, root } = this.#options;
    try {
      return disk.look(`${root}/${path}`).fileType === 'directory';
    } catch (error) {
      return !isGone(error);
    }
  }

  /** Handles a directory that cannot be read: keeps its known entries, reports a loss, and schedules a retry. */
  #fail(directory: Directory, error: unknown): void {
    const { reporter } = this.#options;
    if (this.silent && (isExhausted(error) || directory.parent === undefined)) throw error;
    const isNew = this.#unread.add(directory, error);
    if (isNew && !this.silent) reporter.reportLoss([directory]);
  }
}

interface Comparison {
  readonly directory: Directory;
  readonly name: ByteString;
  readonly facts: Facts;
  readonly before: Facts | undefined;
  readonly report: ReportKind | undefined;
}
