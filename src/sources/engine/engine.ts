/** Reports that something happened in a directory. The source finds out what. */
import type { ByteString } from '../names.ts';

/** Names a watched directory; the same for two paths to one directory. */
export type WatchId = number;

/**
 * What a report is about: `closed` only says that a file that was open for writing has been closed, `attributes` that the entry's
 * attributes changed, `content` anything else.
 */
export type ReportKind = 'content' | 'attributes' | 'closed';

export interface Reports {
  /** Something happened under a name in a watched directory. */
  onName(watch: WatchId, name: ByteString, kind: ReportKind): void;
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
