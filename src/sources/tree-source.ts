/**
 * Watches the tree below a directory and reports its changes (EVT-3). If changes may have been missed, it reports which directories to read
 * again (GAP-2). It reads the file system synchronously, so it should run in its own thread.
 *
 * A directory is first watched, then listed, and then each entry is examined. No change is missed: the system reports every change after
 * the examination, and the examination finds every change before it. {@link DirectoryState} lists the states of a directory. If changes may
 * be missed in a state, a loss is reported.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { Batch } from './batch.ts';
import { ContentHash } from './content-hash.ts';
import { Tree } from './directory.ts';
import type { Directory } from './directory.ts';
import { foldsCase } from './disk.ts';
import type { Disk } from './disk.ts';
import type { Engine, ReportKind } from './engine/engine.ts';
import { reasonOf } from './errors.ts';
import type { FileQuery } from '../introspection/file-listings.ts';
import { listFiles } from './file-list.ts';
import type { ListedPage } from './file-list.ts';
import { Inbox } from './inbox.ts';
import { toByteString } from './names.ts';
import type { ByteString } from './names.ts';
import { Postponement } from './postponement.ts';
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
/** Longest wait for a report, in milliseconds. It is short, because an exiting process waits until its threads have ended. */
const LONGEST_WAIT_MS = 100;
/**
 * A batch ends after a pause of this length, in milliseconds. The pause is long enough to collect all steps of an editor's save in one
 * batch.
 */
const PAUSE_MS = 10;
/** The longest time in which reports are collected for a batch, in milliseconds. */
const LONGEST_MS = 50;
/** A batch ends early when it contains this many names. */
const NAMES_PER_BATCH = 2_048;
/** As soon as a batch has this many changed entries, they are reported before more directories are read. This limits memory. */
const SIGHTINGS_PER_BATCH = 4_096;
/**
 * How long directories are read, in milliseconds, before new reports of the system are handled. Also the interval at which progress is
 * reported.
 */
const READING_MS = 250;
/** If an entry with one of these names changes, the ignore rules for its directory and for everything below it may change. */
const RULE_NAMES: readonly ByteString[] = ['.gitignore', '.git'];

export class TreeSource {
  readonly #options: TreeSourceOptions;
  readonly #reporter: Reporter;
  #tree = new Tree();
  #batch!: Batch;
  #walker!: Walker;
  readonly #root: WatchedRoot;
  #surroundings: Surroundings | undefined;
  #inbox!: Inbox;
  readonly #postponement = new Postponement();
  #nextCheckMs = 0;
  #closed = false;

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

  /** Returns one page of a listing. The page shows the tree after exactly those changes that were passed to `send` so far. */
  list(query: FileQuery): ListedPage {
    const page = listFiles(this.#tree, query);
    return this.#root.facts === undefined ? { ...page, unread: [''] } : page;
  }

  /**
   * Reads the tree for the first time. @throws {Error} if the directory does not exist, or if a limit of the system prevents watching all
   * of it
   */
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
    this.#inbox.release(engine);
    engine.close();
  }

  close(): void {
    this.#closed = true;
  }

  get #checkMs(): number {
    return this.#options.rootCheckMs ?? ROOT_CHECK_MS;
  }

  #hasWork(): boolean {
    return this.#inbox.dirty.count > 0 || this.#inbox.overflowed || this.#walker.waiting > 0;
  }

  /** Collects reports until a batch is complete. */
  async #gather(): Promise<void> {
    const untilMs = Date.now() + LONGEST_MS;
    for (
      let quiet = false;
      !quiet && !this.#closed && Date.now() < untilMs && this.#inbox.dirty.count < NAMES_PER_BATCH;
    ) {
      await delay(PAUSE_MS);
      quiet = !this.#drainEngine();
    }
  }

  #drainEngine(): boolean {
    const any = this.#options.engine.drain(this.#inbox);
    this.#inbox.moves.readDone();
    return any;
  }

  #step(): void {
    if (this.#inbox.takeRootReport() || Date.now() >= this.#nextCheckMs) this.#check();
    if (this.#root.facts === undefined) {
      this.#inbox.takeDirty();
      return;
    }
    if (this.#inbox.overflowed) this.#recover();
    this.#examineDirty();
    const untilMs = Date.now() + READING_MS;
    while (Date.now() < untilMs && this.#walker.readNext())
      if (this.#batch.size >= SIGHTINGS_PER_BATCH) {
        this.#postpone();
        this.#batch.settle({ keepVanished: true });
      }
    this.#postpone();
    this.#batch.settle({ keepVanished: false });
    this.#walker.displacements.endStep();
    this.#postponement.endStep();
    this.#reporter.reportLoss(this.#walker.takeRecovered());
  }

  /** Examines every reported name. */
  #examineDirty(): void {
    const dirty = this.#inbox.takeDirty().byDirectory;
    this.#walker.heldDirectories = [];
    const reruled = new Set<Directory>();
    for (const [directory, names] of dirty) {
      if (!RULE_NAMES.some((each) => names.has(each)) || !this.#tree.contains(directory)) continue;
      reruled.add(directory);
      this.#walker.queue(directory);
    }
    for (const [directory, names] of dirty)
      if (this.#tree.contains(directory))
        for (const [name, kind] of names) this.#examineOne(directory, name, kind, reruled);
    // If an entry was renamed before it was examined, both halves of the rename are now in the queue of the system, which `#postpone`
    // reads.
    this.#postpone();
    this.#batch.moveDirectories();
    this.#walker.releaseDirectories();
  }

  #postpone(): void {
    if (this.#batch.size === 0) return;
    this.#drainEngine();
    const rootIsMoved = this.#inbox.rootWasMoved || (this.#batch.hasVanished && !this.#rootIsUnchanged());
    this.#postponement.apply({ batch: this.#batch, inbox: this.#inbox, walker: this.#walker, rootIsMoved });
  }

  /**
   * Examines one reported entry. An entry below a directory whose ignore rules may have changed is examined in the next step, after the new
   * rules were read, so that ignored entries are not reported.
   */
  #examineOne(directory: Directory, name: ByteString, kind: ReportKind, reruled: ReadonlySet<Directory>): void {
    let waits = false;
    if (reruled.size > 0 && !RULE_NAMES.includes(name))
      for (let at: Directory | undefined = directory; at !== undefined && !waits; at = at.parent)
        waits = reruled.has(at);
    if (waits) this.#inbox.dirty.add(directory, name, kind);
    else this.#walker.examine(directory, name, kind);
  }

  /** Compares the whole tree with the file system after the system has lost reports. */
  #recover(): void {
    this.#inbox.overflowed = false;
    this.#reporter.warn(
      'Reports of file changes were lost, because their queue overflowed. The whole directory is compared again.',
    );
    this.#walker.readAgain(this.#tree.root, 'reports');
  }

  /** Starts with an empty tree at the path that the operator gave, and reads the tree without reporting its entries as changes. */
  #readRoot(): void {
    const { engine, disk, directory, onProgress } = this.#options;
    this.#tree = new Tree();
    const root = disk.resolve(toByteString(directory));
    const foldCase = this.#root.facts !== undefined && foldsCase(disk, root, this.#root.facts);
    this.#surroundings = new Surroundings({ disk, root, foldCase, warn: (text) => this.#reporter.warn(text) });
    this.#batch = new Batch(this.#tree, this.#reporter, {
      forget: (each) => this.#walker.forget(each),
      moved: (each, origin) => this.#walker.noteMoved(each, origin),
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
    this.#inbox = new Inbox(this.#tree, this.#walker.displacements);
    this.#inbox.guard(engine, root);
    this.#walker.queue(this.#tree.root);
    for (let next = Date.now() + READING_MS; this.#walker.readNext();)
      if (Date.now() >= next) {
        onProgress?.(this.#tree.size);
        next = Date.now() + READING_MS;
      }
    this.#walker.silent = false;
  }

  /**
   * Whether the path of the root certainly still leads to the watched directory. If this is not certain, the root is checked in the next
   * step.
   */
  #rootIsUnchanged(): boolean {
    if (this.#root.isUnchanged()) return true;
    this.#inbox.noteRootMoved();
    return false;
  }

  /** Checks the root, the mount points below it and the ignore rules above it. Retries directories that could not be read. */
  #check(): void {
    const nowMs = Date.now();
    this.#nextCheckMs = nowMs + this.#checkMs;
    this.#reporter.reportPending(nowMs);
    if (!this.#checkRoot() || this.#surroundings === undefined) return;
    for (const path of this.#surroundings.changedMounts()) this.#inbox.dirty.addPath(this.#tree.root, path, 'name');
    const rules = this.#surroundings.changedRules();
    if (rules !== undefined) this.#walker.useRules(rules);
    this.#walker.queueDue(nowMs);
  }

  /** Checks whether the root was moved, replaced or deleted, and handles this. @returns whether the root is watched unchanged or again */
  #checkRoot(): boolean {
    const found = this.#root.look();
    if (found === 'unclear') return false;
    if (found === 'same' && this.#tree.root.state !== 'lost') {
      this.#root.recovered();
      if (this.#inbox.rootWasMoved) this.#walker.readAgain(this.#tree.root, 'watch');
      this.#inbox.rootWasMoved = false;
      return true;
    }
    if (found === 'gone') {
      if (this.#root.facts === undefined) return false;
      this.#root.forget();
      this.#inbox.release(this.#options.engine);
      this.#tree = new Tree();
      this.#root.failed('The watched directory is gone; waiting for it to return.');
      return false;
    }
    this.#root.adopt();
    this.#inbox.release(this.#options.engine);
    this.#readRoot();
    this.#root.recovered();
    this.#reporter.warn('The watched directory is available again.');
    this.#reporter.reportLoss([this.#tree.root]);
    return true;
  }

  /**
   * Handles an unexpected error of a step. Because the step was not completed, the whole tree is compared again. If the error occurred
   * while the root was read, the root is read again at the next check.
   */
  #failed(error: unknown): void {
    this.#root.failed(`The file watcher failed (${reasonOf(error)}). The whole directory is compared again.`);
    this.#batch.clear();
    this.#walker.takeHeld();
    if (this.#walker.silent) this.#root.forget();
    else this.#walker.reportLossWhenRead(this.#tree.root);
    this.#inbox.overflowed = true;
    this.#nextCheckMs = Date.now() + this.#checkMs;
  }
}
