/**
 * One subscription of one connection: its stream, events and filter, and the facts that `/ws/subscriptions` lists (OPS-2).
 */
import type { Recovery } from '../../generated/types.ts';
import type { Filter } from '../catalogue/catalogue.ts';
// Cycle of types: a session has subscriptions, and each subscription refers to its session.
import type { Session } from './session.ts';

/** What subscriptions with the same events and filter have been sent: an event is for all of them or for none. */
export interface DeliveryTally {
  readonly delivered: number;
  /** Milliseconds since the Unix epoch. */
  readonly lastDeliveredAt: number | undefined;
}

export interface SubscriptionOptions {
  readonly id: string;
  readonly session: Session;
  readonly stream: string;
  readonly events: readonly string[];
  /** Normalised: the filter in force. */
  readonly filter: Filter;
  readonly replayMode: 'none' | 'warm' | 'resume';
  /** The frame prefix of live events that match only this subscription. */
  readonly livePrefix: string;
  /** Estimated memory in bytes, counted against the node's budget for filters. */
  readonly bytes: number;
  readonly createdAt: number;
}

export class Subscription {
  readonly id: string;
  readonly session: Session;
  readonly stream: string;
  readonly events: readonly string[];
  readonly filter: Filter;
  readonly replayMode: 'none' | 'warm' | 'resume';
  readonly livePrefix: string;
  readonly bytes: number;
  readonly createdAt: number;
  recovery: Recovery = { attempted: false };
  /** Whether `subscribed` has been written; only then do heartbeats name the stream (CON-7). */
  confirmed = false;
  replayed = 0;
  gaps = 0;
  /** Milliseconds since the Unix epoch. */
  replayedAt: number | undefined;
  /** Counts the events of all subscriptions with the same events and filter. */
  #tally: DeliveryTally | undefined;
  /** The count of the tally when this subscription started. */
  #deliveredBefore = 0;

  constructor(options: SubscriptionOptions) {
    this.id = options.id;
    this.session = options.session;
    this.stream = options.stream;
    this.events = options.events;
    this.filter = options.filter;
    this.replayMode = options.replayMode;
    this.livePrefix = options.livePrefix;
    this.bytes = options.bytes;
    this.createdAt = options.createdAt;
  }

  /** Uses `tally` to count the events of this subscription from now on. */
  countBy(tally: DeliveryTally): void {
    this.#tally = tally;
    this.#deliveredBefore = tally.delivered;
  }

  /** Live events queued for it. */
  get delivered(): number {
    return this.#tally === undefined ? 0 : this.#tally.delivered - this.#deliveredBefore;
  }

  /** When the last counted event was queued, in milliseconds since the Unix epoch. */
  get lastDeliveredAt(): number | undefined {
    return this.delivered === 0 ? undefined : this.#tally?.lastDeliveredAt;
  }
}
