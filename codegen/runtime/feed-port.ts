/**
 * The interfaces between the client and its subscriptions. With them, `client.ts` need not import the code of subscriptions to several
 * streams. A page loads this code, from the entry point `streams.ts` of the package, only if it uses such subscriptions.
 *
 * Part of the client runtime: imports nothing from outside this directory.
 */
import type { Settle } from './commands.ts';
import type { ClientGapReason } from './cursor.ts';
import type { SubscriptionDiagnosis } from './diagnosis.ts';
import type { ProtocolViolation, TidemarkError } from './errors.ts';
import type { EventPrefix, Frame, Position } from './wire.ts';

/** A gap, as readers and listeners receive it. Its public type, `SubscriptionGap`, has the types of the contract. */
export interface FeedGap {
  readonly kind: 'gap';
  readonly subscriptionId: string;
  readonly stream: string;
  readonly from: Position | undefined;
  readonly to: Position | undefined;
  readonly reason: string;
  readonly repair: object | undefined;
  readonly noticedBy: 'server' | 'client';
}

/** The functions of the client that a subscription uses. */
export interface FeedPort {
  readonly request: (command: 'subscribe' | 'unsubscribe', data: Frame['data'], settle: Settle) => boolean;
  readonly backoffMs: (attempt: number) => number;
  readonly onGap: (gap: FeedGap) => void;
  readonly onResumed: (feed: ClientFeed) => void;
  readonly onPostponed: (feed: ClientFeed, error: TidemarkError, delayMs: number) => void;
  readonly onParked: (feed: ClientFeed) => void;
  readonly onViolation: (error: ProtocolViolation) => void;
  /** Must be called when the subscription has ended both in the client and on the server. */
  readonly onDetached: (feed: ClientFeed) => void;
}

/** The content of a `replay_complete`; it has a position only for a subscription to one stream (RPL-2, MUL-7). */
export interface ReplayEnd {
  readonly position: Position | undefined;
  readonly count: number;
  readonly truncated: boolean;
}

/** The functions of a subscription that the client calls when its connection reports something. */
export interface ClientFeed extends SubscriptionDiagnosis {
  readonly recovery: Frame['data'] | undefined;
  /**
   * Whether events are accepted: only between `subscribed` and our own `unsubscribe`. Later events are unwanted, or will be replayed. While
   * this is false, the client calls only the functions about the connection and about the end.
   */
  readonly attentive: boolean;
  /** Called when commands can be sent. */
  connected(): void;
  /**
   * Called when the connection was lost. @param forget why the positions must be discarded (43xx); undefined if they are kept.
   */
  disconnected(forget?: ClientGapReason): void;
  /**
   * Called when the client was closed or gave up. With `atOnce`, the iterator ends immediately and without an error, as after
   * `unsubscribe()`. Without `atOnce`, the iterator first returns the buffered items, and then throws the error.
   */
  shutDown(error: unknown, options: { readonly atOnce: boolean }): void;
  event(data: Frame['data'], prefix: EventPrefix): void;
  replayComplete(end: ReplayEnd): void;
  /** Called for a heartbeat whose count proves that no event was lost. @param positions the heartbeat's positions, by stream. */
  heartbeat(positions: ReadonlyMap<string, Position>): void;
  /** Called when `delivered` of a heartbeat is greater than the client's count: an event was lost. The client will reconnect. */
  lossFound(): void;
  gap(data: Frame['data']): void;
  /** Called for a `positions` push, which only subscriptions to several streams receive (MUL-4, MUL-6). */
  positionsReceived?(data: Frame['data']): void;
  /** Called for a `subscription_closed` push (SEC-3). */
  closedByServer(reason: string): void;
}
