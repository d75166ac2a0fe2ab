/**
 * Publishes what changes in a directory, for as long as it is watched (EVT-3).
 *
 *     const watched = await watchDirectory(gateway, { directory: '.', onWarning: console.warn });
 *     …
 *     await watched.close();
 *
 * @module tidemark/files
 */
import type { FileChangePayload } from '../../generated/types.ts';
import { FileFeed } from './file-feed.ts';
import { FileSource } from './file-source.ts';

/** The part of a gateway that a source needs. */
export interface FileChangeTarget {
  publish(
    event: 'file_change',
    payload: FileChangePayload,
    options: { readonly stream: string; readonly source: string; readonly idempotencyKey: string },
  ): Promise<unknown>;
  announceLoss(loss: { readonly stream: string; readonly paths: readonly string[] }): Promise<void>;
  health(): { readonly broker: { readonly kind: 'memory' | 'redis' } };
}

export interface WatchOptions {
  readonly directory: string;
  /** The name that events carry for the directory; its last segment by default, never its place on the server. */
  readonly root?: string;
  /** Defaults to `main`. */
  readonly stream?: string;
  /** Takes what an operator should know: what cannot be read or watched, and what is given up. */
  readonly onWarning: (text: string) => void;
  /** Called a few times a second while the directory is first read, with the number of files and directories found so far. */
  readonly onProgress?: (known: number) => void;
}

export interface WatchedDirectory {
  /** The name that events carry for the directory. */
  readonly root: string;
  /** Files and directories known at the moment. */
  readonly size: number;
  /** Ends it; changes that still wait for the broker are given up. */
  close(): Promise<void>;
}

/** @throws {Error} when the directory is not there or not all of it can be watched. */
export async function watchDirectory(target: FileChangeTarget, options: WatchOptions): Promise<WatchedDirectory> {
  const { directory, root, stream = 'main', onWarning, onProgress } = options;
  const feed = new FileFeed({
    target: {
      publish: (change, idempotencyKey) =>
        target.publish('file_change', change, { stream, source: 'files', idempotencyKey }),
      announceLoss: (paths) => target.announceLoss({ stream, paths }),
    },
    warn: onWarning,
  });
  const source = new FileSource({
    directory,
    listener: feed,
    ready: () => feed.ready(),
    ...(root === undefined ? {} : { root }),
    ...(onProgress === undefined ? {} : { onProgress }),
  });
  await source.start();
  // The stream outlives this process, and nobody has watched since the last one ended (GAP-2).
  if (target.health().broker.kind === 'redis') feed.loss(['']);
  return {
    root: source.root,
    get size() {
      return source.size;
    },
    close: async () => {
      await source.close();
      await feed.close();
    },
  };
}
