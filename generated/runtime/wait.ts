/**
 * Waits for one event that matches a predicate.
 *
 * Part of the client runtime: imports nothing from outside this directory.
 */
import { closedError, WaitError } from './errors.ts';
import type { WaitFailure } from './errors.ts';
import { isGap } from './events.ts';
import type { SubscriptionGap } from './events.ts';
import type { SubscribeOptions, Subscription } from './subscription.ts';
import { startTimer } from './timers.ts';
import { readPosition } from './wire.ts';
import type { Position, Protocol } from './wire.ts';

/** `stream` (default `main`) and `filter` are those of `subscribe`. */
export interface WaitOptions<P extends Protocol> extends Pick<
  SubscribeOptions<P, string, 'inline'>,
  'stream' | 'filter'
> {
  /** Also accepts events that were published before the wait began, after this position. Default: only events published from now on. */
  readonly since?: Position | undefined;
  /** Time limit of the wait, including the time to connect, in milliseconds. Default: no limit. */
  readonly timeoutMs?: number | undefined;
  /** Ends the wait, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Called for each gap; the wait then continues. Without `onGap`, a gap ends the wait, because the awaited event may be lost. */
  readonly onGap?: ((gap: SubscriptionGap<P>) => void) | undefined;
}

export interface Waited<Event> {
  readonly event: Event;
  /** The position of the event. Pass it as `since` to wait for the next event, or resume a subscription from it. */
  readonly position: Position;
}

/** @throws what `waitFor` of the client documents. */
export async function waitForEvent<P extends Protocol>(
  subscribe: (options: SubscribeOptions<P, string, 'inline'>) => Subscription<P, unknown>,
  pattern: string,
  predicate: (event: never) => boolean,
  options: WaitOptions<P>,
): Promise<Waited<unknown>> {
  const { stream, filter, since, signal } = options;
  signal?.throwIfAborted();
  const subscription = subscribe({
    events: [pattern],
    gaps: 'inline',
    replay: since === undefined ? { mode: 'none' } : { mode: 'resume', after: since },
    stream,
    filter,
  });
  const event = await firstEvent(subscription, predicate, {
    ...options,
    what: `"${pattern}" on "${subscription.stream}"`,
    placeOf: (gap) => ({ position: gap === undefined ? (subscription.position ?? since) : gap.to }),
  });
  return { event, position: readPosition(event) as Position };
}

/** Options for the wait for the first matching event of a subscription. */
export interface FirstOptions<P extends Protocol> extends Pick<WaitOptions<P>, 'timeoutMs' | 'signal' | 'onGap'> {
  /** A description of the awaited event, which error messages contain. */
  readonly what: string;
  /** Returns the position from which to continue after a failure. */
  readonly placeOf: (gap: SubscriptionGap<P> | undefined) => Omit<WaitFailure, 'gap'>;
}

/** Reads a subscription with inline gaps until the predicate accepts an event, then ends it. @throws the errors of {@link waitForEvent}. */
export async function firstEvent<P extends Protocol>(
  subscription: Pick<Subscription<P, unknown>, 'state' | 'unsubscribe' | typeof Symbol.asyncIterator>,
  predicate: (event: never) => boolean,
  { what, placeOf, timeoutMs, signal, onGap }: FirstOptions<P>,
): Promise<unknown> {
  let failure: unknown = closedError();
  const end = (error: unknown): void => {
    failure = error;
    void subscription.unsubscribe();
  };
  const onAbort = (): void => end(signal?.reason);
  const onTimeout = (): void => {
    const text = `No event matching ${what} arrived within ${timeoutMs} ms (subscription: ${subscription.state}).`;
    end(new WaitError('timeout', text, placeOf(undefined)));
  };
  const cancelTimer = timeoutMs === undefined ? undefined : startTimer(timeoutMs, onTimeout, { holdsProcess: true });
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    for await (const item of subscription) {
      if (!isGap(item as object)) {
        if (predicate(item as never)) return item;
        continue;
      }
      const gap = item as SubscriptionGap<P>;
      if (onGap === undefined) {
        const text = `Events of "${gap.stream}" were lost (${gap.reason}): the awaited event may be among them.`;
        throw new WaitError('gap', text, { ...placeOf(gap), gap });
      }
      onGap(gap);
    }
    throw failure;
  } finally {
    cancelTimer?.();
    signal?.removeEventListener('abort', onAbort);
  }
}
