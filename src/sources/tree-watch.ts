/**
 * Names the paths below a root at which something has happened, in batches; what has happened is for others to find out.
 *
 * Linux watches single directories, so each is added by itself, before it is read: what comes into it later is reported, what was
 * there before is found. macOS and Windows watch a whole tree, and one watch at the root serves all.
 */
import { watch as watchDirectory } from 'node:fs';
import type { FSWatcher } from 'node:fs';
import { join, sep } from 'node:path';

export interface Batch {
  /** Relative to the root, each once, in the order in which they were reported first; `''` is never among them. */
  readonly paths: readonly string[];
  /** Whether the system's queue may have overflowed: it then drops what follows, and says nothing of it. */
  readonly suspect: boolean;
}

export interface TreeWatchListener {
  onBatch(batch: Batch): void;
  /** One of the watches has ended by itself. */
  onFault(error: Error): void;
}

/** As `watch` of `node:fs`. */
export type Watch = (
  directory: string,
  options: { readonly recursive: boolean },
  onChange: (type: string, name: string | null) => void,
) => FSWatcher;

export interface TreeWatchOptions {
  readonly root: string;
  readonly listener: TreeWatchListener;
  readonly watch?: Watch;
  /** Reports in one batch from which on it is suspect. */
  readonly largeBatch?: number;
}

const RECURSIVE = process.platform === 'darwin' || process.platform === 'win32';

/**
 * Linux drops reports when more than `fs.inotify.max_queued_events` (16,384 by default) wait. All that wait are read in one
 * go, so that a batch that follows an overflow is about as large as the queue.
 */
const LARGE_BATCH = 4_096;

/** A batch ends with a pause: the two halves of a rename and the steps of an editor's save belong together. In milliseconds. */
const PAUSE_MS = 20;
/** A batch waits no longer than this, however busy it is. In milliseconds. */
const LONGEST_MS = 200;

export class TreeWatch {
  readonly #options: TreeWatchOptions;
  readonly #watch: Watch;
  readonly #watchers = new Map<string, FSWatcher>();
  #paths = new Set<string>();
  #reports = 0;
  #nameless = false;
  #timer: NodeJS.Timeout | undefined;
  #firstMs = 0;

  constructor(options: TreeWatchOptions) {
    this.#options = options;
    this.#watch = options.watch ?? watchDirectory;
  }

  /**
   * Watches a directory, relative to the root; once is enough.
   * @throws {Error} when it is not there, may not be read, or the system's limit of watches is reached.
   */
  add(path: string): void {
    if (this.#watchers.has(path) || (RECURSIVE && path !== '')) return;
    const onChange = (_type: string, name: string | null): void => this.#report(path, name);
    const watcher = this.#watch(join(this.#options.root, path), { recursive: RECURSIVE }, onChange);
    watcher.on('error', (error) => this.#options.listener.onFault(error));
    this.#watchers.set(path, watcher);
  }

  /** Forgets those directories that are no longer there under their name. */
  drop(paths: Iterable<string>): void {
    for (const path of paths) {
      this.#watchers.get(path)?.close();
      this.#watchers.delete(path);
    }
  }

  /** Forgets all directories, and what was not handed on yet. */
  clear(): void {
    this.drop([...this.#watchers.keys()]);
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#paths = new Set();
    this.#reports = 0;
    this.#nameless = false;
  }

  #report(directory: string, name: string | null): void {
    this.#reports += 1;
    // Windows says in this way that its buffer was too small.
    if (name === null) this.#nameless = true;
    else this.#paths.add(join(directory, name).split(sep).join('/'));
    const now = Date.now();
    if (this.#timer === undefined) this.#firstMs = now;
    else clearTimeout(this.#timer);
    const waitMs = Math.max(0, Math.min(PAUSE_MS, this.#firstMs + LONGEST_MS - now));
    this.#timer = setTimeout(() => this.#hand(), waitMs);
  }

  #hand(): void {
    const { listener, largeBatch = LARGE_BATCH } = this.#options;
    const batch = { paths: [...this.#paths], suspect: this.#nameless || this.#reports >= largeBatch };
    this.#timer = undefined;
    this.#paths = new Set();
    this.#reports = 0;
    this.#nameless = false;
    listener.onBatch(batch);
  }
}
