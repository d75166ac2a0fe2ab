/**
 * Publishes every change in a directory while it is watched (EVT-3).
 *
 *     const watched = await watchDirectory(gateway, { directory: '.', onWarning: console.warn });
 *     …
 *     await watched.close();
 *
 * @module tidemark/files
 */
import type { FileChangePayload } from '../../generated/types.ts';
import type { Position } from '../broker/broker.ts';
import type { FilePart, FileQuery, WatchedRoot } from '../introspection/file-pictures.ts';
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
  /** Makes the content of the directory available to clients (FIL-1). Returns a function that ends this. */
  offerFiles(watched: WatchedRoot): () => void;
  health(): { readonly broker: { readonly kind: 'memory' | 'redis' } };
}

export interface WatchOptions {
  readonly directory: string;
  /** The directory's name in events; its last segment by default, never its path on the server. */
  readonly root?: string;
  /** Defaults to `main`. */
  readonly stream?: string;
  /** Changes of files up to this size carry the hash of the content, in bytes; by default none do (FIL-3). */
  readonly hashBytes?: number;
  /** Receives warnings for the operator: directories that cannot be read or watched, and changes that are dropped. */
  readonly onWarning: (text: string) => void;
  /** Called a few times a second while the directory is first read, with the number of files and directories found so far. */
  readonly onProgress?: (known: number) => void;
}

export interface WatchedDirectory {
  /** The directory's name in events. */
  readonly root: string;
  /** Number of files and directories that are known at present. */
  readonly size: number;
  /** Stops watching; changes that still wait for the broker are dropped. */
  close(): Promise<void>;
}

/** @throws {Error} when the directory does not exist or not all of it can be watched. */
export async function watchDirectory(target: FileChangeTarget, options: WatchOptions): Promise<WatchedDirectory> {
  const { directory, root, stream = 'main', hashBytes, onWarning, onProgress } = options;
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
    ...(hashBytes === undefined ? {} : { hashBytes }),
    ...(onProgress === undefined ? {} : { onProgress }),
  });
  await source.start();
  // The stream continues across restarts, and no process watched the directory between two of them (GAP-2).
  if (target.health().broker.kind === 'redis') feed.loss(['']);
  const withdraw = target.offerFiles({
    stream,
    root: source.root,
    list: (query, head) => listPublished({ source, feed }, query, head),
  });
  return {
    root: source.root,
    get size() {
      return source.size;
    },
    close: async () => {
      withdraw();
      await source.close();
      await feed.close();
    },
  };
}

/** Lists a part of the directory, with the position at which everything that the part contains was published. */
function listPublished(
  { source, feed }: { readonly source: FileSource; readonly feed: FileFeed },
  query: FileQuery,
  head: () => Promise<Position>,
): Promise<FilePart> {
  return new Promise((resolve, reject) => {
    source.list(query, (part) => {
      if (part instanceof Error) reject(part);
      else feed.step(() => head().then((position) => resolve({ ...part, position }), reject));
    });
  });
}
