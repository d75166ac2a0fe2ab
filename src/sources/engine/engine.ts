/**
 * The interface to the change reports of the operating system. A report only names an entry to which something happened. The source
 * determines what has changed.
 */
import type { ByteString } from '../names.ts';

/** Identifies the watch of a directory. If a directory is watched under two paths, both have the same id. */
export type WatchId = number;

/**
 * The kind of a report. `name`: the name now refers to another file or to none, because an entry was deleted or renamed. `closed`: a file
 * that was open for writing was closed. `attributes`: the attributes of the entry changed. `content`: any other change.
 */
export type ReportKind = 'name' | 'content' | 'attributes' | 'closed';

/** Marks a report as one half of a rename within the watched directories. Both halves have the same cookie. */
export interface Move {
  readonly cookie: number;
  readonly half: 'from' | 'to';
}

export interface Reports {
  /** Something happened to the entry `name` of a watched directory. */
  onName(watch: WatchId, name: ByteString, kind: ReportKind, move?: Move): void;
  /** Something happened to the entry at a path below the root. Called instead of `onName` if one watch covers the whole tree. */
  onPath(path: ByteString, kind: ReportKind): void;
  /** The watched directory itself was moved to another path. */
  onMoved(watch: WatchId): void;
  /** The watch has ended, because its directory was deleted or unmounted, or because the system removed the watch. */
  onEnd(watch: WatchId): void;
  /** Reports were lost, and it is unknown which ones. */
  onOverflow(): void;
}

export interface Engine {
  /** Whether the watch of the root covers the whole tree. If it does, other directories need no watch. */
  readonly coversTree: boolean;
  /**
   * Watches the directory at a path. @returns the existing watch if the engine knows that this directory is already watched
   * @throws {Error} with the `code` of the system error
   */
  add(path: ByteString): WatchId;
  /**
   * Watches the directory at a path only for moves of this directory itself ({@link Reports.onMoved}). @returns undefined if the engine
   * cannot do this
   */
  addGuard(path: ByteString): WatchId | undefined;
  remove(watch: WatchId): void;
  /** Passes the reports that have arrived to `reports`, without waiting for more. @returns whether there were any */
  drain(reports: Reports): boolean;
  /** Waits until a report arrives, the wait is ended from outside (`ChosenEngine`), or the time has passed. */
  wait(timeoutMs: number): Promise<void>;
  close(): void;
}
