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
import type { ListingPage, FileQuery, WatchedRoot } from '../introspection/file-listings.ts';
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
  /** Lets clients list the content of the directory (FIL-1). @returns a function that ends this */
  offerFiles(watched: WatchedRoot): () => void;
  health(): { readonly broker: { readonly kind: 'memory' | 'redis' } };
}

export interface WatchOptions {
  readonly directory: string;
  /** The name of the directory in events. By default, it is the last segment of the path; the full path on the server is never used. */
  readonly root?: string;
  /** The stream to publish to; by default `main`. */
  readonly stream?: string;
  /** Changes of files up to this size in bytes include the hash of the content (FIL-3); by default no file is hashed. */
  readonly hashBytes?: number;
  /** Receives warnings for the operator, for example about directories that cannot be watched or changes that were dropped. */
  readonly onWarning: (text: string) => void;
  /** Called a few times per second during the first reading of the directory, with the number of files and directories found so far. */
  readonly onProgress?: (known: number) => void;
}

export interface WatchedDirectory {
  /** The name of the directory in events. */
  readonly root: string;
  /** Number of files and directories that are currently known. */
  readonly size: number;
  /** Stops watching. Changes that still wait for the broker are dropped. */
  close(): Promise<void>;
}

/**
 * Starts to publish every change in a directory as `file_change`, to report changes that may have been lost, and to let clients list the
 * content of the directory (FIL-1). Resolves when the directory has been read for the first time. @throws {Error} if the directory does
 * not exist or cannot be watched
 */
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
  // With Redis, the stream continues after a restart of the gateway. The gateway did not watch the directory while it was stopped, so it
  // may have missed changes (GAP-2).
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

/** Returns one page of a listing. Its position is the head of the stream after all changes in the page were published. */
function listPublished(
  { source, feed }: { readonly source: FileSource; readonly feed: FileFeed },
  query: FileQuery,
  head: () => Promise<Position>,
): Promise<ListingPage> {
  return new Promise((resolve, reject) => {
    source.list(query, (page) => {
      if (page instanceof Error) reject(page);
      else feed.step(async () => ({ ...page, position: await head() })).then(resolve, reject);
    });
  });
}
