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
  /** The one stream; undefined if it follows many. */
  readonly stream: string | undefined;
  /** Names and patterns of the streams, in the normal form of stream-selectors.ts; one name if there is one stream. */
  readonly selectors: readonly string[];
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
  readonly stream: string | undefined;
  readonly selectors: readonly string[];
  readonly events: readonly string[];
  readonly filter: Filter;
  readonly replayMode: 'none' | 'warm' | 'resume';
  readonly livePrefix: string;
  readonly bytes: number;
  readonly createdAt: number;
  recovery: Recovery = { attempted: false };
  /** Whether `subscribed`, and with many streams the whole replay, has been written; only then do heartbeats name the streams (CON-7). */
  confirmed = false;
  replayed = 0;
  gaps = 0;
  /** Milliseconds since the Unix epoch. */
  replayedAt: number | undefined;
  /** Count the events of all subscriptions with the same selector, events and filter; one for each selector, with its count at the start. */
  readonly #tallies: { readonly tally: DeliveryTally; readonly before: number }[] = [];

  constructor(options: SubscriptionOptions) {
    this.id = options.id;
    this.session = options.session;
    this.stream = options.stream;
    this.selectors = options.selectors;
    this.events = options.events;
    this.filter = options.filter;
    this.replayMode = options.replayMode;
    this.livePrefix = options.livePrefix;
    this.bytes = options.bytes;
    this.createdAt = options.createdAt;
  }

  /** The member of `subscribed` that names its streams. */
  get named(): { readonly stream: string } | { readonly streams: string[] } {
    return this.stream === undefined ? { streams: [...this.selectors] } : { stream: this.stream };
  }

  /** Uses `tally`, too, to count the events of this subscription from now on. */
  countBy(tally: DeliveryTally): void {
    this.#tallies.push({ tally, before: tally.delivered });
  }

  /** Live events queued for it. */
  get delivered(): number {
    return this.#tallies.reduce((sum, { tally, before }) => sum + tally.delivered - before, 0);
  }

  /** When the last counted event was queued, in milliseconds since the Unix epoch. */
  get lastDeliveredAt(): number | undefined {
    const times = this.#tallies.flatMap(({ tally, before }) =>
      tally.delivered > before && tally.lastDeliveredAt !== undefined ? [tally.lastDeliveredAt] : [],
    );
    return times.length === 0 ? undefined : Math.max(...times);
  }
}
