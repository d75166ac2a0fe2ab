/**
 * Follows events from a mark on, over restarts of the gateway. Where events are missing it reports so, in place, and continues with
 * everything that the history still has: after a change of the epoch, from the start of the new one.
 */
import { setImmediate as nothing } from 'node:timers/promises';
import { isGap } from '../../generated/client.ts';
import type { TidemarkClient, TidemarkEvent, TidemarkGap } from '../../generated/client.ts';
import { isBehind, markOf, replayAfter, startOf } from './mark.ts';
import type { Mark } from './mark.ts';
import type { Selection } from './page.ts';

export interface FollowRequest extends Selection {
  /** Undefined: only events from now on. */
  readonly after: Mark | undefined;
  /** Earlier events are left out; milliseconds since 1970. */
  readonly notBefore?: number;
  readonly signal: AbortSignal;
}

export type Followed =
  /** Reading begins, or begins again after a loss. `truncated`: events after the previous mark are missing. */
  | { readonly kind: 'start'; readonly mark: Mark; readonly truncated: boolean }
  | { readonly kind: 'event'; readonly event: TidemarkEvent; readonly mark: Mark };

/** Events that may wait for a reader; then the gateway is asked to pause. */
const BUFFER = 256;

type Subscription = ReturnType<typeof subscribe>;

export class Follower {
  readonly #client: TidemarkClient;
  readonly #request: FollowRequest;
  #subscription: Subscription | undefined;
  #mark: Mark | undefined;

  constructor(client: TidemarkClient, request: FollowRequest) {
    this.#client = client;
    this.#request = request;
    this.#mark = request.after;
  }

  /** Up to where everything was read, also if no event has matched; undefined before the start. */
  get mark(): Mark | undefined {
    const position = this.#subscription?.position;
    return position === undefined ? this.#mark : { position, inPicture: false };
  }

  /**
   * Ends without an error when the signal is aborted.
   * @throws {TidemarkError} if the gateway refuses the subscription; {SubscriptionError} if it ends it; {ConnectionError}
   */
  async *follow(): AsyncGenerator<Followed, undefined> {
    let after = this.#request.after;
    let truncated = false;
    while (!this.#request.signal.aborted) {
      const subscription = subscribe(this.#client, { ...this.#request, after });
      const outcome = yield* this.#read(subscription, { after, truncated });
      if (outcome === undefined) return undefined;
      // The stream runs in another epoch, whose events are all after the mark.
      after = startOf(outcome);
      truncated = true;
    }
    return undefined;
  }

  /** @returns the epoch from whose start to read again; undefined at the end */
  async *#read(
    subscription: Subscription,
    { after, truncated }: { readonly after: Mark | undefined; readonly truncated: boolean },
  ): AsyncGenerator<Followed, string | undefined> {
    try {
      const { position, recovery } = await subscription.ready;
      const hasFailed = recovery.attempted && !recovery.recovered;
      if (isElsewhere(position.epoch, after) && (hasFailed || after.inPicture)) return position.epoch;
      const start = hasFailed ? pictureOf(position.epoch) : (after ?? { position, inPicture: false });
      return yield* this.#items(subscription, { start, truncated: truncated || hasFailed });
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
    { start, truncated }: { readonly start: Mark; readonly truncated: boolean },
  ): AsyncGenerator<Followed, string | undefined> {
    const { notBefore = 0 } = this.#request;
    let isTruncated = truncated;
    let hasStarted = false;
    let explained = truncated;
    this.#mark = start;
    for await (const item of withEndOfReplay(subscription)) {
      if (item !== undefined && isGap(item)) {
        // The gap of a failed resume repeats what `truncated` of the start reports.
        if (explained && !hasStarted) continue;
        const lost = lossOf(item, this.#mark);
        if (typeof lost === 'string') return lost;
        this.#mark = lost;
        isTruncated = true;
        hasStarted = false;
        explained = false;
      } else if (item !== undefined) {
        if (isBehind(item, this.#mark)) continue;
        if (item.isReplay && Date.parse(item.emittedAt) < notBefore) {
          isTruncated ||= !hasStarted;
          continue;
        }
      }
      if (!hasStarted) {
        hasStarted = true;
        yield { kind: 'start', mark: this.#mark, truncated: isTruncated };
        this.#subscription = subscription;
      }
      if (item === undefined || isGap(item)) continue;
      this.#mark = markOf(item);
      yield { kind: 'event', event: item, mark: this.#mark };
    }
    return undefined;
  }
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

function isElsewhere(epoch: string, after: Mark | undefined): after is Mark {
  return after !== undefined && after.position.epoch !== epoch;
}

/** The mark before the picture that follows a failed resume. */
function pictureOf(epoch: string): Mark {
  return { position: { epoch, sequenceId: 0 }, inPicture: true };
}

/** @returns the new mark, or the epoch from whose start to read again */
function lossOf({ from, to, reason }: TidemarkGap, mark: Mark): Mark | string {
  if (to === undefined) return mark;
  if ((from?.epoch ?? mark.position.epoch) !== to.epoch) return to.epoch;
  // After every other loss the gateway sends its picture (RPL-4).
  return reason === 'source_overflow' ? { position: to, inPicture: false } : pictureOf(to.epoch);
}

/** The items of a subscription, and `undefined` once when its first replay is complete. */
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
        // Items that were received before the end of the replay come first; the next one is ready at once.
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
