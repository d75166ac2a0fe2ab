/** One subscription of one connection: its streams, events and filter, and the facts that `/ws/subscriptions` lists (OPS-2). */
import type { Recovery } from '../../generated/types.ts';
import { NOT_ATTEMPTED } from '../replay/recovery.ts';
import type { Filter } from '../catalogue/catalogue.ts';
// Import cycle of types only: a session has subscriptions, and each subscription refers to its session.
import type { Session } from './session.ts';

/**
 * Counts the events that are delivered to subscriptions with the same events and filter. Each event is delivered either to all of these
 * subscriptions or to none, so one count is enough.
 */
export interface DeliveryTally {
  readonly delivered: number;
  /** When the last event was queued, in milliseconds since the Unix epoch. */
  readonly lastDeliveredAt: number | undefined;
}

/** The events and the filter of a subscription, both normalised. */
export interface SubscriptionSpec {
  readonly events: readonly string[];
  readonly filter: Filter;
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
  /** Estimated memory in bytes. It is counted in the node's budget for filters. */
  readonly bytes: number;
  readonly createdAt: number;
}

interface Counted {
  readonly tally: DeliveryTally;
  /** The count of the tally when the subscription began. */
  readonly before: number;
}

/**
 * One subscription. A node has many subscriptions, so each of them should need little memory. Subscriptions with equal events and filters
 * share one object ({@link shareSpec}). Most subscriptions are to one stream. They do not need the lists of a subscription to several
 * streams.
 */
export class Subscription {
  readonly id: string;
  readonly session: Session;
  readonly stream: string | undefined;
  readonly replayMode: 'none' | 'warm' | 'resume';
  readonly livePrefix: string;
  readonly bytes: number;
  readonly createdAt: number;
  recovery: Recovery = NOT_ATTEMPTED;
  /**
   * Whether heartbeats may report the streams of this subscription (CON-7). For a subscription to one stream, this is true once
   * `subscribed` was written; for a subscription to many streams, once the whole replay was written.
   */
  confirmed = false;
  /** The principal whose share of the budget for filters this subscription uses, even if the principal of the session changes. */
  countedFor: string | undefined;
  replayed = 0;
  gaps = 0;
  /** When the replay was completed, in milliseconds since the Unix epoch. */
  replayedAt: number | undefined;
  #spec: SubscriptionSpec;
  /** The selectors of a subscription to many streams; undefined for a subscription to one stream. */
  readonly #selectors: readonly string[] | undefined;
  /**
   * The count for the first selector; `#further` has those for the other selectors. Each count is shared by all subscriptions with the same
   * selector, events and filter.
   */
  #tally: DeliveryTally | undefined;
  #before = 0;
  #further: Counted[] | undefined;

  constructor(options: SubscriptionOptions) {
    this.id = options.id;
    this.session = options.session;
    this.stream = options.stream;
    this.#selectors = options.stream === undefined ? options.selectors : undefined;
    this.#spec = { events: options.events, filter: options.filter };
    this.replayMode = options.replayMode;
    this.livePrefix = options.livePrefix;
    this.bytes = options.bytes;
    this.createdAt = options.createdAt;
  }

  get events(): readonly string[] {
    return this.#spec.events;
  }

  get filter(): Filter {
    return this.#spec.filter;
  }

  /** Names and patterns of streams, in the normal form of stream-selectors.ts. If there is only one stream, its name. */
  get selectors(): readonly string[] {
    return this.stream === undefined ? (this.#selectors ?? []) : [this.stream];
  }

  /** Replaces the events and the filter by an object with equal content that other subscriptions use too. */
  shareSpec(spec: SubscriptionSpec): void {
    this.#spec = spec;
  }

  /** The property of the `subscribed` message that names the streams of this subscription: `stream` or `streams`. */
  get named(): { readonly stream: string } | { readonly streams: string[] } {
    return this.stream === undefined ? { streams: [...this.selectors] } : { stream: this.stream };
  }

  /** Adds a count. From now on, the events that `tally` counts are also counted for this subscription. */
  countBy(tally: DeliveryTally): void {
    if (this.#tally === undefined) {
      this.#tally = tally;
      this.#before = tally.delivered;
    } else {
      this.#further ??= [];
      this.#further.push({ tally, before: tally.delivered });
    }
  }

  /** Number of live events that were queued for this subscription. */
  get delivered(): number {
    return this.#counted().reduce((sum, { tally, before }) => sum + tally.delivered - before, 0);
  }

  /** When the last counted event was queued, in milliseconds since the Unix epoch. */
  get lastDeliveredAt(): number | undefined {
    const times = this.#counted().flatMap(({ tally, before }) =>
      tally.delivered > before && tally.lastDeliveredAt !== undefined ? [tally.lastDeliveredAt] : [],
    );
    return times.length === 0 ? undefined : Math.max(...times);
  }

  #counted(): readonly Counted[] {
    const first = this.#tally === undefined ? [] : [{ tally: this.#tally, before: this.#before }];
    return this.#further === undefined ? first : [...first, ...this.#further];
  }
}
