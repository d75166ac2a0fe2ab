/**
 * The public interface of a subscription.
 *
 * Part of the client runtime: imports nothing from outside this directory.
 */
import type { EventFor, EventPattern, SubscriptionGap } from './events.ts';
import type { Position, Protocol } from './wire.ts';

export type SubscriptionState =
  /** Waiting for a connection. */
  | 'waiting'
  | 'subscribing'
  | 'replaying'
  | 'live'
  /**
   * The buffer was full, so the client has unsubscribed. It resumes when half of the buffer has been read.
   */
  | 'parked'
  | 'ended';

export interface BufferOptions {
  /** How many items may wait for the reader. Default 10,000. */
  readonly limit?: number;
  /**
   * What happens when the buffer is full. `park` (the default) unsubscribes, and resumes from the last buffered position
   * when half of the buffer has been read; events that leave the server's history meanwhile are reported as a gap. `error`
   * ends the subscription: the iterator yields the buffered items, then throws a `SubscriptionError` with the position
   * to resume from.
   */
  readonly onFull?: 'park' | 'error';
}

/** Options of `subscribe`. `events`, `filter` and `replay` have the same meaning as in the contract's command. */
export interface SubscribeOptions<
  P extends Protocol,
  Pattern extends EventPattern<P>,
  Gaps extends 'aside' | 'inline',
> {
  readonly events: readonly Pattern[];
  /** Default `main`. */
  readonly stream?: string | undefined;
  readonly filter?: P['commands']['subscribe']['filter'] | undefined;
  /**
   * The replay of the first subscribe command. After a lost connection the subscription resumes automatically. Default: warm.
   */
  readonly replay?: P['commands']['subscribe']['replay'];
  /** Default: an id that the client generates. */
  readonly subscriptionId?: string;
  /**
   * Ends the subscription when aborted, as `unsubscribe()` does: the loop over it ends without an error. `ready` and `caughtUp`
   * reject with the signal's reason if they are still pending.
   */
  readonly signal?: AbortSignal;
  /**
   * `inline` yields gaps between the events; use `isGap` to distinguish them. `aside` does not yield gaps. Default
   * `aside`.
   */
  readonly gaps?: Gaps;
  /** Called immediately for each gap, also when gaps are yielded inline. */
  readonly onGap?: (gap: SubscriptionGap<P>) => void;
  readonly buffer?: BufferOptions;
  /**
   * Called with each item as it is received. With `onItem`, no item is buffered or yielded, and the iterator only reports the end.
   */
  readonly onItem?: (item: ItemOf<P, Pattern, Gaps>) => void;
}

/** The type of the items of a subscription to these patterns. */
export type ItemOf<P extends Protocol, Pattern extends string, Gaps extends 'aside' | 'inline'> =
  EventFor<P, Pattern> | (Gaps extends 'inline' ? SubscriptionGap<P> : never);

/** The content of a `replay_complete` (RPL-2, RPL-3). */
export interface ReplaySummary {
  readonly position: Position;
  readonly count: number;
  /** Whether the replay may be incomplete, because the server's history is limited. */
  readonly truncated: boolean;
}

/**
 * A subscription that continues over reconnects. Iterate it once; leaving the loop unsubscribes.
 *
 * It yields events in the order of the stream, each exactly once, over any number of connections. There are two
 * exceptions, and both are reported:
 *
 * - If the client cannot resume (for example, `recovered` is false), a gap is reported. A complete warm replay follows, from
 *   which the program can rebuild its state. It may contain events that were yielded before.
 * - An event that was lost in transit (lifecycle event `loss`) is yielded late, as a replay.
 */
export interface Subscription<P extends Protocol, Item> extends AsyncIterable<Item> {
  readonly id: string;
  readonly stream: string;
  readonly state: SubscriptionState;
  /**
   * The position of the reader. A resume from it, in this process or another, yields every event that has not been
   * read yet. Undefined until the first warm replay is complete.
   */
  readonly position: Position | undefined;
  /** The outcome of the latest subscribe (RPL-4). */
  readonly recovery: P['replies']['subscribe']['recovery'] | undefined;
  /** Whether the latest resume succeeded; undefined if no resume was attempted. */
  readonly recovered: boolean | undefined;
  /** `data` of the first `subscribed`. Rejects when the subscription ends before it is received. */
  readonly ready: Promise<P['replies']['subscribe'] & { readonly position: Position }>;
  /**
   * Resolves when the first replay is complete; with `mode: none`, when the server has confirmed the subscription. Rejects
   * with the same errors as `ready`.
   */
  readonly caughtUp: Promise<ReplaySummary>;
  /** The latest replay. */
  readonly replay: ReplaySummary | undefined;
  /** Number of gaps so far. */
  readonly gapCount: number;
  /** Number of items that wait for the reader. */
  readonly buffered: number;
  /**
   * How many events of the stream lie between the reader and the newest one that the server has reported. Until the
   * next heartbeat, this includes events that the subscription does not select. Undefined while no position is known.
   */
  readonly lag: number | undefined;
  [Symbol.asyncIterator](): AsyncIterator<Item, undefined>;
  /**
   * Ends the subscription: no more items are yielded. Resolves when the server has confirmed the end, or immediately if
   * there is no connection.
   */
  unsubscribe(): Promise<void>;
}
