/** Waits for changes of a few named files, for commands with the option `--watch`. */
import { watch } from 'node:fs';
import type { FSWatcher } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';

/** Delay between a change and the next reading of the files, in milliseconds, because editors write a file in several steps. */
const SETTLE_MS = 100;
/** File timestamps lag behind the clock by up to one timer tick, at most 10 ms on Linux. */
const STAMP_LAG_MS = 10;

/**
 * Reports changes of files. A change between two calls of `next` ends the second call at once, so no change is missed. Directories are
 * watched instead of files: if an editor replaces a file by a new file, a watch of the old file would not report this.
 */
export class FileChanges {
  readonly #watchers = new Map<string, FSWatcher>();
  readonly #paths = new Set<string>();
  #settling: NodeJS.Timeout | undefined;
  #settled = Promise.withResolvers<void>();

  /**
   * Watches more files.
   * @param since when the command began to read the files, in milliseconds since the Unix epoch. A file that was modified after this time
   * counts as changed, even if it was not watched yet.
   */
  async follow(files: readonly string[], since: number): Promise<void> {
    const added = files.map((each) => resolve(each)).filter((each) => !this.#paths.has(each));
    for (const path of added) {
      this.#paths.add(path);
      this.#watch(dirname(path));
    }
    for (const path of added) if (await hasChangedSince(path, since)) this.#noteChange();
  }

  /** Resolves once a file has changed and no further change follows within a short delay. */
  async next(): Promise<void> {
    await this.#settled.promise;
    this.#settled = Promise.withResolvers<void>();
  }

  #watch(directory: string): void {
    if (this.#watchers.has(directory)) return;
    const watcher = watch(directory, (_type, name) => {
      if (name !== null && !this.#paths.has(resolve(directory, basename(name)))) return;
      this.#noteChange();
    });
    this.#watchers.set(directory, watcher);
  }

  #noteChange(): void {
    clearTimeout(this.#settling);
    this.#settling = setTimeout(() => this.#settled.resolve(), SETTLE_MS);
  }
}

/** A missing file counts as unchanged, because the watcher will report its creation. */
async function hasChangedSince(path: string, since: number): Promise<boolean> {
  try {
    return (await stat(path)).ctimeMs >= since - STAMP_LAG_MS;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
    throw error;
  }
}
