/** Reads a bounded number of past events: the events after a mark, up to now. */
import { isGap } from '../../generated/client.ts';
import type { TidemarkClient, TidemarkEvent, TidemarkGap } from '../../generated/client.ts';
import type { SubscriptionFilter } from '../../generated/types.ts';
import { isBehind, markOf, replayAfter, startOf } from './mark.ts';
import type { Mark } from './mark.ts';

/** Which events a reader wants. */
export interface Selection {
  readonly stream: string;
  /** Names or patterns (SUB-1). */
  readonly events: readonly string[];
  readonly filter: SubscriptionFilter | undefined;
}

export interface PageRequest extends Selection {
  /** Undefined: no past events, only the position of now. */
  readonly after: Mark | undefined;
  /** The most events to return. */
  readonly limit: number;
  /** Earlier events are left out; milliseconds since 1970. */
  readonly notBefore?: number;
  readonly signal: AbortSignal;
}

export interface Page {
  readonly events: readonly TidemarkEvent[];
  /** Where the next page begins. */
  readonly mark: Mark;
  /** Whether events after the given mark are missing: lost, out of the history, or too old. */
  readonly truncated: boolean;
  readonly hasMore: boolean;
  readonly gaps: readonly TidemarkGap[];
}

/**
 * If the history no longer has the mark's epoch, reads the new epoch from its start, so that only what is lost is missing; if it
 * no longer has the position, reads the current picture, as a failed resume does (RPL-4).
 * @throws {TidemarkError} if the gateway refuses the subscription; {ConnectionError}; the signal's reason
 */
export async function readPage(client: TidemarkClient, request: PageRequest): Promise<Page> {
  const first = await attempt(client, request);
  if ('events' in first) return first;
  const again = await attempt(client, { ...request, after: startOf(first.epoch) });
  if ('events' in again) return { ...again, truncated: true };
  throw new Error(`The stream ${request.stream} changed its epoch twice while it was read. Try again.`);
}

/** The stream runs in another epoch than the mark. */
interface EpochChanged {
  readonly epoch: string;
}

async function attempt(client: TidemarkClient, request: PageRequest): Promise<Page | EpochChanged> {
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
    const hasFailed = recovery.attempted && !recovery.recovered;
    if (after !== undefined && position.epoch !== after.position.epoch && (hasFailed || after.inPicture))
      return { epoch: position.epoch };
    const end = await Promise.race([subscription.caughtUp.then((summary) => summary.position), collected.full]);
    return collected.page({ position: end ?? position, inPicture: false }, hasFailed);
  } finally {
    void subscription.unsubscribe();
    subscription.caughtUp.catch(() => undefined);
  }
}

class Collected {
  readonly #request: PageRequest;
  readonly #events: TidemarkEvent[] = [];
  readonly #gaps: TidemarkGap[] = [];
  readonly #full = Promise.withResolvers<undefined>();
  #isTooOld = false;

  constructor(request: PageRequest) {
    this.#request = request;
  }

  /** Resolves when there are more events than a page has. */
  get full(): Promise<undefined> {
    return this.#full.promise;
  }

  add(item: TidemarkEvent | TidemarkGap): void {
    const { after, limit, notBefore = 0 } = this.#request;
    if (this.#events.length > limit || after === undefined) return;
    if (isGap(item)) {
      this.#gaps.push(item);
      return;
    }
    if (isBehind(item, after)) return;
    if (Date.parse(item.emittedAt) < notBefore) this.#isTooOld = true;
    else this.#events.push(item);
    if (this.#events.length > limit) this.#full.resolve(undefined);
  }

  page(end: Mark, hasFailed: boolean): Page {
    const { limit } = this.#request;
    const hasMore = this.#events.length > limit;
    const events = this.#events.slice(0, limit);
    const last = events.at(-1);
    return {
      events,
      mark: hasMore && last !== undefined ? markOf(last) : end,
      truncated: hasFailed || this.#isTooOld || this.#gaps.length > 0,
      hasMore,
      gaps: this.#gaps,
    };
  }
}
