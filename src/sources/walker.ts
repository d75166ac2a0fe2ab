/** Examines entries and reads directories: finds differences from the tree, and keeps each directory watched. */
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
  /** Resolved, with `/` between segments. */
  readonly root: ByteString;
  readonly tree: Tree;
  readonly batch: Batch;
  readonly reporter: Reporter;
  readonly engine: Engine;
  readonly disk: Disk;
  readonly rules: { readonly rules: IgnoreRules; readonly prefix: ByteString };
  readonly foldCase: boolean;
  /** Drains the system's queue; called often, so that the queue does not overflow. */
  readonly drainEngine: () => void;
}

/** Entries that are examined between two drains of the system's queue. */
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
  /** Whether the tree is read for the first time; then nothing is reported. */
  silent = true;
  #looks = 0;

  constructor(options: WalkerOptions) {
    this.#options = options;
    this.#above = options.rules;
  }

  /** The ignore rules above the root have changed. */
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

  /** Reads the next waiting directory. Returns false when none is waiting. */
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
   * Notes that a loss of this directory is to be reported once all waiting directories have been read. The loss that was
   * reported when it failed is not enough: a subscriber that looked at the directory then may have seen an entry that was
   * gone before this source saw it.
   */
  reportLossWhenRead(directory: Directory): void {
    this.#recovered.add(directory);
  }

  /** The directories of {@link Walker.reportLossWhenRead}; none while directories wait to be read. */
  takeRecovered(): readonly Directory[] {
    if (this.waiting > 0) return [];
    const recovered = [...this.#recovered];
    this.#recovered.clear();
    return recovered;
  }

  /** Ends the watch of a directory and removes it from the queue of directories to read. */
  forget(directory: Directory): void {
    directory.queued = false;
    this.retries.delete(directory);
    this.#recovered.delete(directory);
    const watch = this.#options.tree.unlisten(directory);
    if (watch !== undefined) this.#options.engine.remove(watch);
  }

  /** Queues the directories that could not be read and whose retry is due. */
  retryDue(nowMs: number): void {
    for (const each of this.retries) if (each.retryAtMs <= nowMs) this.queue(each);
  }

  /** Compares one entry with the tree. @param report what the system reported about it, if anything */
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
      // This also shows a hidden entry again that has not changed.
      tree.put(directory, name, facts);
    } else if (batch.moveDirectory(sighting)) {
      return;
    } else {
      batch.add(sighting);
    }
    if (facts.fileType === 'directory') this.follow(directory, name, { same, reported: report !== undefined });
  }

  /** Makes sure that a directory is watched and read. While renames are still unresolved, the directory is only noted. */
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
    if (!same && node.state !== 'new') {
      this.forget(node);
      node.state = 'new';
    }
    if (node.state === 'ignored') node.state = 'new';
    if (node.state === 'new' || node.state === 'lost' || (node.state === 'unreadable' && reported)) this.queue(node);
  }

  /** Directories that were found while renames were unresolved; undefined when none are. */
  heldDirectories: HeldDirectory[] | undefined;

  releaseDirectories(): void {
    const held = this.heldDirectories ?? [];
    this.heldDirectories = undefined;
    // A directory that has moved here needs no new watch: its watch has moved with it.
    for (const { parent, name, same, reported } of held)
      this.follow(parent, name, { same: same || this.#movedAlong(parent, name), reported });
  }

  #movedAlong(parent: Directory, name: ByteString): boolean {
    const node = parent.directories.get(name);
    return node !== undefined && this.#moved.has(node);
  }

  readonly #moved = new Set<Directory>();

  /** Notes that a directory has moved. It is read again, because other ignore rules may apply in its new place. */
  noteMoved(directory: Directory): void {
    this.#moved.add(directory);
    if (directory.state !== 'ignored') this.queue(directory);
  }

  /** Whether a directory has moved in this batch. */
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

  /** An entry that becomes ignored is not reported as deleted. It stays in the tree, hidden, and is compared when it is no longer ignored. */
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
    // When an entry could not be examined, the directory has failed again.
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

  /** Returns whether the ignore rules of its entries have changed. @throws {Error} when the rules cannot be read */
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

  /** Whether a directory may still exist. False only if it certainly does not: a directory that is being renamed is missing for a moment. */
  #isDirectory({ path }: Directory): boolean {
    const { disk, root } = this.#options;
    try {
      return disk.look(`${root}/${path}`).fileType === 'directory';
    } catch (error) {
      return !isGone(error);
    }
  }

  /** Keeps the known entries, reports a loss, and schedules a retry. */
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

/** The rules of the exclude file of an inner repository, as they were read before. */
function innerRules(rules: IgnoreRules | undefined, base: ByteString): IgnoreRules | undefined {
  for (let at = rules; at !== undefined; at = at.parent) if (at.parent === undefined && at.base === base) return at;
  return undefined;
}
