/**
 * One subscription as its owner sees it.
 *
 * Part of the client runtime: imports nothing from outside this directory.
 */
import type { EventFor, EventPattern, SubscriptionGap } from './events.ts';
import type { Position, Protocol } from './wire.ts';

export type SubscriptionState =
  /** Not on a connection: the first one, or the next, is awaited. */
  | 'waiting'
  | 'subscribing'
  | 'replaying'
  | 'live'
  /** Its buffer was full: unsubscribed on the server, to be resumed when half of the buffer has been read. */
  | 'parked'
  | 'ended';

export interface BufferOptions {
  /** Items that may wait for the reader. Default 10,000. */
  readonly limit?: number;
  /**
   * What a full buffer does. `park` (the default) unsubscribes and resumes from the last buffered position once half has
   * been read: pressure reaches the server, and what falls out of history meanwhile is said as a gap. `error` ends the
   * subscription: the reader takes what was buffered, then meets a `SubscriptionError` with the position to resume from.
   */
  readonly onFull?: 'park' | 'error';
}

/** What is asked of the server; `events`, `filter` and `replay` are the contract's own. */
export interface SubscribeOptions<
  P extends Protocol,
  Pattern extends EventPattern<P>,
  Gaps extends 'aside' | 'inline',
> {
  readonly events: readonly Pattern[];
  /** Default `main`. */
  readonly stream?: string;
  readonly filter?: P['commands']['subscribe']['filter'];
  /** How the first subscribe begins. Later ones, after a drop, resume by themselves. Default: warm. */
  readonly replay?: P['commands']['subscribe']['replay'];
  /** Default: one of this client's making. */
  readonly subscriptionId?: string;
  /** Ends the subscription when aborted; its iterator then throws the signal's reason. */
  readonly signal?: AbortSignal;
  /** `inline` yields gaps between the events, in their place; tell them apart with `isGap`. Default `aside`. */
  readonly gaps?: Gaps;
  /** Called at once for each gap, whether or not gaps are also yielded inline. */
  readonly onGap?: (gap: SubscriptionGap<P>) => void;
  readonly buffer?: BufferOptions;
}

/** What a subscription to these patterns yields. */
export type ItemOf<P extends Protocol, Pattern extends string, Gaps extends 'aside' | 'inline'> =
  EventFor<P, Pattern> | (Gaps extends 'inline' ? SubscriptionGap<P> : never);

/** What the last `replay_complete` said (RPL-2, RPL-3). */
export interface ReplaySummary {
  readonly position: Position;
  readonly count: number;
  /** A bound of history cut the picture: it may be incomplete. */
  readonly truncated: boolean;
}

/**
 * A subscription that outlives connections. Iterate it once; leaving the loop unsubscribes.
 *
 * Its events come in the order of the stream, each exactly once, over any number of connections. Two exceptions, both
 * announced: after a gap with `recovered === false` a warm picture follows in full, to rebuild from; and an event that
 * the server proves to have lost on the way (lifecycle `loss`) comes late, as a replay.
 */
export interface Subscription<P extends Protocol, Item> extends AsyncIterable<Item> {
  readonly id: string;
  readonly stream: string;
  readonly state: SubscriptionState;
  /**
   * The reader's position: resuming here, in this process or another, misses nothing that has not been read. Undefined
   * until the first picture is complete.
   */
  readonly position: Position | undefined;
  /** The outcome of the latest subscribe (RPL-4). */
  readonly recovery: P['replies']['subscribe']['recovery'] | undefined;
  /** `recovery` in one word: undefined when no resume was attempted. */
  readonly recovered: boolean | undefined;
  /** What the first `subscribed` said. Rejects when the subscription ends before. */
  readonly ready: Promise<P['replies']['subscribe']>;
  /** Resolves when the first replay has been received in whole; at once with `mode: none`. Rejects as `ready` does. */
  readonly caughtUp: Promise<ReplaySummary>;
  /** The latest replay. */
  readonly replay: ReplaySummary | undefined;
  /** Gaps said so far. */
  readonly gapCount: number;
  /** Items that wait for the reader. */
  readonly buffered: number;
  [Symbol.asyncIterator](): AsyncIterator<Item, undefined>;
  /** Ends it: nothing is yielded any more. Resolves when the server has confirmed, or there is no connection. */
  unsubscribe(): Promise<void>;
}
