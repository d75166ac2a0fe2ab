/**
 * Watches a directory and tells what changes in it (EVT-3), and also what it may have missed (GAP-2): an overflow of the
 * watcher's queue, a root that is deleted. It never throws at its host after `start`.
 */
import { realpath, stat } from 'node:fs/promises';
import { basename, join, relative, sep } from 'node:path';
import { subscribe } from '@parcel/watcher';
import type { BackendType, Event, Options } from '@parcel/watcher';
import type { FileChangePayload } from '../../generated/types.ts';
import { changesOf } from './changes.ts';
import type { Sighting } from './changes.ts';
import { ALWAYS_IGNORED, IGNORE_FILE, IgnoreRules } from './ignore-rules.ts';
import { factsOf, scan } from './inventory.ts';
import type { Inventory } from './inventory.ts';

/** Wired once. */
export interface FileSourceListener {
  publish(payload: FileChangePayload): void;
  /** Directories to look at again, relative to the root; `''` is the root itself. */
  loss(paths: readonly string[]): void;
  warning(text: string): void;
}

/**
 * The system's own watcher, by name. Left to choose, the library first asks a shell for watchman, and the shell's end is never
 * collected: it would hang below the gateway for as long as that runs.
 */
const BACKENDS: Partial<Record<NodeJS.Platform, BackendType>> = {
  linux: 'inotify',
  darwin: 'fs-events',
  win32: 'windows',
};
const BACKEND = BACKENDS[process.platform];

type Watch = (
  directory: string,
  onBatch: (error: Error | null, events: Pick<Event, 'path'>[]) => unknown,
  options: Options,
) => Promise<{ unsubscribe(): Promise<void> }>;

export interface FileSourceOptions {
  readonly directory: string;
  /** The name that events carry for the root; its last segment by default, never its place on the server. */
  readonly root?: string;
  readonly listener: FileSourceListener;
  /** Replaces the watcher, to make it fail in a test. */
  readonly watch?: Watch;
  /** How often it is checked whether the root is there, in milliseconds. */
  readonly rootCheckMs?: number;
  /** Paths in one batch from which on it is not trusted to be complete. */
  readonly largeBatch?: number;
}

/**
 * Linux drops events when more than `fs.inotify.max_queued_events` (16,384) wait, and the library says nothing of it (2.5:
 * `rm -rf` of 42,000 files lost up to a third of them, with a batch of 20,000 paths or more each time). Comparing a tree of
 * that size takes 0.5 s, so that even a batch that was probably complete may be looked at again.
 */
const LARGE_BATCH = 1_000;

export class FileSource {
  readonly #options: FileSourceOptions;
  readonly #watch: Watch;
  #directory: string;
  #root: string;
  #rules: IgnoreRules;
  #inventory: Inventory = new Map();
  #stop: (() => Promise<void>) | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Of the directory that is watched; undefined while it is gone. A directory that was replaced has another one. */
  #rootIdentity: string | undefined;
  /** Why it could not watch, from the failure until it can: said once, however often it tries. */
  #fault: string | undefined;
  /** Set by a large batch, until all is compared in the first quiet moment. */
  #doubted = false;
  /** Whether anything was reported since the last look at the root. */
  #busy = false;
  #closed = false;
  #generation = 0;
  /** Batches are taken one after the other. */
  #work: Promise<void> = Promise.resolve();

  constructor(options: FileSourceOptions) {
    this.#options = options;
    this.#watch = options.watch ?? subscribe;
    this.#directory = options.directory;
    this.#root = options.root ?? basename(options.directory);
    this.#rules = new IgnoreRules(this.#directory);
  }

  /** Files and directories known at the moment. */
  get size(): number {
    return this.#inventory.size;
  }

  /** The name of the root in events. */
  get root(): string {
    return this.#root;
  }

  /** Begins to watch. @throws {Error} when the directory is not there or cannot be watched. */
  async start(): Promise<void> {
    this.#directory = await realpath(this.#options.directory);
    if (!(await stat(this.#directory)).isDirectory()) throw new Error(`${this.#options.directory} is not a directory.`);
    this.#root = this.#options.root ?? (basename(this.#directory) || 'root');
    this.#rootIdentity = await this.#findRoot();
    await this.#begin();
    this.#timer = setInterval(() => this.#enqueue(() => this.#checkRoot()), this.#options.rootCheckMs ?? 1000);
    this.#timer.unref();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    await this.#work;
    await this.#end();
  }

  /** Scans and watches anew. The first scan tells what to ignore; the second one, what has changed until the watcher stood. */
  async #begin(): Promise<void> {
    this.#rules = new IgnoreRules(this.#directory);
    const first = await scan(this.#directory, this.#rules);
    for (const path of first.unreadable)
      this.#options.listener.warning(`${path === '' ? 'The root' : path} cannot be read and is not watched.`);
    this.#generation += 1;
    const ignored = [
      // The library shares one watcher between equal requests, also one that died with its directory: no two are equal.
      join(this.#directory, `.tidemark-generation-${this.#generation}`),
      ...ALWAYS_IGNORED.map((each) => `**/${each}/**`),
      ...first.ignored.map((each) => join(this.#directory, each)),
    ];
    const subscription = await this.#watch(this.#directory, (error, events) => this.#onBatch(error, events), {
      ignore: ignored,
      ...(BACKEND === undefined ? {} : { backend: BACKEND }),
    });
    this.#stop = () => subscription.unsubscribe();
    this.#fault = undefined;
    this.#inventory = first.inventory;
    this.#enqueue(async () => this.#publish(await this.#difference()));
  }

  async #end(): Promise<void> {
    const stop = this.#stop;
    this.#stop = undefined;
    // A watcher whose root is gone may fail to stop; it has stopped then.
    await stop?.().catch(() => undefined);
  }

  /** What a new scan sees differently from the inventory. */
  async #difference(): Promise<readonly Sighting[]> {
    const { inventory } = await scan(this.#directory, this.#rules);
    const gone = [...this.#inventory.keys()]
      .filter((path) => !inventory.has(path))
      .map((path) => ({ path, facts: undefined }));
    return [...gone, ...[...inventory].map(([path, facts]) => ({ path, facts }))];
  }

  #enqueue(task: () => Promise<void>): void {
    this.#work = this.#after(this.#work, task);
  }

  async #after(previous: Promise<void>, task: () => Promise<void>): Promise<void> {
    await previous;
    if (this.#closed) return;
    try {
      await task();
    } catch (error) {
      this.#fail(error instanceof Error ? error.message.replaceAll(this.#directory, '.') : 'unknown fault');
    }
  }

  /** Where nothing is watched any more, that is a loss, and the next look at the root begins again. */
  #fail(what: string): void {
    const { listener } = this.#options;
    if (this.#stop === undefined) {
      this.#rootIdentity = undefined;
      if (this.#fault === undefined) listener.loss(['']);
    }
    if (what !== this.#fault) listener.warning(`The file watcher failed: ${what}`);
    this.#fault = what;
  }

  #onBatch(error: Error | null, events: readonly Pick<Event, 'path'>[]): void {
    this.#busy = true;
    if (events.length >= (this.#options.largeBatch ?? LARGE_BATCH)) this.#doubted = true;
    if (error === null) this.#enqueue(() => this.#take(events));
    else this.#enqueue(() => this.#recover(error));
  }

  async #take(events: readonly Pick<Event, 'path'>[]): Promise<void> {
    const paths = events
      .map((each) => relative(this.#directory, each.path).split(sep).join('/'))
      .filter((each) => each !== '' && !each.startsWith('../'));
    const direct = await Promise.all(
      paths.map(async (path) => ({ path, facts: await factsOf(join(this.#directory, path)) })),
    );
    const sightings = await this.#expand(direct);
    const visible = sightings.filter(
      ({ path, facts }) =>
        !this.#rules.ignores(
          path,
          (facts ?? this.#inventory.get(path))?.fileType === 'directory' ? 'directory' : 'file',
        ),
    );
    this.#publish(visible);
    if (paths.some((each) => each === IGNORE_FILE || each.endsWith(`/${IGNORE_FILE}`))) await this.#reload();
  }

  /**
   * The watcher names a directory that came, went or was replaced, but not always what lies below it. One pass over what is
   * known serves all of them: a tree of thousands of directories may go in one batch.
   */
  async #expand(sightings: readonly Sighting[]): Promise<readonly Sighting[]> {
    const replaced = sightings.filter(({ path, facts }) => {
      const before = this.#inventory.get(path);
      return before?.identity !== facts?.identity || before?.fileType !== facts?.fileType;
    });
    const gone = new Set(replaced.map(({ path }) => path).filter((path) => this.#isDirectory(path)));
    const below = gone.size === 0 ? [] : [...this.#inventory.keys()].filter((path) => liesBelow(path, gone));
    const came = new Set(replaced.filter(({ facts }) => facts?.fileType === 'directory').map(({ path }) => path));
    const found: Sighting[] = [];
    for (const path of came) {
      if (liesBelow(path, came) || this.#rules.ignores(path, 'directory')) continue;
      const { inventory } = await scan(this.#directory, this.#rules, path);
      for (const [each, facts] of inventory) found.push({ path: each, facts });
    }
    return [...sightings, ...below.map((path) => ({ path, facts: undefined })), ...found];
  }

  #isDirectory(path: string): boolean {
    return this.#inventory.get(path)?.fileType === 'directory';
  }

  #publish(sightings: readonly Sighting[]): void {
    for (const change of changesOf(sightings, this.#inventory, this.#root)) this.#options.listener.publish(change);
  }

  /** The rules have changed: what is ignored from now on leaves the inventory in silence, what no longer is, is new. */
  async #reload(): Promise<void> {
    const before = this.#inventory;
    await this.#end();
    await this.#begin();
    // What happened meanwhile is found by comparing with what was known, not with what has just been seen.
    this.#inventory = new Map(
      [...before].filter(
        ([path, { fileType }]) => !this.#rules.ignores(path, fileType === 'directory' ? fileType : 'file'),
      ),
    );
  }

  /** The watcher lost track: says so, and begins anew (GAP-2). */
  async #recover(error: Error): Promise<void> {
    this.#options.listener.warning(
      `The file watcher lost track and begins again: ${error.message.replaceAll(this.#directory, '.')}`,
    );
    await this.#end();
    this.#options.listener.loss(['']);
    this.#rootIdentity = await this.#findRoot();
    if (this.#rootIdentity !== undefined) await this.#begin();
  }

  /** Tells what a large batch left out. Who missed a new directory does not watch it either: so it begins anew then. */
  async #lookAgain(): Promise<void> {
    const quiet = !this.#busy;
    this.#busy = false;
    if (!this.#doubted || !quiet) return;
    this.#doubted = false;
    const missed = changesOf(await this.#difference(), this.#inventory, this.#root);
    if (missed.length === 0) return;
    const { listener } = this.#options;
    listener.warning(`The file watcher was overrun: ${missed.length} changes were found by looking again.`);
    for (const change of missed) listener.publish(change);
    await this.#reload();
  }

  async #findRoot(): Promise<string | undefined> {
    const facts = await factsOf(this.#directory);
    return facts?.fileType === 'directory' ? facts.identity : undefined;
  }

  async #checkRoot(): Promise<void> {
    const identity = await this.#findRoot();
    if (identity === this.#rootIdentity) return this.#lookAgain();
    const { listener } = this.#options;
    this.#rootIdentity = identity;
    await this.#end();
    this.#inventory.clear();
    if (identity === undefined) {
      listener.warning('The watched directory is gone; waiting for it to return.');
    } else {
      await this.#begin();
      listener.warning('The directory is watched again.');
    }
    listener.loss(['']);
  }
}

/** Whether one of the directories is somewhere above a path. */
function liesBelow(path: string, directories: ReadonlySet<string>): boolean {
  for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1))
    if (directories.has(path.slice(0, end))) return true;
  return false;
}
