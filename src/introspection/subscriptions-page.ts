/** Lists the subscriptions of this node in pages, with totals of all subscriptions that the query selects (OPS-2). */
import { HTTP_OPERATIONS } from '../../generated/protocol.ts';
import type { SubscriptionAggregates, SubscriptionReport, SubscriptionsPage } from '../../generated/types.ts';
import type { Broker } from '../broker/broker.ts';
import { selects } from '../broker/stream-selectors.ts';
import type { Fanout } from '../delivery/fan-out.ts';
import type { Session } from '../session/session.ts';
import { inSlices } from '../session/slices.ts';
import type { SliceOptions } from '../session/slices.ts';
import type { Subscription } from '../session/subscription.ts';
import { countNames, time } from './figures.ts';

export interface SubscriptionQuery {
  readonly stream?: string;
  readonly event?: string;
  readonly principal?: string;
  readonly connection?: string;
  /** Number of items on a page, from 1 to 1000. */
  readonly limit?: number;
  readonly cursor?: string;
}

export interface SubscriptionsPageOptions {
  readonly nodeId: string;
  readonly broker: Pick<Broker, 'headOf'>;
  readonly fanout: Pick<Fanout, 'subscriptions'>;
  /** A node may have many subscriptions. Therefore the work is divided into slices. */
  readonly slices: SliceOptions;
}

/** Number of items on a page if the query does not specify it. */
export const DEFAULT_PAGE = HTTP_OPERATIONS.get_subscriptions.query.limit.default;

/** One page of the subscriptions of this node that the query selects, and the totals of all selected subscriptions. */
export async function subscriptionsPage(
  query: SubscriptionQuery,
  options: SubscriptionsPageOptions,
): Promise<SubscriptionsPage> {
  const page = new Page(query, options);
  await inSlices([...options.fanout.subscriptions()], options.slices, (each) => {
    if (isSelected(each, query)) page.add(each);
  });
  return page.result();
}

function isSelected({ selectors, events, session }: Subscription, query: SubscriptionQuery): boolean {
  return (
    (query.stream === undefined || selects(selectors, query.stream)) &&
    (query.event === undefined || events.includes(query.event)) &&
    (query.principal === undefined || session.principal.id === query.principal) &&
    (query.connection === undefined || session.connectionId === query.connection)
  );
}

class Page {
  readonly #options: SubscriptionsPageOptions;
  readonly #limit: number;
  readonly #cursor: string | undefined;
  /** Reports that may be on the page: those with the lowest keys after the cursor, and some more that are removed later. */
  #candidates: SubscriptionReport[] = [];
  /** The highest key on the page so far, once there are enough candidates for a page. */
  #bound: string | undefined;
  /** The number of subscriptions after the cursor. */
  #rest = 0;
  readonly #lags = new Map<Session, ReadonlyMap<string, number>>();
  readonly #directories = new Map<string, number>();
  readonly #extensions = new Map<string, number>();
  readonly #changeTypes = new Map<string, number>();
  readonly #events = new Map<string, number>();
  #total = 0;
  #replaying = 0;
  #replayedEvents = 0;

  constructor({ cursor, limit = DEFAULT_PAGE }: SubscriptionQuery, options: SubscriptionsPageOptions) {
    this.#options = options;
    this.#limit = limit;
    this.#cursor = cursor;
  }

  add(subscription: Subscription): void {
    const { events, filter, replayed, session, id } = subscription;
    const lag = this.#lagOf(subscription);
    this.#total += 1;
    countNames(this.#directories, filter['paths'] ?? []);
    countNames(this.#extensions, filter['extensions'] ?? []);
    countNames(this.#changeTypes, filter['changeTypes'] ?? []);
    countNames(this.#events, events);
    if (lag > 0) this.#replaying += 1;
    this.#replayedEvents += replayed;
    const key = orderKey({ connectionId: session.connectionId, subscriptionId: id });
    if (this.#cursor !== undefined && key <= this.#cursor) return;
    this.#rest += 1;
    if (this.#bound !== undefined && key > this.#bound) return;
    this.#candidates.push(this.#report(subscription, lag));
    if (this.#candidates.length >= 2 * this.#limit) this.#cut();
  }

  /** Removes the candidates that are not on the page. */
  #cut(): void {
    this.#candidates = this.#candidates.toSorted((a, b) => (orderKey(a) < orderKey(b) ? -1 : 1)).slice(0, this.#limit);
    const last = this.#candidates.at(-1);
    if (last !== undefined && this.#candidates.length === this.#limit) this.#bound = orderKey(last);
  }

  result(): SubscriptionsPage {
    this.#cut();
    const items = this.#candidates;
    const last = items.at(-1);
    return {
      items,
      total: this.#total,
      aggregates: this.#aggregates(),
      partial: false,
      missingNodes: [],
      ...(last === undefined || items.length === this.#rest ? {} : { nextCursor: orderKey(last) }),
    };
  }

  #aggregates(): SubscriptionAggregates {
    return {
      directories: Object.fromEntries(this.#directories),
      extensions: Object.fromEntries(this.#extensions),
      changeTypes: Object.fromEntries(this.#changeTypes),
      events: Object.fromEntries(this.#events),
      replayPressure: { replaying: this.#replaying, replayedEvents: this.#replayedEvents },
    };
  }

  /** Number of events of the subscription's streams that are not yet written to the client. */
  #lagOf({ selectors, session }: Subscription): number {
    let lag = 0;
    for (const [stream, unwritten] of this.#lagsOf(session)) if (selects(selectors, stream)) lag += unwritten;
    return lag;
  }

  /** Number of unwritten events by stream. Computed once per connection, because it iterates over the whole send queue. */
  #lagsOf(session: Session): ReadonlyMap<string, number> {
    const known = this.#lags.get(session);
    if (known !== undefined) return known;
    const lags = new Map<string, number>();
    for (const [stream, written] of session.outlet.unwritten()) {
      const head = this.#options.broker.headOf(stream);
      if (head?.epoch === written.epoch) lags.set(stream, Math.max(0, head.sequenceId - written.sequenceId));
    }
    this.#lags.set(session, lags);
    return lags;
  }

  #report(subscription: Subscription, lag: number): SubscriptionReport {
    const { session } = subscription;
    const { outlet } = session;
    return {
      subscriptionId: subscription.id,
      connectionId: session.connectionId,
      nodeId: this.#options.nodeId,
      principal: session.principal.id,
      remoteAddress: session.remoteAddress,
      ...subscription.named,
      events: [...subscription.events],
      filter: subscription.filter,
      createdAt: time(subscription.createdAt),
      lastActivityAt: time(session.lastActivityAt),
      ...(subscription.lastDeliveredAt === undefined ? {} : { lastDeliveredAt: time(subscription.lastDeliveredAt) }),
      delivered: subscription.delivered,
      replay: {
        mode: subscription.replayMode,
        count: subscription.replayed,
        ...(subscription.replayedAt === undefined ? {} : { lastAt: time(subscription.replayedAt) }),
      },
      lag,
      queuedBytes: outlet.queuedBytes,
      oldestQueuedMs: outlet.oldestQueuedMs,
      gaps: subscription.gaps,
      slow: outlet.slow,
    };
  }
}

/** The key by which subscriptions are sorted. A cursor is the key of the last subscription on a page. */
export function orderKey(report: Pick<SubscriptionReport, 'connectionId' | 'subscriptionId'>): string {
  return `${report.connectionId}/${report.subscriptionId}`;
}
