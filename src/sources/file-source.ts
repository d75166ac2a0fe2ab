/**
 * Watches a directory and tells what changes in it (EVT-3), and also what it may have missed (GAP-2): an overflow of the
 * watcher's queue, a root that is deleted. It never throws at its host after `start`.
 */
import { realpath, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { FileChangePayload } from '../../generated/types.ts';
import { changesOf } from './changes.ts';
import type { Sighting } from './changes.ts';
import { IGNORE_FILE, IgnoreRules } from './ignore-rules.ts';
import { factsOf, FORBIDDEN, liesBelow, scan } from './inventory.ts';
import type { Inventory } from './inventory.ts';
import { TreeWatch } from './tree-watch.ts';
import type { Batch, Watch } from './tree-watch.ts';

/** Wired once. */
export interface FileSourceListener {
  publish(payload: FileChangePayload): void;
  /** Directories to look at again, relative to the root; `''` is the root itself. */
  loss(paths: readonly string[]): void;
  warning(text: string): void;
}

export interface FileSourceOptions {
  readonly directory: string;
  /** The name that events carry for the root; its last segment by default, never its place on the server. */
  readonly root?: string;
  readonly listener: FileSourceListener;
  /** Replaces the watcher, to make it fail in a test. */
  readonly watch?: Watch;
  /** How often it is checked whether the root is there, in milliseconds. */
  readonly rootCheckMs?: number;
  /** Reports in one batch from which on it is not trusted to be complete. */
  readonly largeBatch?: number;
}

/** What was read of a directory, and why not all of it is watched. */
interface Reading {
  readonly inventory: Inventory;
  /** Directories that are left out. */
  readonly closedOff: readonly string[];
  /** Why some of them cannot be watched, though they may be read. */
  readonly deaf: Error | undefined;
}

/** Codes of system errors. */
const GONE: ReadonlySet<unknown> = new Set(['ENOENT', 'ENOTDIR']);

/** Knows what was there, is told where something happened, and finds out what. */
export class FileSource {
  readonly #options: FileSourceOptions;
  #directory: string;
  #root: string;
  #rules: IgnoreRules;
  #tree: TreeWatch;
  #inventory: Inventory = new Map();
  /** Directories that could not be read or watched: tried again at every look at the root. */
  readonly #closedOff = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  /** Of the directory that is watched; undefined while it is gone. A directory that was replaced has another one. */
  #rootIdentity: string | undefined;
  /** Why it could not watch, from the failure until it can: said once, however often it tries. */
  #fault: string | undefined;
  /** Whether all that is known is watched, but for what is closed off. */
  #watching = false;
  /** Set by a suspect batch, until all is compared in the first quiet moment. */
  #doubted = false;
  /** Whether anything was reported since the last look at the root. */
  #busy = false;
  #closed = false;
  /** Batches are taken one after the other. */
  #work: Promise<void> = Promise.resolve();

  constructor(options: FileSourceOptions) {
    this.#options = options;
    this.#directory = options.directory;
    this.#root = options.root ?? basename(options.directory);
    this.#rules = new IgnoreRules(this.#directory);
    this.#tree = this.#plant();
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
    this.#tree = this.#plant();
    this.#rootIdentity = await this.#findRoot();
    const begun = this.#begin();
    this.#work = begun.catch(() => undefined);
    await begun;
    this.#timer = setInterval(() => this.#enqueue(() => this.#checkRoot()), this.#options.rootCheckMs ?? 1000);
    this.#timer.unref();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    this.#tree.clear();
    await this.#work;
    this.#tree.clear();
  }

  #plant(): TreeWatch {
    const { watch, largeBatch } = this.#options;
    return new TreeWatch({
      root: this.#directory,
      listener: {
        onBatch: (batch) => this.#onBatch(batch),
        onFault: (error) => this.#enqueue(() => this.#recover(error)),
      },
      ...(watch === undefined ? {} : { watch }),
      ...(largeBatch === undefined ? {} : { largeBatch }),
    });
  }

  /** Takes what is there as known, and says nothing of it. @throws {Error} when a part of it cannot be watched. */
  async #begin(): Promise<void> {
    this.#watching = false;
    this.#rules = new IgnoreRules(this.#directory);
    this.#closedOff.clear();
    const { inventory, deaf } = await this.#survey();
    if (deaf !== undefined) {
      this.#tree.clear();
      throw deaf;
    }
    this.#inventory = inventory;
    this.#watching = true;
    this.#fault = undefined;
  }

  /** Watches and reads everything anew. */
  #survey(): Promise<Reading> {
    this.#tree.clear();
    return this.#read('');
  }

  /** Watches a directory and what lies below, each before it is read: what comes later is reported. */
  async #read(from: string): Promise<Reading> {
    const forbidden: string[] = [];
    const deaf: string[] = [];
    let reason: Error | undefined;
    const enter = (path: string): boolean => {
      const error = this.#enter(path);
      if (error === undefined) return true;
      const code = 'code' in error ? error.code : undefined;
      if (FORBIDDEN.has(code)) {
        forbidden.push(path);
      } else if (!GONE.has(code)) {
        deaf.push(path);
        reason ??= error;
      }
      return false;
    };
    const { inventory, unreadable } = await scan(this.#directory, this.#rules, { from, enter });
    this.#closeOff([...forbidden, ...unreadable], deaf);
    if (reason !== undefined && this.#watching) this.#warnOnce(reason.message);
    return { inventory, closedOff: [...forbidden, ...unreadable, ...deaf], deaf: reason };
  }

  /** The root has nothing above it that would tell of its end. */
  #enter(path: string): Error | undefined {
    try {
      this.#tree.add(path);
      return undefined;
    } catch (error) {
      if (path === '' || !(error instanceof Error)) throw error;
      return error;
    }
  }

  #closeOff(unreadable: readonly string[], deaf: readonly string[]): void {
    const { listener } = this.#options;
    for (const path of unreadable.filter((each) => !this.#closedOff.has(each)))
      listener.warning(`${path} cannot be read and is not watched.`);
    const lost = deaf.filter((each) => !this.#closedOff.has(each));
    if (this.#watching && lost.length > 0) listener.loss(lost);
    for (const path of [...unreadable, ...deaf]) this.#closedOff.add(path);
  }

  /** What is below a directory now, and what no longer is. */
  #compare(from: string, inventory: Inventory): readonly Sighting[] {
    const gone = [...this.#inventory.keys()]
      .filter((path) => (from === '' || path.startsWith(`${from}/`)) && !inventory.has(path))
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
      this.#fail(error instanceof Error ? error.message : 'unknown fault');
    }
  }

  /** Where nothing is watched any more, that is a loss, and the next look at the root begins again. */
  #fail(what: string): void {
    if (this.#watching) {
      // Whatever was being done is not done: all is compared.
      this.#doubted = true;
    } else {
      this.#rootIdentity = undefined;
      if (this.#fault === undefined) this.#options.listener.loss(['']);
    }
    this.#warnOnce(what);
  }

  #warnOnce(what: string): void {
    if (what !== this.#fault)
      this.#options.listener.warning(`The file watcher failed: ${what.replaceAll(this.#directory, '.')}`);
    this.#fault = what;
  }

  #onBatch({ paths, suspect }: Batch): void {
    this.#busy = true;
    if (suspect) this.#doubted = true;
    this.#enqueue(() => this.#take(paths));
  }

  async #take(paths: readonly string[]): Promise<void> {
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
   * A watch names a directory that came, went or was replaced, but not what lies below it. One pass over what is known serves
   * all of them: a tree of thousands of directories may go in one batch.
   */
  async #expand(sightings: readonly Sighting[]): Promise<readonly Sighting[]> {
    const replaced = sightings.filter(({ path, facts }) => {
      const before = this.#inventory.get(path);
      return before?.identity !== facts?.identity || before?.fileType !== facts?.fileType;
    });
    const gone = new Set(replaced.map(({ path }) => path).filter((path) => this.#isDirectory(path)));
    const below = gone.size === 0 ? [] : [...this.#inventory.keys()].filter((path) => liesBelow(path, gone));
    // A directory that was renamed goes on under its new name: the watches of the old one would report what is not there.
    this.#tree.drop([...gone, ...below]);
    const came = new Set(replaced.filter(({ facts }) => facts?.fileType === 'directory').map(({ path }) => path));
    const found: Sighting[] = [];
    for (const path of came) {
      if (liesBelow(path, came) || this.#rules.ignores(path, 'directory')) continue;
      const { inventory } = await this.#read(path);
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
    this.#rules = new IgnoreRules(this.#directory);
    const { inventory } = await this.#survey();
    for (const [path, { fileType }] of this.#inventory)
      if (this.#rules.ignores(path, fileType === 'directory' ? fileType : 'file')) this.#inventory.delete(path);
    this.#publish(this.#compare('', inventory));
  }

  /** A watch has ended: says so, and begins anew (GAP-2). */
  async #recover(error: Error): Promise<void> {
    const { listener } = this.#options;
    listener.warning(`The file watcher lost track and begins again: ${error.message.replaceAll(this.#directory, '.')}`);
    listener.loss(['']);
    this.#rootIdentity = await this.#findRoot();
    if (this.#rootIdentity !== undefined) await this.#begin();
  }

  /** Tells what a suspect batch left out. */
  async #lookAgain(): Promise<void> {
    const quiet = !this.#busy;
    this.#busy = false;
    if (!this.#doubted || !quiet) return;
    this.#doubted = false;
    const { inventory } = await this.#survey();
    const missed = changesOf(this.#compare('', inventory), this.#inventory, this.#root);
    if (missed.length === 0) return;
    const { listener } = this.#options;
    listener.warning(`The file watcher was overrun: ${missed.length} changes were found by looking again.`);
    for (const change of missed) listener.publish(change);
  }

  /** Tells what happened in directories that could not be watched, as soon as they can be. */
  async #openClosedOff(): Promise<void> {
    for (const path of [...this.#closedOff]) {
      const { inventory, closedOff } = await this.#read(path);
      if (closedOff.includes(path)) continue;
      this.#closedOff.delete(path);
      this.#publish(this.#compare(path, inventory));
      if (this.#closedOff.size === 0) this.#fault = undefined;
    }
  }

  async #findRoot(): Promise<string | undefined> {
    const facts = await factsOf(this.#directory);
    return facts?.fileType === 'directory' ? facts.identity : undefined;
  }

  async #checkRoot(): Promise<void> {
    const identity = await this.#findRoot();
    if (identity === this.#rootIdentity) {
      await this.#openClosedOff();
      return this.#lookAgain();
    }
    const { listener } = this.#options;
    this.#rootIdentity = identity;
    this.#tree.clear();
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
