/**
 * The part of a file source that runs in the thread of the gateway. It starts the thread that reads the file system, and receives the
 * changes from that thread.
 */
import { closeSync, writeSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { FileChangePayload } from '../../generated/types.ts';
import { BROKER_RETRY_MS } from '../broker/broker.ts';
import { ProtocolError } from '../errors.ts';
import type { FileQuery } from '../introspection/file-listings.ts';
import type { ListedPage } from './file-list.ts';
import type { FromThread, ThreadData, ThreadItem, ToThread } from './thread.ts';

/** Receives the reports of a file source. */
export interface FileSourceListener {
  publish(payload: FileChangePayload): void;
  /** Called when changes may have been missed. `paths` are the directories to read again, relative to the root; `''` is the root itself. */
  loss(paths: readonly string[]): void;
  warning(text: string): void;
}

export interface FileSourceOptions {
  readonly directory: string;
  /**
   * The name of the root in events. By default, it is the last segment of the directory's path; the full path on the server is never used.
   */
  readonly root?: string;
  readonly listener: FileSourceListener;
  /** Called every 250 ms while the directory is read, with the number of entries known so far. */
  readonly onProgress?: (known: number) => void;
  /** Interval between checks of the root, in milliseconds. */
  readonly rootCheckMs?: number;
  /** Files up to this size in bytes are hashed; by default none. */
  readonly hashBytes?: number;
  /**
   * Resolves when the listener can handle more changes. The source waits for it before it requests each portion of changes from the thread.
   */
  readonly ready?: () => Promise<void>;
}

/**
 * How long `close` waits for the thread to end, in milliseconds. A thread that takes longer hangs in a file system call, and is abandoned.
 */
const CLOSE_MS = 2_000;
const RESTART_MS = 1_000;
const RING = Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]);

/** The reply to a listing that waits when the gateway ends. */
export function stoppedWatching(): ProtocolError {
  const text = 'The gateway stopped watching this directory before the listing was complete; retry later.';
  return new ProtocolError('broker_unavailable', text, { retryAfterMs: BROKER_RETRY_MS });
}

export class FileSource {
  readonly #options: FileSourceOptions;
  readonly #root: string;
  #worker: Worker | undefined;
  #exited: Promise<unknown> = Promise.resolve();
  /** A file descriptor. Writing to it wakes the thread while the thread waits for reports of the system, so that it reads its messages. */
  #bell: number | undefined;
  #size = 0;
  readonly #pages = new Map<number, (page: ListedPage | Error) => void>();
  #requests = 0;
  #closed = false;
  #restart: NodeJS.Timeout | undefined;

  constructor(options: FileSourceOptions) {
    this.#options = options;
    this.#root = options.root ?? (basename(resolve(options.directory)) || 'root');
  }

  /** Number of files and directories that are currently known. */
  get size(): number {
    return this.#size;
  }

  /** The name of the root in events. */
  get root(): string {
    return this.#root;
  }

  /**
   * Requests one page of a listing of the directory. Calls `receive` with the page after all changes that the page includes were delivered,
   * and before any change that it does not include. If the thread is not running, or ends, or the source is closed, calls `receive` with
   * an error.
   */
  list(query: FileQuery, receive: (page: ListedPage | Error) => void): void {
    if (this.#closed) return receive(stoppedWatching());
    if (this.#worker === undefined) return receive(new Error('the file source is not running'));
    this.#requests += 1;
    this.#pages.set(this.#requests, receive);
    this.#send({ kind: 'list', request: this.#requests, query });
  }

  /** Starts to watch. @throws {Error} if the directory does not exist or cannot be watched. */
  start(): Promise<void> {
    const { directory, rootCheckMs, hashBytes } = this.#options;
    const workerData: ThreadData = { directory: resolve(directory), root: this.#root, rootCheckMs, hashBytes };
    // In a clone, the TypeScript sources run directly; in a package, they are compiled.
    const module = new URL(import.meta.url.endsWith('.ts') ? './thread.ts' : './thread.js', import.meta.url);
    const worker = new Worker(module, { workerData, execArgv: [] });
    this.#worker = worker;
    return new Promise((ready, failed) => {
      this.#exited = new Promise((resolved) => {
        worker.once('exit', () => {
          // The descriptor is closed only here, and not in the thread. Otherwise, its number could be reused for another file before this
          // thread writes to it.
          if (this.#bell !== undefined) closeSync(this.#bell);
          this.#bell = undefined;
          this.#worker = undefined;
          this.#failPages(new Error('the thread of the file source ended'));
          failed(new Error('the thread of the file source ended'));
          resolved(undefined);
        });
      });
      let running = false;
      worker.on('message', (message: FromThread) => {
        if (message.kind === 'ready') {
          running = true;
          this.#size = message.known;
          ready();
        } else if (message.kind === 'failed') {
          failed(Object.assign(new Error(message.reason), { code: message.code }));
        } else {
          this.#take(message);
        }
      });
      worker.on('error', (error: Error) => {
        failed(error);
        if (running) this.#recover(error);
      });
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#restart);
    this.#failPages(stoppedWatching());
    const worker = this.#worker;
    if (worker === undefined) return;
    this.#send({ kind: 'close' });
    let timer: NodeJS.Timeout | undefined;
    const timeOut = new Promise<void>((passed) => {
      timer = setTimeout(passed, CLOSE_MS);
    });
    await Promise.race([this.#exited, timeOut]);
    clearTimeout(timer);
    if (this.#worker === undefined) return;
    // A thread that hangs in a system call does not end. Therefore its end is not awaited, and it does not keep the process running.
    worker.unref();
    void worker.terminate();
  }

  #take(message: FromThread): void {
    if (this.#closed) return;
    if (message.kind === 'bell') this.#bell = message.descriptor;
    if (message.kind === 'progress') this.#options.onProgress?.(message.known);
    if (message.kind !== 'items') return;
    this.#size = message.known;
    for (const item of message.items) this.#hand(item);
    void this.#askForMore();
  }

  async #askForMore(): Promise<void> {
    await this.#options.ready?.();
    this.#send({ kind: 'more' });
  }

  #hand(item: ThreadItem): void {
    const { listener } = this.#options;
    if (item.kind === 'page') {
      this.#pages.get(item.request)?.(item.page);
      this.#pages.delete(item.request);
    } else if (item.kind === 'change') listener.publish(item.change);
    else if (item.kind === 'loss') listener.loss(item.paths);
    else listener.warning(item.text);
  }

  #failPages(error: Error): void {
    for (const receive of this.#pages.values()) receive(error);
    this.#pages.clear();
  }

  #send(message: ToThread): void {
    this.#worker?.postMessage(message);
    if (this.#worker !== undefined && this.#bell !== undefined) writeSync(this.#bell, RING);
  }

  /** Restarts the thread after an unexpected error has ended it. Changes in between may be missed, so a loss is reported (GAP-2). */
  #recover(error: Error): void {
    if (this.#closed) return;
    const { listener } = this.#options;
    listener.warning(
      `The file watcher failed and is restarted: ${error.message.replaceAll(resolve(this.#options.directory), '.')}`,
    );
    listener.loss(['']);
    this.#restart = setTimeout(() => {
      this.start().then(
        () => listener.loss(['']),
        (again: unknown) => this.#recover(again instanceof Error ? again : new Error('unknown error')),
      );
    }, RESTART_MS);
    this.#restart.unref();
  }
}
