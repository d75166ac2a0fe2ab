/**
 * Lists the content of the directories that any node watches (FIL-1, FIL-2). Only the node that watches a root knows its content. If
 * another node receives the request, that node asks all others through the broker.
 */
import type { ErrorData, FileEntry, FilesPage, FilesRequest } from '../../generated/types.ts';
import type { Broker, Position } from '../broker/broker.ts';
import { BROKER_RETRY_MS } from '../broker/broker.ts';
import { FILE_EVENT } from '../catalogue/catalogue.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import { ProtocolError } from '../errors.ts';
import { normaliseFilter } from '../subscriptions/filter.ts';
import type { FilterLimits } from '../subscriptions/filter.ts';
import { errorData } from '../wire/codec.ts';
import { readFileCursor, writeFileCursor } from './file-cursor.ts';
import type { FileCursor } from './file-cursor.ts';

/** Which entries of a root to list. */
export interface FileQuery {
  /** Normalised patterns. */
  readonly paths?: readonly string[];
  readonly extensions?: readonly string[];
  readonly limit: number;
  /** The value of `next` in the previous page. */
  readonly after?: string;
}

/** One page of a listing of a root, as the file source returns it. */
export interface ListingPage {
  readonly entries: readonly FileEntry[];
  /** Directories that may contain more entries than are listed, because they could not be read. */
  readonly unread: readonly string[];
  /** Where the next page begins; undefined if this is the last page. Only the file source interprets it. */
  readonly next: string | undefined;
  /** The page includes every change of the root that was published up to this position, and no later change. */
  readonly position: Position;
}

/** A directory that this node watches. */
export interface WatchedRoot {
  readonly stream: string;
  readonly root: string;
  /** @param head returns the newest position of the stream. Must be called only when all changes that the page includes are published. */
  readonly list: (query: FileQuery, head: () => Promise<Position>) => Promise<ListingPage>;
}

export interface FileListingsOptions {
  readonly nodeId: string;
  readonly broker: Pick<Broker, 'askNodes' | 'attach' | 'detach' | 'sync' | 'snapshot'>;
  readonly limits: FilterLimits;
  readonly catalogue: Catalogue;
}

/** A question to the other nodes. With a root, it requests a page. Without a root, it only requests the names of the watched roots. */
interface Question {
  readonly ask: 'files';
  readonly request: FilesRequest & { readonly stream: string };
}

interface Answer {
  /** The roots that the answering node watches on this stream. */
  readonly roots: readonly string[];
  readonly page?: FilesPage;
  readonly error?: ErrorData;
}

const DEFAULT_LIMIT = 1000;
/**
 * The maximum number of requests that may wait for the listing of one root. The thread that lists directories also reads changes, so many
 * listings would delay the events.
 */
const MOST_WAITING = 16;
const BUSY_RETRY_MS = 500;
/** How long a listing waits until the changes that it includes are published, in milliseconds. */
const PUBLISHED_WITHIN_MS = 10_000;

export class FileListings {
  readonly #options: FileListingsOptions;
  readonly #roots = new Set<WatchedRoot>();
  readonly #waiting = new Map<WatchedRoot, number>();
  /** The streams of watched roots that this node has attached, in order to receive their newest position. */
  readonly #attached = new Map<string, Promise<void>>();

  constructor(options: FileListingsOptions) {
    this.#options = options;
  }

  /** Adds a root. @returns a function that removes it again */
  add(root: WatchedRoot): () => void {
    this.#roots.add(root);
    return () => {
      this.#roots.delete(root);
      if (this.#rootsOf(root.stream).length > 0 || !this.#attached.delete(root.stream)) return;
      this.#options.broker.detach(root.stream);
    };
  }

  /**
   * Returns one page, which comes from this node or from another one.
   * @throws {ProtocolError} `not_watched`, `filter_invalid`, `limit_exceeded`, `invalid_message`, `rate_limited` or `broker_unavailable`
   */
  async page(request: FilesRequest): Promise<FilesPage> {
    const { stream = 'main' } = request;
    const cursor = request.cursor === undefined ? undefined : readFileCursor(request.cursor);
    // Check the filter before any node is asked, even if another node watches the root.
    this.#filterOf(request);
    const root = request.root ?? (await this.#onlyRoot(stream));
    const own = this.#find(stream, root, cursor);
    return own === undefined
      ? this.#pageElsewhere({ ...request, stream, root }, cursor)
      : this.#list(own, request, cursor);
  }

  /** Answers the question of another node. @returns undefined if the question does not concern files */
  answer(text: string): Promise<string> | undefined {
    const { ask, request } = JSON.parse(text) as Partial<Question>;
    return ask !== 'files' || request === undefined
      ? undefined
      : this.#answer(request).then((each) => JSON.stringify(each));
  }

  async #answer(request: Question['request']): Promise<Answer> {
    const roots = this.#rootsOf(request.stream);
    try {
      const cursor = request.cursor === undefined ? undefined : readFileCursor(request.cursor);
      const own = request.root === undefined ? undefined : this.#find(request.stream, request.root, cursor);
      return own === undefined ? { roots } : { roots, page: await this.#list(own, request, cursor) };
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      return { roots, error: errorData(error) };
    }
  }

  #rootsOf(stream: string): readonly string[] {
    return [...this.#roots].filter((each) => each.stream === stream).map(({ root }) => root);
  }

  /** The watched root with this name. Undefined if this node does not watch it, or if another node created the cursor. */
  #find(stream: string, root: string, cursor: FileCursor | undefined): WatchedRoot | undefined {
    if (cursor !== undefined && cursor.nodeId !== this.#options.nodeId) return undefined;
    return [...this.#roots].find((each) => each.stream === stream && each.root === root);
  }

  async #ask(request: Question['request']): Promise<{ answers: readonly Answer[]; missing: readonly string[] }> {
    const question: Question = { ask: 'files', request };
    const { answers, missing } = await this.#options.broker.askNodes(JSON.stringify(question));
    return { answers: answers.map(({ answer }) => JSON.parse(answer) as Answer), missing };
  }

  async #onlyRoot(stream: string): Promise<string> {
    const { answers, missing } = await this.#ask({ stream });
    const roots = [...new Set([...this.#rootsOf(stream), ...answers.flatMap((each) => each.roots)])].toSorted();
    if (missing.length > 0) throw unanswered(missing);
    const [root] = roots;
    if (root === undefined || roots.length > 1) throw notWatched(undefined, roots);
    return root;
  }

  async #pageElsewhere(
    request: Question['request'] & { readonly root: string },
    cursor: FileCursor | undefined,
  ): Promise<FilesPage> {
    const { answers, missing } = await this.#ask(request);
    for (const { page, error } of answers) {
      if (page !== undefined) return page;
      if (error !== undefined) throw new ProtocolError(error.code, error.message, error);
    }
    if (missing.length > 0) throw unanswered(missing);
    if (cursor !== undefined) throw staleCursor();
    const roots = [...this.#rootsOf(request.stream), ...answers.flatMap((each) => each.roots)];
    throw notWatched(request.root, [...new Set(roots)].toSorted());
  }

  async #list(watched: WatchedRoot, request: FilesRequest, cursor: FileCursor | undefined): Promise<FilesPage> {
    const { nodeId } = this.#options;
    const { stream, root } = watched;
    const query: FileQuery = {
      ...this.#filterOf(request),
      limit: request.limit ?? DEFAULT_LIMIT,
      ...(cursor === undefined ? {} : { after: cursor.after }),
    };
    const { entries, unread, next, position } = await inTime(this.#collect(watched, query));
    const resumeAfter = cursor?.resumeAfter ?? position;
    // If the first page belongs to an earlier epoch, a client can no longer resume from the position of that page. The client must request
    // the first page again.
    if (resumeAfter.epoch !== position.epoch) throw staleCursor();
    const nextCursor = next === undefined ? {} : { nextCursor: writeFileCursor({ nodeId, after: next, resumeAfter }) };
    return { stream, root, nodeId, position, resumeAfter, entries, unread, ...nextCursor };
  }

  /**
   * Requests one page from the source. A page counts as waiting until the source has answered, even if the client no longer waits for it,
   * because the source keeps it until then.
   */
  async #collect(watched: WatchedRoot, query: FileQuery): Promise<ListingPage> {
    const waiting = this.#waiting.get(watched) ?? 0;
    if (waiting >= MOST_WAITING)
      throw new ProtocolError('rate_limited', 'Too many requests for this directory are waiting; retry later.', {
        retryAfterMs: BUSY_RETRY_MS,
      });
    this.#waiting.set(watched, waiting + 1);
    try {
      return await watched.list(query, () => this.#headOf(watched.stream));
    } finally {
      const left = (this.#waiting.get(watched) ?? 1) - 1;
      if (left > 0) this.#waiting.set(watched, left);
      else this.#waiting.delete(watched);
    }
  }

  #filterOf({ filter = {} }: FilesRequest): Pick<FileQuery, 'paths' | 'extensions'> {
    const { limits, catalogue } = this.#options;
    return normaliseFilter({ events: [FILE_EVENT], filter: { ...filter }, limits, catalogue, pointer: '/filter' });
  }

  /** The newest position of a stream. Before it is returned, this node receives all events that were published before the call. */
  async #headOf(stream: string): Promise<Position> {
    const { broker } = this.#options;
    let attached = this.#attached.get(stream);
    if (attached === undefined) {
      attached = broker.attach(stream);
      this.#attached.set(stream, attached);
      attached.catch(() => this.#attached.delete(stream));
    }
    await attached;
    await broker.sync(stream);
    return broker.snapshot(stream).head;
  }
}

function notWatched(root: string | undefined, roots: readonly string[]): ProtocolError {
  const watched =
    roots.length === 0 ? 'No directory is watched on this stream' : `The watched roots are ${roots.join(', ')}`;
  const text =
    root === undefined
      ? `${watched}; ${roots.length === 0 ? 'choose another `stream`' : 'set `root` to one of them'}.`
      : `No node watches ${JSON.stringify(root)}. ${watched}.`;
  return new ProtocolError('not_watched', text, { pointer: '/root', details: { roots } });
}

function unanswered(missingNodes: readonly string[]): ProtocolError {
  return new ProtocolError('broker_unavailable', 'A node that may watch this directory did not answer; retry later.', {
    retryAfterMs: BROKER_RETRY_MS,
    details: { missingNodes },
  });
}

function staleCursor(): ProtocolError {
  return new ProtocolError('invalid_message', 'This cursor is no longer valid; request the first page again.', {
    pointer: '/cursor',
  });
}

async function inTime(listing: Promise<ListingPage>): Promise<ListingPage> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    const text = 'The latest changes of this directory are not published yet; retry later.';
    const error = new ProtocolError('broker_unavailable', text, { retryAfterMs: BROKER_RETRY_MS });
    timer = setTimeout(() => reject(error), PUBLISHED_WITHIN_MS);
  });
  try {
    return await Promise.race([listing, late]);
  } finally {
    clearTimeout(timer);
  }
}
