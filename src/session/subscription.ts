/** One subscription of one connection: its streams, events and filter, and the facts that `/ws/subscriptions` lists (OPS-2). */
import type { Recovery } from '../../generated/types.ts';
import type { Filter } from '../catalogue/catalogue.ts';
// Import cycle of types only: a session has subscriptions, and each subscription refers to its session.
import type { Session } from './session.ts';

/**
 * Counts the events of all subscriptions with the same events and filter. Each of these events is sent to all of them, so one count
 * suffices.
 */
export interface DeliveryTally {
  readonly delivered: number;
  /** Milliseconds since the Unix epoch. */
  readonly lastDeliveredAt: number | undefined;
}

export interface SubscriptionOptions {
  readonly id: string;
  readonly session: Session;
  /** The stream, if the subscription has only one. Undefined if it follows many streams. */
  readonly stream: string | undefined;
  /** Names and patterns of streams, in the normal form of stream-selectors.ts. If there is only one stream, its name. */
  readonly selectors: readonly string[];
  readonly events: readonly string[];
  /** The normalised filter. */
  readonly filter: Filter;
  readonly replayMode: 'none' | 'warm' | 'resume';
  /** The prefix of the frames of live events that match only this subscription of the connection. */
  readonly livePrefix: string;
  /** Estimated memory in bytes. The node's budget for filters counts it. */
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
  /**
   * Whether heartbeats may report the streams of this subscription. They may after `subscribed` was written and, with many streams, the
   * whole replay (CON-7).
   */
  confirmed = false;
  replayed = 0;
  gaps = 0;
  /** Milliseconds since the Unix epoch. */
  replayedAt: number | undefined;
  /**
   * The counts of events, one for each selector. Each count is shared by all subscriptions with the same selector, events and filter;
   * `before` is its value when this subscription began.
   */
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

  /** The member of `subscribed` that names the streams of this subscription. */
  get named(): { readonly stream: string } | { readonly streams: string[] } {
    return this.stream === undefined ? { streams: [...this.selectors] } : { stream: this.stream };
  }

  /** From now on, `tally` also counts events of this subscription. */
  countBy(tally: DeliveryTally): void {
    this.#tallies.push({ tally, before: tally.delivered });
  }

  /** Number of live events that were queued for this subscription. */
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
