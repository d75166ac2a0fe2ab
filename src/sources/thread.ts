/**
 * The program of the thread in which a file source reads the file system. It reads synchronously, which does not block the event loop of
 * the gateway. The gateway only receives the results, in portions that it requests.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { realDisk } from './disk.ts';
import { chooseEngine } from './engine/choose.ts';
import type { FileQuery } from '../introspection/file-listings.ts';
import type { ListedPage } from './file-list.ts';
import type { SourceItem } from './reporter.ts';
import { TreeSource } from './tree-source.ts';

export interface ThreadData {
  readonly directory: string;
  readonly root: string;
  readonly rootCheckMs: number | undefined;
  readonly hashBytes: number | undefined;
}

export type ToThread =
  | { readonly kind: 'close' }
  | { readonly kind: 'more' }
  | { readonly kind: 'list'; readonly request: number; readonly query: FileQuery };

/**
 * A page of a listing. Pages and changes are sent in one order: a page includes all changes that were sent before it, and none that are
 * sent after it.
 */
export interface PageItem {
  readonly kind: 'page';
  readonly request: number;
  readonly page: ListedPage;
}

export type ThreadItem = SourceItem | PageItem;

export type FromThread =
  | { readonly kind: 'progress'; readonly known: number }
  | { readonly kind: 'ready'; readonly known: number; readonly engine: string }
  | { readonly kind: 'failed'; readonly reason: string; readonly code: unknown }
  | { readonly kind: 'bell'; readonly descriptor: number }
  | { readonly kind: 'items'; readonly items: readonly ThreadItem[]; readonly known: number };

/** Maximum number of items in one message. Receiving this many items takes the gateway a few milliseconds. */
const PORTION = 500;
/** Maximum number of items that may wait for the gateway. If there are more, the waiting reports are dropped and reported as a loss. */
const CAPACITY = 200_000;

/** Items that wait for the gateway, which requests one portion at a time. */
class Portions {
  readonly #send: (items: readonly ThreadItem[]) => void;
  #waiting: ThreadItem[] = [];
  /** Number of portions that the gateway has requested and that were not sent yet. */
  #wanted = 2;
  #isScheduled = false;

  constructor(send: (items: readonly ThreadItem[]) => void) {
    this.#send = send;
  }

  /** Adds a report of the source. If too many items wait, all reports among them are replaced by one loss. */
  add(item: ThreadItem): void {
    if (this.#waiting.length >= CAPACITY)
      this.#waiting = [
        ...this.#waiting.filter(({ kind }) => kind === 'page'),
        {
          kind: 'warning',
          text: `${this.#waiting.length} file changes, the maximum number, were waiting for the gateway. These changes are dropped and reported as a loss.`,
        },
        { kind: 'loss', paths: [''] },
      ];
    this.#push(item);
  }

  /** Adds a page of a listing. It is never dropped. */
  addPage(item: PageItem): void {
    this.#push(item);
  }

  /** Called when the gateway requests one more portion. */
  request(): void {
    this.#wanted += 1;
    this.#flush();
  }

  #push(item: ThreadItem): void {
    this.#waiting.push(item);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => this.#flush());
  }

  #flush(): void {
    this.#isScheduled = false;
    while (this.#wanted > 0 && this.#waiting.length > 0) {
      this.#wanted -= 1;
      const items = this.#waiting.slice(0, PORTION);
      this.#waiting = this.#waiting.slice(PORTION);
      this.#send(items);
    }
  }
}

async function main(): Promise<void> {
  const port = parentPort;
  if (port === null) throw new Error('this module must run in a worker thread');
  const { directory, root, rootCheckMs, hashBytes } = workerData as ThreadData;
  const post = (message: FromThread): void => port.postMessage(message);
  const portions = new Portions((items) => post({ kind: 'items', items, known: source.size }));
  const { engine, bell, wake } = await chooseEngine();
  const source = new TreeSource({
    directory,
    root,
    engine,
    disk: realDisk,
    send: (item) => portions.add(item),
    onProgress: (known) => post({ kind: 'progress', known }),
    ...(rootCheckMs === undefined ? {} : { rootCheckMs }),
    ...(hashBytes === undefined ? {} : { hashBytes }),
  });
  port.on('message', (message: ToThread) => {
    if (message.kind === 'more') {
      portions.request();
    } else if (message.kind === 'list') {
      portions.addPage({ kind: 'page', request: message.request, page: source.list(message.query) });
    } else {
      source.close();
      wake();
    }
  });
  if (bell !== undefined) post({ kind: 'bell', descriptor: bell });
  try {
    source.begin();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    post({ kind: 'failed', reason: error instanceof Error ? error.message : 'unknown error', code });
    engine.close();
    port.close();
    return;
  }
  post({ kind: 'ready', known: source.size, engine: bell === undefined ? 'fs.watch' : 'inotify' });
  await source.run();
  port.close();
}

await main();
