/**
 * Examines entries and reads directories. It finds the differences between the disk and the tree, and ensures that each directory is
 * watched.
 */
import type { Batch } from './batch.ts';
import { Directory } from './directory.ts';
import type { Tree } from './directory.ts';
import type { Disk } from './disk.ts';
import type { Engine, ReportKind } from './engine/engine.ts';
import { isExhausted, isForbidden, isGone, reasonOf } from './errors.ts';
import { isSameFile, isUnchanged } from './facts.ts';
import type { Facts } from './facts.ts';
import { ALWAYS_IGNORED, IGNORE_FILE, IgnoreRules, rulesOfRepository } from './ignore/ignore-rules.ts';
import { NO_RULES, readRuleFile } from './ignore/rule-file.ts';
import type { RuleFile } from './ignore/rule-file.ts';
import { toDisplay } from './names.ts';
import type { ByteString } from './names.ts';
import type { Reporter } from './reporter.ts';

export interface WalkerOptions {
  /** The path of the root, without symbolic links and with `/` between segments. */
  readonly root: ByteString;
  readonly tree: Tree;
  readonly batch: Batch;
  readonly reporter: Reporter;
  readonly engine: Engine;
  readonly disk: Disk;
  readonly rules: { readonly rules: IgnoreRules; readonly prefix: ByteString };
  readonly foldCase: boolean;
  /** Reads the queue of the system. It is called often, so that the queue does not overflow. */
  readonly drainEngine: () => void;
}

/** Number of entries that are examined before the queue of the system is read again. */
const LOOKS_PER_DRAIN = 128;
const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 30_000;

export class Walker {
  readonly #options: WalkerOptions;
  #above: WalkerOptions['rules'];
  readonly #queue: Directory[] = [];
  #next = 0;
  /** Directories that could not be watched or read. */
  readonly retries = new Set<Directory>();
  readonly #recovered = new Set<Directory>();
  /** True while the tree is read for the first time. Its entries are not reported as changes. */
  silent = true;
  #looks = 0;

  constructor(options: WalkerOptions) {
    this.#options = options;
    this.#above = options.rules;
  }

  /** Called when the ignore rules above the root have changed. */
  useRules(rules: WalkerOptions['rules']): void {
    this.#above = rules;
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

  /**
   * Requests a report of a loss in this directory, after all waiting directories have been read. A loss was already reported when the
   * directory could not be read. This is not enough: a subscriber that then read the directory may have seen an entry that was deleted
   * before this source could read the directory.
   */
  reportLossWhenRead(directory: Directory): void {
    this.#recovered.add(directory);
  }

  /** The directories that were passed to {@link Walker.reportLossWhenRead}. Empty while directories wait to be read. */
  takeRecovered(): readonly Directory[] {
    if (this.waiting > 0) return [];
    const recovered = [...this.#recovered];
    this.#recovered.clear();
    return recovered;
  }

  /** Ends the watch of a directory. The directory is also removed from the queue of directories to read. */
  forget(directory: Directory): void {
    directory.queued = false;
    this.#displaced.delete(directory);
    this.retries.delete(directory);
    this.#recovered.delete(directory);
    const watch = this.#options.tree.unlisten(directory);
    if (watch !== undefined) this.#options.engine.remove(watch);
  }

  /** Queues the directories that could not be read and whose retry is due. */
  retryDue(nowMs: number): void {
    for (const each of this.retries) if (each.retryAtMs <= nowMs) this.queue(each);
  }

  /** Compares one entry with the tree. @param report the kind of the system's report about the entry, if there was one */
  examine(directory: Directory, name: ByteString, report?: ReportKind): void {
    const { tree, root, disk, drainEngine, batch } = this.#options;
    this.#looks += 1;
    if (this.#looks % LOOKS_PER_DRAIN === 0) drainEngine();
    const path = directory.pathOf(name);
    if (this.#isIgnored(directory, path, name)) return this.#hide(directory, name);
    let facts: Facts | undefined;
    try {
      facts = disk.look(`${root}/${path}`);
    } catch (error) {
      if (!isGone(error)) return this.#fail(directory, error);
    }
    const row = tree.row(directory, name);
    const before = row === undefined ? undefined : tree.table.get(row);
    const type = (facts ?? before)?.fileType;
    if (type === undefined) return;
    const { rules } = directory;
    if (rules?.ignores(this.#above.prefix + path, type === 'directory' ? 'directory' : 'file') === true)
      return this.#hide(directory, name);
    if (facts === undefined) return batch.add({ directory, name, facts, attributes: false });
    this.#compare({ directory, name, facts, before, report });
  }

  #compare({ directory, name, facts, before, report }: Comparison): void {
    const { tree, batch, reporter } = this.#options;
    const row = tree.row(directory, name);
    const known = before !== undefined && row !== undefined && !tree.table.isHidden(row);
    const sighting = { directory, name, facts, attributes: report === 'attributes' };
    const same = before !== undefined && isSameFile(before, facts);
    const proven = same && isUnchanged(before, facts) && !(before.racy && report !== undefined && report !== 'closed');
    if (this.silent) {
      reporter.noteName(directory, name);
      tree.put(directory, name, facts);
    } else if (proven || (known && same && facts.fileType === 'directory' && report !== 'attributes')) {
      // This also makes a hidden entry visible again if the entry has not changed.
      tree.put(directory, name, facts);
    } else if (batch.moveDirectory(sighting)) {
      return;
    } else {
      batch.add(sighting);
    }
    if (facts.fileType === 'directory') this.follow(directory, name, { same, reported: report !== undefined });
  }

  /** Ensures that a directory is watched and read. If renames are not resolved yet, the directory is only added to `heldDirectories`. */
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
    if (this.#displaced.delete(node) && same)
      for (const each of node.subtree()) if (each.state !== 'ignored') this.queue(each);
    if (!same && node.state !== 'new') {
      this.forget(node);
      node.state = 'new';
    }
    if (node.state === 'ignored') node.state = 'new';
    if (node.state === 'new' || node.state === 'lost' || (node.state === 'unreadable' && reported)) this.queue(node);
  }

  readonly #displaced = new Set<Directory>();

  /**
   * Records that a known directory was renamed, and possibly renamed back. Meanwhile, entries in it were looked up at a path that was not
   * theirs. If the directory is found in its place, it is read again with everything below it.
   */
  noteDisplaced(directory: Directory): void {
    this.#displaced.add(directory);
  }

  /** Directories that were found while renames were not resolved; undefined if all renames are resolved. */
  heldDirectories: HeldDirectory[] | undefined;

  releaseDirectories(): void {
    const held = this.heldDirectories ?? [];
    this.heldDirectories = undefined;
    // A directory that was moved here needs no new watch, because its watch is still valid.
    for (const { parent, name, same, reported } of held)
      this.follow(parent, name, { same: same || this.#movedAlong(parent, name), reported });
  }

  #movedAlong(parent: Directory, name: ByteString): boolean {
    const node = parent.directories.get(name);
    return node !== undefined && this.#moved.has(node);
  }

  readonly #moved = new Set<Directory>();

  /** Records that a directory was moved. It is read again, because other ignore rules may apply in the new place. */
  noteMoved(directory: Directory): void {
    this.#moved.add(directory);
    this.#displaced.delete(directory);
    if (directory.state !== 'ignored') this.queue(directory);
  }

  /** Whether a directory was moved in this batch. */
  hasMoved(directory: Directory): boolean {
    return this.#moved.has(directory);
  }

  forgetMoves(): void {
    this.#moved.clear();
  }

  #isIgnored(directory: Directory, path: ByteString, name: ByteString): boolean {
    if (ALWAYS_IGNORED.has(name)) return true;
    const { rules } = directory;
    const { prefix } = this.#above;
    return rules !== undefined && rules.ignores(prefix + path, 'file') && rules.ignores(prefix + path, 'directory');
  }

  /**
   * Hides an entry that has become ignored. The entry is not reported as deleted. It stays in the tree, so that it can be compared when it
   * is no longer ignored.
   */
  #hide(directory: Directory, name: ByteString): void {
    const { tree } = this.#options;
    tree.hide(directory, name);
    const node = directory.directories.get(name);
    if (node === undefined || node.state === 'ignored') return;
    for (const each of node.subtree()) {
      this.forget(each);
      each.state = 'ignored';
      for (const inside of each.entries.keys()) tree.hide(each, inside);
    }
  }

  #read(directory: Directory): void {
    directory.queued = false;
    const { root, engine, disk, tree } = this.#options;
    const path = directory.parent === undefined ? root : `${root}/${directory.path}`;
    let names: readonly ByteString[];
    let replaced: boolean;
    try {
      if (directory.watch === undefined && (!engine.coversTree || directory.parent === undefined))
        tree.listen(directory, engine.add(path));
      names = disk.list(path);
      replaced = this.#readRules(directory, path, names);
    } catch (error) {
      return this.#unreadable(directory, error);
    }
    const failures = directory.failures;
    for (const name of names) this.examine(directory, name);
    if (!this.silent) {
      const there = new Set(names);
      for (const name of [...directory.entries.keys()]) if (!there.has(name)) this.examine(directory, name);
    }
    // If an entry could not be examined, the directory counts as unreadable again.
    if (directory.failures === failures) this.#readable(directory);
    if (replaced) for (const each of directory.directories.values()) if (each.state !== 'ignored') this.queue(each);
  }

  #readable(directory: Directory): void {
    if (directory.failures > 0) {
      this.#options.reporter.warn(`${this.#show(directory)} is watched again.`);
      this.reportLossWhenRead(directory);
    }
    directory.state = 'watched';
    directory.failures = 0;
    this.retries.delete(directory);
  }

  /**
   * Reads the ignore rules for the entries of a directory. @returns whether these rules have changed @throws {Error} if the rules cannot be
   * read
   */
  #readRules(directory: Directory, path: ByteString, names: readonly ByteString[]): boolean {
    const { foldCase, reporter } = this.#options;
    const above = this.#above;
    const base = directory.parent === undefined ? above.prefix : `${above.prefix}${directory.path}/`;
    const options = { foldCase };
    const inner = directory.parent !== undefined && names.includes('.git');
    const before = directory.rules;
    const outer = directory.parent === undefined ? above.rules : (directory.parent.rules ?? above.rules);
    const parent = inner ? (innerRules(before, base) ?? rulesOfRepository(path, base, options)) : outer;
    const file: RuleFile = names.includes(IGNORE_FILE) ? readRuleFile(`${path}/${IGNORE_FILE}`, options) : NO_RULES;
    if (file.version === 'none') {
      directory.rules = parent;
      return before !== undefined && before !== parent;
    }
    if (before?.parent === parent && before.version === file.version && before.base === base) return false;
    if (file.problem !== undefined) {
      reporter.warn(`${IGNORE_FILE} in ${this.#show(directory)} is not used: ${file.problem}.`);
      if (before?.version !== file.version) reporter.reportLoss([directory]);
    }
    directory.rules = new IgnoreRules(base, file, parent);
    return before !== undefined;
  }

  #show(directory: Directory): string {
    return directory.parent === undefined ? 'The watched directory' : toDisplay(directory.path).slice(1, -1);
  }

  #unreadable(directory: Directory, error: unknown): void {
    const { parent, name } = directory;
    if (isGone(error) && parent !== undefined && !this.#isDirectory(directory)) this.examine(parent, name);
    else this.#fail(directory, error);
  }

  /**
   * Whether a directory exists, or may exist. The directory is looked up a second time here, because a directory that is being renamed is
   * missing for a moment.
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
    directory.failures += 1;
    directory.retryAtMs = Date.now() + Math.min(FIRST_RETRY_MS * 2 ** (directory.failures - 1), LONGEST_RETRY_MS);
    directory.state = 'unreadable';
    this.retries.add(directory);
    if (directory.failures > 1) return;
    const reason = isForbidden(error) ? '' : ` (${reasonOf(error)})`;
    reporter.warn(`${this.#show(directory)} cannot be read and is not watched${reason}; retrying.`);
    if (!this.silent) reporter.reportLoss([directory]);
  }
}

interface HeldDirectory {
  readonly parent: Directory;
  readonly name: ByteString;
  readonly same: boolean;
  readonly reported: boolean;
}

interface Comparison {
  readonly directory: Directory;
  readonly name: ByteString;
  readonly facts: Facts;
  readonly before: Facts | undefined;
  readonly report: ReportKind | undefined;
}

/** The rules of the exclude file of a repository inside the root, as they were last read. */
function innerRules(rules: IgnoreRules | undefined, base: ByteString): IgnoreRules | undefined {
  for (let at = rules; at !== undefined; at = at.parent) if (at.parent === undefined && at.base === base) return at;
  return undefined;
}
