/**
 * Follows events after a bookmark, even if the gateway restarts. If events are missing, the follower reports this in their place, and
 * continues with everything that the history still has. After a change of the epoch, it continues from the start of the new epoch.
 */
import { setImmediate as nothing } from 'node:timers/promises';
import { isGap } from '../../generated/client.ts';
import type { TidemarkClient, TidemarkEvent, TidemarkGap } from '../../generated/client.ts';
import { isInRest, bookmarkAfter, pictureEndOf, pictureOf, replayAfter, startOf } from './bookmark.ts';
import type { Bookmark } from './bookmark.ts';
import type { Selection } from './page.ts';

export interface FollowRequest extends Selection {
  /** The bookmark after which to start; undefined to follow only new events. */
  readonly after: Bookmark | undefined;
  /** Events before this time, in milliseconds since the Unix epoch, are left out. */
  readonly notBefore?: number;
  readonly signal: AbortSignal;
}

export type Followed =
  /** Reading begins, or begins again after a loss. If `truncated` is true, events after the previous bookmark are missing. */
  | { readonly kind: 'start'; readonly bookmark: Bookmark; readonly truncated: boolean }
  | { readonly kind: 'event'; readonly event: TidemarkEvent; readonly bookmark: Bookmark };

/** How many received events may wait for the reader before the client stops reading from the gateway. */
const BUFFER = 256;

type Subscription = ReturnType<typeof subscribe>;

export class Follower {
  readonly #client: TidemarkClient;
  readonly #request: FollowRequest;
  #subscription: Subscription | undefined;
  #bookmark: Bookmark | undefined;

  constructor(client: TidemarkClient, request: FollowRequest) {
    this.#client = client;
    this.#request = request;
    this.#bookmark = request.after;
  }

  /** The bookmark up to which everything was read, including events that do not match; undefined before the start. */
  get bookmark(): Bookmark | undefined {
    const position = this.#bookmark?.pictureHead === undefined ? this.#subscription?.position : undefined;
    return position === undefined ? this.#bookmark : { position };
  }

  /**
   * Yields events until the signal is aborted, and then ends without an error.
   * @throws {TidemarkError} if the gateway refuses the subscription; {SubscriptionError} if the gateway ends it; {ConnectionError} if the
   * connection is lost for good
   */
  async *follow(): AsyncGenerator<Followed, undefined> {
    let step: Step | undefined = { after: this.#request.after, start: 'complete' };
    while (step !== undefined && !this.#request.signal.aborted) step = yield* this.#read(step);
    return undefined;
  }

  /** Reads with one subscription. @returns the next step of reading; undefined if there is none, because the reading has ended */
  async *#read({ after, start }: Step): AsyncGenerator<Followed, Step | undefined> {
    const subscription = subscribe(this.#client, { ...this.#request, after });
    try {
      const { position, recovery } = await subscription.ready;
      if (after !== undefined && position.epoch !== after.position.epoch) return lossUpTo(startOf(position.epoch));
      if (recovery.attempted && !recovery.recovered) return lossUpTo(pictureOf(position));
      this.#subscription = subscription;
      return yield* this.#items(subscription, { from: after ?? { position }, start });
    } catch (error) {
      if (this.#request.signal.aborted) return undefined;
      throw error;
    } finally {
      void subscription.unsubscribe();
      this.#subscription = undefined;
    }
  }

  async *#items(
    subscription: Subscription,
    { from, start }: { readonly from: Bookmark; readonly start: Start },
  ): AsyncGenerator<Followed, Step | undefined> {
    const { notBefore = 0 } = this.#request;
    let bookmark = from;
    let isMissing = start === 'truncated';
    let hasStarted = start === 'reported';
    for await (const found of withEndOfReplay(subscription)) {
      // A live event shows that the picture is complete. Do not yield the live event: the next subscription reads the events after the
      // picture, and delivers it again.
      const item = bookmark.pictureHead !== undefined && isLive(found) ? undefined : found;
      if (item !== undefined && isGap(item)) {
        const { next, isRestart } = afterLoss(item, bookmark);
        if (isRestart) return lossUpTo(next);
        bookmark = next;
        isMissing = true;
        hasStarted = false;
      } else if (item !== undefined && bookmark.pictureHead !== undefined && !isInRest(item, bookmark)) {
        continue;
      } else if (item !== undefined && item.isReplay && Date.parse(item.emittedAt) < notBefore) {
        isMissing ||= !hasStarted;
        continue;
      }
      this.#bookmark = bookmark;
      if (!hasStarted) yield { kind: 'start', bookmark, truncated: isMissing };
      hasStarted = true;
      if (item === undefined && bookmark.pictureHead !== undefined)
        return { after: pictureEndOf(bookmark), start: 'reported' };
      if (item === undefined || isGap(item)) continue;
      bookmark = bookmarkAfter(item, bookmark);
      this.#bookmark = bookmark;
      yield { kind: 'event', event: item, bookmark };
    }
    return undefined;
  }
}

/**
 * The state of the `start` item of a step. `complete`: it must still be yielded, and no events are missing. `truncated`: it must still be
 * yielded, and events are missing. `reported`: it was already yielded.
 */
type Start = 'complete' | 'truncated' | 'reported';

/** One step of reading, with one subscription. A warm picture is one step; the events after it are the next one. */
interface Step {
  readonly after: Bookmark | undefined;
  readonly start: Start;
}

function lossUpTo(after: Bookmark): Step {
  return { after, start: 'truncated' };
}

function subscribe(client: TidemarkClient, { stream, events, filter, after, signal }: FollowRequest) {
  return client.subscribe({
    stream,
    events,
    ...(filter === undefined ? {} : { filter }),
    gaps: 'inline',
    replay: replayAfter(after),
    buffer: { limit: BUFFER },
    signal,
  });
}

function isLive(item: TidemarkEvent | TidemarkGap | undefined): boolean {
  return item !== undefined && !isGap(item) && !item.isReplay;
}

/** Reasons of losses after which the events continue. After every other loss the gateway sends a warm picture (RPL-4). */
const CONTINUED: ReadonlySet<string> = new Set(['source_overflow', 'broker_lost', 'slow_consumer']);

function afterLoss(
  { to, reason }: TidemarkGap,
  bookmark: Bookmark,
): { readonly next: Bookmark; readonly isRestart: boolean } {
  if (to === undefined) return { next: bookmark, isRestart: false };
  if (to.epoch !== bookmark.position.epoch) return { next: startOf(to.epoch), isRestart: true };
  if (!CONTINUED.has(reason)) return { next: pictureOf(to), isRestart: true };
  return { next: bookmark.pictureHead === undefined ? { position: to } : bookmark, isRestart: false };
}

/** Yields the items of a subscription, and `undefined` once, when its first replay is complete. */
async function* withEndOfReplay<Item extends object>(subscription: {
  readonly caughtUp: Promise<unknown>;
  readonly buffered: number;
  readonly [Symbol.asyncIterator]: () => AsyncIterator<Item, undefined>;
}): AsyncGenerator<Item | undefined, undefined> {
  const items = subscription[Symbol.asyncIterator]();
  let isComplete = false;
  const complete = subscription.caughtUp.then(
    () => 'complete' as const,
    () => 'complete' as const,
  );
  let next = items.next();
  try {
    for (;;) {
      const item = isComplete ? await next : await Promise.race([next, complete]);
      if (item === 'complete') {
        // First yield the items that were received before the end of the replay. If there is such an item, `next` is already resolved.
        const first = await Promise.race([next, nothing()]);
        if (first !== undefined) continue;
        isComplete = true;
        yield undefined;
        continue;
      }
      if (item.done === true) return undefined;
      yield item.value;
      next = items.next();
    }
  } finally {
    void items.return?.();
  }
}
