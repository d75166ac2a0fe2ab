/**
 * The directories that could not be watched or read. For such a directory, a loss is reported, and reading it is retried. When the
 * directory has been read, a loss is reported again.
 */
import type { Directory } from './directory.ts';
import { isForbidden, reasonOf } from './errors.ts';
import { toDisplay } from './names.ts';
import type { Reporter } from './reporter.ts';

const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 30_000;

export class UnreadDirectories {
  readonly #reporter: Reporter;
  readonly #unread = new Set<Directory>();
  readonly #recovered = new Set<Directory>();

  constructor(reporter: Reporter) {
    this.#reporter = reporter;
  }

  /**
   * Records that a directory cannot be read. Its known entries are kept.
   * @returns whether the directory was readable before, so that a loss must be reported
   */
  add(directory: Directory, error: unknown): boolean {
    directory.failures += 1;
    directory.misses = 0;
    directory.retryAtMs = Date.now() + Math.min(FIRST_RETRY_MS * 2 ** (directory.failures - 1), LONGEST_RETRY_MS);
    directory.state = 'unreadable';
    this.#unread.add(directory);
    if (directory.failures > 1) return false;
    const reason = isForbidden(error) ? '' : ` (${reasonOf(error)})`;
    this.#reporter.warn(`${displayName(directory)} cannot be read and is not watched${reason}; retrying.`);
    return true;
  }

  /** Records that a directory was read. */
  remove(directory: Directory): void {
    if (directory.failures > 0) {
      this.#reporter.warn(`${displayName(directory)} is watched again.`);
      this.reportLossWhenRead(directory);
    }
    directory.state = 'watched';
    directory.failures = 0;
    directory.misses = 0;
    this.#unread.delete(directory);
  }

  /** Stops retrying to read the directory. */
  forget(directory: Directory): void {
    this.#unread.delete(directory);
  }

  /** The directories whose retry is due. */
  due(nowMs: number): readonly Directory[] {
    return [...this.#unread].filter((each) => each.retryAtMs <= nowMs);
  }

  /**
   * Requests a report of a loss in this directory, after all waiting directories have been read. It is needed even if a loss was reported
   * when the directory could not be read. After that first report, a subscriber may have seen an entry that was deleted before this source
   * could read the directory.
   */
  reportLossWhenRead(directory: Directory): void {
    this.#recovered.add(directory);
  }

  /**
   * Must be called when a directory is moved or removed. If the report of a loss after its reading is still due, a loss in the previous
   * parent is reported instead. A subscriber may have seen entries that this source never knew, so no event reports that these entries are
   * gone.
   */
  reportLossAbove(directory: Directory, parent: Directory | undefined): void {
    const isUnread = this.#recovered.delete(directory) || directory.failures > 0;
    if (isUnread && parent !== undefined) this.reportLossWhenRead(parent);
  }

  /** Removes and returns the directories for which {@link UnreadDirectories.reportLossWhenRead} has requested a report. */
  takeRecovered(): readonly Directory[] {
    const recovered = [...this.#recovered];
    this.#recovered.clear();
    return recovered;
  }
}

/** The name of a directory in warnings. */
export function displayName(directory: Directory): string {
  return directory.parent === undefined ? 'The watched directory' : toDisplay(directory.path).slice(1, -1);
}
