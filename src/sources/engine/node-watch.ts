/**
 * An engine that uses `fs.watch` of Node, for machines on which inotify cannot be called. On macOS and Windows, one recursive watch of the
 * root covers the tree; elsewhere, each directory has a watch. `fs.watch` does not report an overflow of the system's queue. Therefore,
 * many reports at once are treated as an overflow.
 */
import { watch as watchDirectory } from 'node:fs';
import type { FSWatcher } from 'node:fs';
import { sep } from 'node:path';
import { toBuffer, toText } from '../names.ts';
import type { ByteString } from '../names.ts';
import type { Engine, Reports, WatchId } from './engine.ts';

/**
 * If this many reports arrive between two drains, some may have been lost. The number is a quarter of the default length of the queue of
 * Linux.
 */
const LARGE_BATCH = 4_096;

type Report = (reports: Reports) => void;

export class NodeWatchEngine implements Engine {
  readonly coversTree: boolean;
  readonly #watchers = new Map<WatchId, FSWatcher>();
  #waiting: Report[] = [];
  #wake: (() => void) | undefined;
  #nextId = 1;

  constructor(platform: NodeJS.Platform = process.platform) {
    this.coversTree = platform === 'darwin' || platform === 'win32';
  }

  add(path: ByteString): WatchId {
    const watch = this.#nextId;
    const options = { recursive: this.coversTree, encoding: 'latin1' } as const;
    // A recursive watch does not accept a path as bytes.
    const place = this.coversTree ? (toText(path) ?? path) : toBuffer(path);
    const watcher = watchDirectory(place, options, (type, name) => {
      // Without a recursive watch, any report except a rename may mean a change of attributes, so it is treated as such a change.
      const kind = type === 'rename' ? 'name' : this.coversTree ? 'content' : 'attributes';
      // On Windows, a change without a name means that the buffer has overflowed.
      if (name === null) this.#take((reports) => reports.onOverflow());
      else if (this.coversTree) this.#take((reports) => reports.onPath(name.split(sep).join('/'), kind));
      else this.#take((reports) => reports.onName(watch, name, kind));
    });
    watcher.on('error', () => this.#take((reports) => reports.onEnd(watch)));
    this.#nextId += 1;
    this.#watchers.set(watch, watcher);
    return watch;
  }

  /** Returns undefined, because `fs.watch` does not report that the watched directory itself was moved. */
  addGuard(): undefined {
    return undefined;
  }

  remove(watch: WatchId): void {
    this.#watchers.get(watch)?.close();
    this.#watchers.delete(watch);
  }

  drain(reports: Reports): boolean {
    const taken = this.#waiting;
    this.#waiting = [];
    for (const report of taken) report(reports);
    if (taken.length >= LARGE_BATCH) reports.onOverflow();
    return taken.length > 0;
  }

  async wait(timeoutMs: number): Promise<void> {
    if (this.#waiting.length > 0) return new Promise((resolve) => setImmediate(resolve));
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = undefined;
  }

  /** Ends a wait. */
  wake(): void {
    this.#wake?.();
  }

  close(): void {
    for (const watch of [...this.#watchers.keys()]) this.remove(watch);
  }

  #take(report: Report): void {
    this.#waiting.push(report);
    this.#wake?.();
  }
}
