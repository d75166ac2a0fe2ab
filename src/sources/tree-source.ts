/**
 * Watches the tree below a directory and reports what changes in it (EVT-3), or which directories to look at again where something
 * may have been missed (GAP-2). It reads the file system synchronously and is meant to have a thread of its own.
 *
 * A directory is watched, then read, then its entries are looked at: what happens after the look is reported by the system, what
 * happened before is found. Each directory is in one of the states of {@link DirectoryState}; none of them is silent.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { Batch } from './batch.ts';
import { Tree } from './directory.ts';
import type { Directory } from './directory.ts';
import { DirtyNames } from './dirty-names.ts';
import { foldsCase, mountsBelow } from './disk.ts';
import type { Disk } from './disk.ts';
import type { Engine, ReportKind, Reports, WatchId } from './engine/engine.ts';
import { isGone, reasonOf } from './errors.ts';
import { isSameFile } from './facts.ts';
import type { Facts } from './facts.ts';
import { rulesAbove } from './ignore/ignore-rules.ts';
import type { RulesAbove } from './ignore/ignore-rules.ts';
import { toByteString } from './names.ts';
import type { ByteString } from './names.ts';
import { Reporter } from './reporter.ts';
import type { SourceItem } from './reporter.ts';
import { Walker } from './walker.ts';

export interface TreeSourceOptions {
  /** As the operator gave it; links in it are followed anew at every look at the root. */
  readonly directory: string;
  /** The name that events carry for the root. */
  readonly root: string;
  readonly engine: Engine;
  readonly disk: Disk;
  readonly send: (item: SourceItem) => void;
  /** Called now and then while the tree is read for the first time. */
  readonly onProgress?: (known: number) => void;
  readonly rootCheckMs?: number;
}

const ROOT_CHECK_MS = 1_000;
/** A process that exits waits for its threads, and a thread in a system call is not interrupted: a second SIGTERM took 1.1 s. */
const LONGEST_WAIT_MS = 100;
/** A batch ends with a pause: the steps of an editor's save belong together. */
const PAUSE_MS = 10;
/** A batch waits no longer than this, however busy it is. */
const LONGEST_MS = 50;
/** Names that are reason enough to look at them at once. */
const MANY_NAMES = 2_048;
/** Sightings that are settled before more directories are read: bounds memory. */
const MANY_SIGHTINGS = 4_096;
/** How long directories are read before what was reported meanwhile is taken up. */
const READING_MS = 250;
const PROGRESS_MS = 250;
/** Names whose change may change the rules of what lies beside and below them. */
const RULE_NAMES: readonly ByteString[] = ['.gitignore', '.git'];

export class TreeSource {
  readonly #options: TreeSourceOptions;
  readonly #reporter: Reporter;
  #tree = new Tree();
  #batch!: Batch;
  #walker!: Walker;
  #root: ByteString = '';
  #rootFacts: Facts | undefined;
  #above: RulesAbove | undefined;
  #foldCase = false;
  #dirty = new DirtyNames();
  #overflowed = false;
  #mounts = '';
  /** Why the root cannot be watched at present; said once. */
  #rootFault: string | undefined;
  #nextCheckMs = 0;
  #closed = false;
  readonly #reports: Reports = {
    onName: (watch, name, kind) => this.#onName(watch, name, kind),
    onPath: (path) => this.#dirty.addPath(this.#tree.root, path),
    onEnd: (watch) => this.#onEnd(watch),
    onOverflow: () => void (this.#overflowed = true),
  };

  constructor(options: TreeSourceOptions) {
    this.#options = options;
    this.#reporter = new Reporter(options.root, options.send);
  }

  /** Files and directories known at the moment. */
  get size(): number {
    return this.#tree.size;
  }

  /** Reads the tree. @throws {Error} when the directory is not there or cannot be watched as a whole */
  begin(): void {
    const { disk, directory } = this.#options;
    this.#rootFacts = disk.follow(toByteString(directory));
    if (this.#rootFacts.fileType !== 'directory') throw new Error(`${directory} is not a directory`);
    this.#bind();
    this.#nextCheckMs = Date.now() + this.#checkMs;
  }

  /** Reports changes until {@link TreeSource.close} is called. */
  async run(): Promise<void> {
    const { engine } = this.#options;
    while (!this.#closed) {
      this.#breathe();
      if (this.#hasWork()) await this.#gather();
      try {
        this.#step();
      } catch (error) {
        this.#failed(error);
      }
      if (!this.#hasWork() && !this.#closed)
        await engine.wait(Math.max(1, Math.min(this.#nextCheckMs - Date.now(), this.#checkMs, LONGEST_WAIT_MS)));
    }
    this.#release();
    engine.close();
  }

  close(): void {
    this.#closed = true;
  }

  get #checkMs(): number {
    return this.#options.rootCheckMs ?? ROOT_CHECK_MS;
  }

  #hasWork(): boolean {
    return this.#dirty.count > 0 || this.#overflowed || this.#walker.waiting > 0;
  }

  /** Waits until a batch is complete. */
  async #gather(): Promise<void> {
    const untilMs = Date.now() + LONGEST_MS;
    for (let quiet = false; !quiet && !this.#closed && Date.now() < untilMs && this.#dirty.count < MANY_NAMES;) {
      await delay(PAUSE_MS);
      quiet = !this.#breathe();
    }
  }

  #breathe(): boolean {
    return this.#options.engine.drain(this.#reports);
  }

  #step(): void {
    if (Date.now() >= this.#nextCheckMs) this.#check();
    if (this.#rootFacts === undefined) {
      this.#dirty = new DirtyNames();
      return;
    }
    if (this.#overflowed) this.#recover();
    if (!this.#examineDirty()) return;
    const untilMs = Date.now() + READING_MS;
    while (Date.now() < untilMs && this.#walker.readNext())
      if (this.#batch.size >= MANY_SIGHTINGS) this.#batch.settle({ keepVanished: true });
    // A root that went away takes everything with it, and nothing of that was deleted.
    if (this.#batch.hasVanished && !this.#rootStands()) return this.#batch.clear();
    this.#batch.settle({ keepVanished: false });
    this.#walker.forgetMoves();
    this.#reporter.lose(this.#walker.takeRecovered());
  }

  /** Looks at all that was reported; false when the root is not what it was. */
  #examineDirty(): boolean {
    const dirty = this.#dirty.byDirectory;
    this.#dirty = new DirtyNames();
    this.#walker.holdDirectories = [];
    const reruled = new Set<Directory>();
    for (const [directory, names] of dirty) {
      if (!RULE_NAMES.some((each) => names.has(each)) || !this.#isKnown(directory)) continue;
      reruled.add(directory);
      this.#walker.queue(directory);
    }
    for (const [directory, names] of dirty)
      if (this.#isKnown(directory)) for (const [name, kind] of names) this.#examineOne(directory, name, kind, reruled);
    if (this.#batch.hasVanished) {
      // The other half of a rename is in the queue by now, if there is one.
      this.#breathe();
      this.#batch.postpone(({ directory, name }) => !this.#dirty.holds(directory, name));
    }
    if (this.#batch.hasVanished && !this.#rootStands()) {
      this.#batch.clear();
      this.#walker.holdDirectories = undefined;
      return false;
    }
    this.#batch.moveDirectories();
    // Looked for under the old path of a directory that has moved: it is read again where it is now.
    this.#batch.postpone(({ directory }) => !this.#walker.hasMoved(directory));
    this.#walker.releaseDirectories();
    return true;
  }

  /** Where other rules hold from now on, they are read first: what they ignore is not to be reported. */
  #examineOne(directory: Directory, name: ByteString, kind: ReportKind, reruled: ReadonlySet<Directory>): void {
    let waits = false;
    if (reruled.size > 0 && !RULE_NAMES.includes(name))
      for (let at: Directory | undefined = directory; at !== undefined && !waits; at = at.parent)
        waits = reruled.has(at);
    if (waits) this.#dirty.add(directory, name, kind);
    else this.#walker.examine(directory, name, kind);
  }

  #isKnown(directory: Directory): boolean {
    if (directory === this.#tree.root) return true;
    return directory.isBelow(this.#tree.root) && directory.parent?.directories.get(directory.name) === directory;
  }

  /** Compares everything, because reports were lost. */
  #recover(): void {
    this.#overflowed = false;
    this.#reporter.warn('The file watcher was overrun: everything is compared with what is known.');
    for (const each of this.#tree.root.subtree()) if (each.state !== 'ignored') this.#walker.queue(each);
  }

  #onName(watch: WatchId, name: ByteString, kind: ReportKind): void {
    for (const each of this.#tree.watchers.get(watch) ?? []) this.#dirty.add(each, name, kind);
  }

  #onEnd(watch: WatchId): void {
    for (const each of [...(this.#tree.watchers.get(watch) ?? [])]) {
      this.#tree.unlisten(each);
      each.state = 'lost';
      if (each.parent === undefined) this.#nextCheckMs = 0;
      else this.#dirty.add(each.parent, each.name, 'content');
    }
  }

  /** Watches what the operator's path leads to, from nothing and without a report. */
  #bind(): void {
    const { engine, disk, directory, onProgress } = this.#options;
    this.#release();
    this.#tree = new Tree();
    this.#dirty = new DirtyNames();
    this.#overflowed = false;
    this.#root = disk.resolve(toByteString(directory));
    this.#foldCase = this.#rootFacts !== undefined && foldsCase(disk, this.#root, this.#rootFacts);
    this.#mounts = disk.mounts();
    this.#above = rulesAbove(this.#root, { foldCase: this.#foldCase });
    this.#above.problems.forEach((each) => this.#reporter.warn(each));
    this.#batch = new Batch(this.#tree, this.#reporter, {
      forget: (each) => this.#walker.forget(each),
      moved: (each) => this.#walker.noteMoved(each),
    });
    this.#walker = new Walker({
      root: this.#root === '/' ? '' : this.#root,
      tree: this.#tree,
      batch: this.#batch,
      reporter: this.#reporter,
      engine,
      disk,
      rules: this.#above,
      foldCase: this.#foldCase,
      breathe: () => void this.#breathe(),
    });
    this.#walker.queue(this.#tree.root);
    for (let next = Date.now() + PROGRESS_MS; this.#walker.readNext();)
      if (Date.now() >= next) {
        onProgress?.(this.#tree.size);
        next = Date.now() + PROGRESS_MS;
      }
    this.#walker.silent = false;
  }

  #release(): void {
    for (const watch of this.#tree.watchers.keys()) this.#options.engine.remove(watch);
    this.#tree.watchers.clear();
  }

  /** Whether the operator's path still leads to what is watched. */
  #rootStands(): boolean {
    try {
      const now = this.#options.disk.follow(toByteString(this.#options.directory));
      const stands = this.#rootFacts !== undefined && isSameFile(now, this.#rootFacts);
      if (!stands) this.#nextCheckMs = 0;
      return stands;
    } catch {
      this.#nextCheckMs = 0;
      return false;
    }
  }

  /** Looks at the root, at what is mounted below it, at rules above it, and at what could not be read. */
  #check(): void {
    const nowMs = Date.now();
    this.#nextCheckMs = nowMs + this.#checkMs;
    this.#reporter.reportPending(nowMs);
    if (!this.#checkRoot() || this.#above === undefined) return;
    const mounts = this.#options.disk.mounts();
    if (mounts !== this.#mounts) {
      for (const path of [...mountsBelow(mounts, this.#root), ...mountsBelow(this.#mounts, this.#root)])
        this.#dirty.addPath(this.#tree.root, path);
      this.#mounts = mounts;
    }
    const above = rulesAbove(this.#root, { foldCase: this.#foldCase });
    if (above.version !== this.#above.version) {
      above.problems.forEach((each) => this.#reporter.warn(each));
      this.#above = above;
      this.#walker.useRules(above);
      for (const each of this.#tree.root.subtree()) if (each.state !== 'ignored') this.#walker.queue(each);
    }
    this.#walker.retryDue(nowMs);
  }

  /** True when the root is watched. */
  #checkRoot(): boolean {
    let now: Facts | undefined;
    try {
      now = this.#options.disk.follow(toByteString(this.#options.directory));
    } catch (error) {
      if (!isGone(error)) {
        // Nothing is known: what is watched stays watched.
        this.#rootFailed(`The watched directory cannot be looked at (${reasonOf(error)}). It is tried again.`);
        return false;
      }
    }
    if (now?.fileType !== 'directory') now = undefined;
    const standing = now !== undefined && this.#rootFacts !== undefined && isSameFile(now, this.#rootFacts);
    if (standing && this.#tree.root.state !== 'lost') {
      this.#rootFault = undefined;
      return true;
    }
    if (now === undefined) {
      if (this.#rootFacts === undefined) return false;
      this.#rootFacts = undefined;
      this.#release();
      this.#tree = new Tree();
      this.#rootFailed('The watched directory is gone; waiting for it to return.');
      return false;
    }
    this.#rootFacts = now;
    this.#bind();
    this.#rootFault = undefined;
    this.#reporter.warn('The directory is watched again.');
    this.#reporter.lose([this.#tree.root]);
    return true;
  }

  #rootFailed(text: string): void {
    if (text === this.#rootFault) return;
    this.#rootFault = text;
    this.#reporter.warn(text);
    this.#reporter.lose([this.#tree.root]);
  }

  /** What was being done is not done: everything is compared, and a root that could not be watched is tried again. */
  #failed(error: unknown): void {
    this.#rootFailed(`The file watcher failed (${reasonOf(error)}). It begins again.`);
    this.#batch.clear();
    this.#walker.holdDirectories = undefined;
    if (this.#walker.silent) this.#rootFacts = undefined;
    else this.#walker.reportLossWhenRead(this.#tree.root);
    this.#overflowed = true;
    this.#nextCheckMs = Date.now() + this.#checkMs;
  }
}
