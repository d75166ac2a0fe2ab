/** Reports that something happened in a directory. The source determines the change. */
import type { ByteString } from '../names.ts';

/** Names a watched directory; the same for two paths to one directory. */
export type WatchId = number;

/**
 * The kind of a report: `closed` means only that a file which was open for writing was closed, `attributes` that the entry's
 * attributes changed, `content` any other change.
 */
export type ReportKind = 'content' | 'attributes' | 'closed';

/** One half of a rename within the watched directories: both halves have the same cookie. */
export interface Move {
  readonly cookie: number;
  readonly half: 'from' | 'to';
}

export interface Reports {
  /** Something happened to a name in a watched directory. */
  onName(watch: WatchId, name: ByteString, kind: ReportKind, move?: Move): void;
  /** A path below the root, from a watch that covers the whole tree. */
  onPath(path: ByteString): void;
  /** The watch has ended: its directory is gone, was unmounted, or the system gave the watch up. */
  onEnd(watch: WatchId): void;
  /** Reports were lost, and it is unknown which. */
  onOverflow(): void;
}

export interface Engine {
  /** Whether the watch of the root covers the whole tree, so that other directories need none. */
  readonly coversTree: boolean;
  /** @throws {Error} with the `code` of the system error */
  add(path: ByteString): WatchId;
  remove(watch: WatchId): void;
  /** Passes on the waiting reports, without waiting for more. Returns whether there were any. */
  drain(reports: Reports): boolean;
  /** Waits for a report, for {@link Engine.wake}, or for the time to pass. */
  wait(timeoutMs: number): Promise<void>;
  close(): void;
}
