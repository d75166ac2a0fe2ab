/**
 * Watches the tree below a directory and reports its changes (EVT-3). If changes may have been missed, it reports which directories to read
 * again (GAP-2). It reads the file system synchronously, so it should run in its own thread.
 *
 * A directory is first watched, then listed, and then each entry is examined. No change is missed: the system reports every change after
 * the examination, and the examination finds every change before it. {@link DirectoryState} lists the states of a directory. In each state,
 * changes that could be missed are reported as a loss.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { Batch } from './batch.ts';
import { ContentHash } from './content-hash.ts';
import { Tree } from './directory.ts';
import type { Directory } from './directory.ts';
import { DirtyNames } from './dirty-names.ts';
import { foldsCase } from './disk.ts';
import type { Disk } from './disk.ts';
import type { Engine, Move, ReportKind, Reports, WatchId } from './engine/engine.ts';
import { reasonOf } from './errors.ts';
import type { FileQuery } from '../introspection/file-pictures.ts';
import { listFiles } from './file-list.ts';
import type { ListedPart } from './file-list.ts';
import { toByteString } from './names.ts';
import type { ByteString } from './names.ts';
import { OpenMoves } from './open-moves.ts';
import { Reporter } from './reporter.ts';
import type { SourceItem } from './reporter.ts';
import { Surroundings } from './surroundings.ts';
import { Walker } from './walker.ts';
import { WatchedRoot } from './watched-root.ts';

export interface TreeSourceOptions {
  /** The path as the operator wrote it. Each check of the root resolves symbolic links in this path again. */
  readonly directory: string;
  /** The name of the root in events. */
  readonly root: string;
  readonly engine: Engine;
  readonly disk: Disk;
  readonly send: (item: SourceItem) => void;
  /** Files up to this size in bytes are hashed; by default none. */
  readonly hashBytes?: number;
  /** Called every 250 ms during the first reading of the tree. */
  readonly onProgress?: (known: number) => void;
  readonly rootCheckMs?: number;
}

const ROOT_CHECK_MS = 1_000;
/** Longest wait for a report, in milliseconds. It is short, because a process that exits waits for its threads. */
const LONGEST_WAIT_MS = 100;
/**
 * A batch ends after a pause of this length, in milliseconds. The pause is long enough to collect all steps of an editor's save in one
 * batch.
 */
const PAUSE_MS = 10;
/** A batch ends at the latest after this time, in milliseconds. */
const LONGEST_MS = 50;
/** A batch ends early when it contains this many names. */
const NAMES_PER_BATCH = 2_048;
/** If so many sightings have accumulated, they are reported before more directories are read. This limits memory. */
const SIGHTINGS_PER_BATCH = 4_096;
/** How long directories are read before new reports of the system are handled, in milliseconds. */
const READING_MS = 250;
const PROGRESS_MS = 250;
/** If an entry with one of these names changes, the ignore rules for the entries beside and below it may change. */
const RULE_NAMES: readonly ByteString[] = ['.gitignore', '.git'];

export class TreeSource {
  readonly #options: TreeSourceOptions;
  readonly #reporter: Reporter;
  #tree = new Tree();
  #batch!: Batch;
  #walker!: Walker;
  readonly #root: WatchedRoot;
  #surroundings: Surroundings | undefined;
  #dirty = new DirtyNames();
  #moves = new OpenMoves();
  #overflowed = false;
  #nextCheckMs = 0;
  #closed = false;
  readonly #reports: Reports = {
    onName: (watch, name, kind, move) => this.#onName(watch, name, kind, move),
    onPath: (path) => this.#dirty.addPath(this.#tree.root, path),
    onEnd: (watch) => this.#onEnd(watch),
    onOverflow: () => void (this.#overflowed = true),
  };

  constructor(options: TreeSourceOptions) {
    this.#options = options;
    const { hashBytes = 0 } = options;
    const hash = hashBytes > 0 ? new ContentHash(hashBytes) : undefined;
    this.#reporter = new Reporter(options.root, options.send, (path, facts) =>
      hash?.of(this.#surroundings?.pathOf(path) ?? path, facts),
    );
    const { disk, directory } = options;
    this.#root = new WatchedRoot({
      disk,
      directory,
      onFault: (reason) => {
        this.#reporter.warn(reason);
        this.#reporter.reportLoss([this.#tree.root]);
      },
    });
  }

  /** Number of files and directories that are currently known. */
  get size(): number {
    return this.#tree.size;
  }

  /** A part of the list of entries. It includes exactly those changes that were sent so far. */
  list(query: FileQuery): ListedPart {
    const part = listFiles(this.#tree, query);
    return this.#root.facts === undefined ? { ...part, unread: [''] } : part;
  }

  /** Reads the tree. @throws {Error} if the directory does not exist, or if a part of it cannot be watched */
  begin(): void {
    this.#root.open();
    this.#readRoot();
    this.#nextCheckMs = Date.now() + this.#checkMs;
  }

  /** Reports changes until {@link TreeSource.close} is called. */
  async run(): Promise<void> {
    const { engine } = this.#options;
    while (!this.#closed) {
      this.#drainEngine();
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

  /** Collects reports until a batch is complete. */
  async #gather(): Promise<void> {
    const untilMs = Date.now() + LONGEST_MS;
    for (let quiet = false; !quiet && !this.#closed && Date.now() < untilMs && this.#dirty.count < NAMES_PER_BATCH;) {
      await delay(PAUSE_MS);
      quiet = !this.#drainEngine();
    }
  }

  #drainEngine(): boolean {
    const any = this.#options.engine.drain(this.#reports);
    this.#moves.readDone();
    return any;
  }

  #step(): void {
    if (Date.now() >= this.#nextCheckMs) this.#check();
    if (this.#root.facts === undefined) {
      this.#dirty = new DirtyNames();
      return;
    }
    if (this.#overflowed) this.#recover();
    if (!this.#examineDirty()) return;
    const untilMs = Date.now() + READING_MS;
    while (Date.now() < untilMs && this.#walker.readNext())
      if (this.#batch.size >= SIGHTINGS_PER_BATCH) this.#batch.settle({ keepVanished: true });
    // If the root itself was moved, its entries seem to be deleted, but they may still exist at the new place. They are not reported as
    // deleted.
    if (this.#batch.hasVanished && !this.#rootIsUnchanged()) return this.#batch.clear();
    this.#batch.settle({ keepVanished: false });
    this.#walker.forgetMoves();
    this.#reporter.reportLoss(this.#walker.takeRecovered());
  }

  /** Examines every reported name. @returns false if the root was moved, deleted or replaced */
  #examineDirty(): boolean {
    const dirty = this.#dirty.byDirectory;
    this.#dirty = new DirtyNames();
    this.#walker.heldDirectories = [];
    const reruled = new Set<Directory>();
    for (const [directory, names] of dirty) {
      if (!RULE_NAMES.some((each) => names.has(each)) || !this.#isKnown(directory)) continue;
      reruled.add(directory);
      this.#walker.queue(directory);
    }
    for (const [directory, names] of dirty)
      if (this.#isKnown(directory)) for (const [name, kind] of names) this.#examineOne(directory, name, kind, reruled);
    if (this.#batch.hasVanished) {
      // If the entry was renamed, the second half of the rename is now in the queue.
      this.#drainEngine();
      this.#batch.postpone(({ directory, name }) => {
        if (this.#moves.waitsFor(directory, name)) this.#dirty.add(directory, name, 'content');
        return !this.#dirty.holds(directory, name);
      });
      this.#moves.expire();
    }
    if (this.#batch.hasVanished && !this.#rootIsUnchanged()) {
      this.#batch.clear();
      this.#walker.heldDirectories = undefined;
      return false;
    }
    this.#batch.moveDirectories();
    // These entries were examined under the old path of a directory that has moved. They are dropped, because the directory is read again
    // at its new path.
    this.#batch.postpone(({ directory }) => !this.#walker.hasMoved(directory));
    this.#walker.releaseDirectories();
    return true;
  }

  /**
   * Examines one reported entry. If the entry is below a directory whose ignore rules have changed, it first waits until the new rules are
   * read, so that ignored entries are not reported.
   */
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

  /** Compares the whole tree with the file system after the system has lost reports. */
  #recover(): void {
    this.#overflowed = false;
    this.#reporter.warn('The queue of file changes overflowed. The whole directory is compared again.');
    for (const each of this.#tree.root.subtree()) if (each.state !== 'ignored') this.#walker.queue(each);
  }

  #onName(watch: WatchId, name: ByteString, kind: ReportKind, move: Move | undefined): void {
    for (const each of this.#tree.watchers.get(watch) ?? []) {
      this.#dirty.add(each, name, kind);
      const known = each.directories.get(name);
      if (known !== undefined && kind === 'content') this.#walker.noteDisplaced(known);
      const origin = move === undefined ? undefined : this.#moves.note(each, name, move);
      // Both halves of a rename are examined in the same batch.
      if (origin !== undefined) this.#dirty.add(origin.directory, origin.name, 'content');
    }
  }

  #onEnd(watch: WatchId): void {
    for (const each of [...(this.#tree.watchers.get(watch) ?? [])]) {
      this.#tree.unlisten(each);
      each.state = 'lost';
      if (each.parent === undefined) this.#nextCheckMs = 0;
      else this.#dirty.add(each.parent, each.name, 'content');
    }
  }

  /** Starts again with an empty tree at the path of the operator. Reads the tree without reporting its entries as changes. */
  #readRoot(): void {
    const { engine, disk, directory, onProgress } = this.#options;
    this.#release();
    this.#tree = new Tree();
    this.#dirty = new DirtyNames();
    this.#moves = new OpenMoves();
    this.#overflowed = false;
    const root = disk.resolve(toByteString(directory));
    const foldCase = this.#root.facts !== undefined && foldsCase(disk, root, this.#root.facts);
    this.#surroundings = new Surroundings(disk, root, { foldCase });
    this.#surroundings.rules.problems.forEach((each) => this.#reporter.warn(each));
    this.#batch = new Batch(this.#tree, this.#reporter, {
      forget: (each) => this.#walker.forget(each),
      moved: (each) => this.#walker.noteMoved(each),
    });
    this.#walker = new Walker({
      root: root === '/' ? '' : root,
      tree: this.#tree,
      batch: this.#batch,
      reporter: this.#reporter,
      engine,
      disk,
      rules: this.#surroundings.rules,
      foldCase,
      drainEngine: () => void this.#drainEngine(),
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

  /** Whether the root certainly still exists unchanged. If this is not certain, the root is checked in the next step. */
  #rootIsUnchanged(): boolean {
    const isUnchanged = this.#root.isUnchanged();
    if (!isUnchanged) this.#nextCheckMs = 0;
    return isUnchanged;
  }

  /** Checks the root, the mount points below it and the ignore rules above it. Retries directories that could not be read. */
  #check(): void {
    const nowMs = Date.now();
    this.#nextCheckMs = nowMs + this.#checkMs;
    this.#reporter.reportPending(nowMs);
    if (!this.#checkRoot() || this.#surroundings === undefined) return;
    for (const path of this.#surroundings.changedMounts()) this.#dirty.addPath(this.#tree.root, path);
    const rules = this.#surroundings.changedRules();
    if (rules !== undefined) {
      rules.problems.forEach((each) => this.#reporter.warn(each));
      this.#walker.useRules(rules);
      for (const each of this.#tree.root.subtree()) if (each.state !== 'ignored') this.#walker.queue(each);
    }
    this.#walker.retryDue(nowMs);
  }

  /** @returns whether the root is watched */
  #checkRoot(): boolean {
    const found = this.#root.look();
    if (found === 'unclear') return false;
    if (found === 'same' && this.#tree.root.state !== 'lost') {
      this.#root.recovered();
      return true;
    }
    if (found === 'gone') {
      if (this.#root.facts === undefined) return false;
      this.#root.forget();
      this.#release();
      this.#tree = new Tree();
      this.#root.failed('The watched directory is gone; waiting for it to return.');
      return false;
    }
    this.#root.adopt();
    this.#readRoot();
    this.#root.recovered();
    this.#reporter.warn('The watched directory is available again.');
    this.#reporter.reportLoss([this.#tree.root]);
    return true;
  }

  /**
   * Handles an unexpected error. Because a step was not completed, the whole tree is compared again. If the root could not be watched, this
   * is retried.
   */
  #failed(error: unknown): void {
    this.#root.failed(`The file watcher failed (${reasonOf(error)}) and restarts.`);
    this.#batch.clear();
    this.#walker.heldDirectories = undefined;
    if (this.#walker.silent) this.#root.forget();
    else this.#walker.reportLossWhenRead(this.#tree.root);
    this.#overflowed = true;
    this.#nextCheckMs = Date.now() + this.#checkMs;
  }
}
