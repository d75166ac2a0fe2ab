/** Reads past events from a gateway: at most a given number of events after a bookmark. */
import { isGap } from '../../generated/client.ts';
import type { Position, TidemarkClient, TidemarkEvent, TidemarkGap } from '../../generated/client.ts';
import type { SubscriptionFilter } from '../../generated/types.ts';
import { isInRest, bookmarkAfter, pictureEndOf, pictureOf, replayAfter, startOf } from './bookmark.ts';
import type { Bookmark } from './bookmark.ts';

/** Which events of which stream a reader wants. */
export interface Selection {
  readonly stream: string;
  /** Names or patterns (SUB-1). */
  readonly events: readonly string[];
  readonly filter: SubscriptionFilter | undefined;
}

export interface PageRequest extends Selection {
  /** The bookmark after which to read. Undefined to read no events, but only the current position. */
  readonly after: Bookmark | undefined;
  /** The maximum number of events to return. */
  readonly limit: number;
  /** Events before this time, in milliseconds since the Unix epoch, are left out. */
  readonly notBefore?: number;
  readonly signal: AbortSignal;
}

export interface Page {
  readonly events: readonly TidemarkEvent[];
  /** The bookmark after which the next page begins. */
  readonly bookmark: Bookmark;
  /**
   * Whether events after the given bookmark are missing: because they were lost, are no longer in the history, or are before `notBefore`.
   */
  readonly truncated: boolean;
  readonly hasMore: boolean;
}

/**
 * Reads the page of events after a bookmark. In two cases, reading cannot continue directly after the bookmark:
 *
 * - The stream has a new epoch. The page starts at the first event of that epoch. Unread events of the old epoch are lost.
 * - The history no longer has the position. The page starts with a warm replay, as after a failed resume (RPL-4).
 *
 * If the page is full before the warm replay is complete, the bookmark of the page records this. The next pages then contain the rest of
 * the warm replay, followed by every event that was published since the warm replay began.
 * @throws {TidemarkError} if the gateway refuses the subscription; {ConnectionError} if the connection is lost for good; the reason of the
 * signal, if it is aborted
 */
export async function readPage(client: TidemarkClient, request: PageRequest): Promise<Page> {
  const { after, limit } = request;
  const first = await readOnce(client, request);
  if (after === undefined) return first.page;
  if (first.epoch !== after.position.epoch) {
    const again = await readPage(client, { ...request, after: startOf(first.epoch) });
    return { ...again, truncated: true };
  }
  if (after.pictureHead === undefined || first.page.hasMore) return first.page;
  const { events, truncated } = first.page;
  const rest = { ...request, after: pictureEndOf(after), limit: limit - events.length };
  const next = await readPage(client, rest);
  return { ...next, events: [...events, ...next.events], truncated: truncated || next.truncated };
}

/**
 * Reads the events at the newest `limit` positions of the stream. The page is `truncated` if the history no longer has all of these
 * positions.
 * @throws the errors of {@link readPage}
 */
export async function readNewest(client: TidemarkClient, request: Omit<PageRequest, 'after'>): Promise<Page> {
  const { bookmark } = await readPage(client, { ...request, after: undefined });
  const { epoch, sequenceId: head } = bookmark.position;
  const wanted = Math.max(0, head - request.limit);
  let found: Page = { events: [], bookmark, truncated: head > wanted, hasMore: false };
  // Search for the oldest position from which a resume succeeds. It is between `low` and `high`. Only an attempt shows whether a resume
  // from a position succeeds.
  let [low, high] = [wanted, head];
  while (low < high) {
    const sequenceId = low === wanted ? wanted : Math.floor((low + high) / 2);
    const { page, isRecovered } = await readOnce(client, { ...request, after: { position: { epoch, sequenceId } } });
    if (isRecovered) {
      found = { ...page, truncated: page.truncated || sequenceId > wanted };
      high = sequenceId;
    } else low = sequenceId + 1;
  }
  return found;
}

interface Read {
  readonly page: Page;
  /** The epoch of the stream. If the bookmark is of another epoch, the page is empty. */
  readonly epoch: string;
  /** False if a resume was attempted and failed. */
  readonly isRecovered: boolean;
}

async function readOnce(client: TidemarkClient, request: PageRequest): Promise<Read> {
  const { stream, events, filter, after, signal } = request;
  const collected = new Collected(request);
  const subscription = client.subscribe({
    stream,
    events,
    ...(filter === undefined ? {} : { filter }),
    gaps: 'inline',
    replay: replayAfter(after),
    signal,
    onItem: (item) => collected.add(item),
  });
  try {
    const { position, recovery } = await subscription.ready;
    const isRecovered = !recovery.attempted || recovery.recovered;
    const isElsewhere = after !== undefined && position.epoch !== after.position.epoch;
    const summary = isElsewhere ? undefined : await Promise.race([subscription.caughtUp, collected.full]);
    const from = isRecovered ? (after ?? { position }) : pictureOf(position);
    const page = collected.page({ from, end: summary?.position ?? position });
    const isCut = !isRecovered || (after?.pictureHead !== undefined && summary?.truncated === true);
    return { page: isCut ? { ...page, truncated: true } : page, epoch: position.epoch, isRecovered };
  } finally {
    void subscription.unsubscribe();
    subscription.caughtUp.catch(() => undefined);
  }
}

class Collected {
  readonly #request: PageRequest;
  readonly #full = Promise.withResolvers<undefined>();
  readonly #events: TidemarkEvent[] = [];
  #isIncomplete = false;

  constructor(request: PageRequest) {
    this.#request = request;
  }

  /** Resolves when more events have arrived than fit on the page. */
  get full(): Promise<undefined> {
    return this.#full.promise;
  }

  add(item: TidemarkEvent | TidemarkGap): void {
    const { after, limit, notBefore = 0 } = this.#request;
    if (this.#events.length > limit || after === undefined) return;
    if (isGap(item)) this.#isIncomplete = true;
    else if (after.pictureHead !== undefined && !isInRest(item, after)) return;
    else if (Date.parse(item.emittedAt) < notBefore) this.#isIncomplete = true;
    else this.#events.push(item);
    if (this.#events.length > limit) this.#full.resolve(undefined);
  }

  /**
   * Returns the collected events as a page.
   * @param from the bookmark before the first event
   * @param end the position up to which all events were received
   */
  page({ from, end }: { readonly from: Bookmark; readonly end: Position }): Page {
    const { limit } = this.#request;
    const hasMore = this.#events.length > limit;
    const events = this.#events.slice(0, limit);
    const last = events.at(-1);
    const reached = last === undefined ? from : bookmarkAfter(last, from);
    return { events, bookmark: hasMore ? reached : { position: end }, truncated: this.#isIncomplete, hasMore };
  }
}
