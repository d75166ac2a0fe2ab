/**
 * Creates the reports that an operator can read from a running gateway (OPS-1 to OPS-3, OPS-9). Creating a report does not change the state
 * of the gateway.
 */
import { HTTP_OPERATIONS, MAX_ITEMS, PROTOCOL_VERSION } from '../../generated/protocol.ts';
import type {
  Health,
  HealthSummary,
  NodeReport,
  SubscriptionAggregates,
  SubscriptionReport,
  SubscriptionsPage,
  UnsubscribedConnection,
} from '../../generated/types.ts';
import type { Broker, Position } from '../broker/broker.ts';
import { selects } from '../broker/stream-selectors.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import type { Budget } from '../replay/budget.ts';
import type { Fanout } from '../delivery/fan-out.ts';
import type { Counters } from './counters.ts';
import type { Session } from '../session/session.ts';
import type { Subscription } from '../session/subscription.ts';

/** Figures of all connections of this node together. */
export interface ConnectionsView {
  readonly open: number;
  readonly queuedBytes: number;
  /** Size of the longest send queue of a connection, in bytes. */
  readonly longestQueueBytes: number;
  /** Age of the oldest message that is still queued, in milliseconds. */
  readonly oldestQueuedMs: number;
  readonly slow: number;
}

export interface HealthFigures {
  readonly status: Health['status'];
  readonly broker: Health['broker'];
  readonly connections: ConnectionsView;
  readonly subscriptions: number;
  readonly budgets: NonNullable<Health['budgets']>;
}

export interface IntrospectionOptions {
  readonly version: string;
  readonly nodeId: string;
  readonly broker: Broker;
  readonly catalogue: Catalogue;
  readonly fanout: Fanout;
  readonly budgets: () => Readonly<Record<string, Pick<Budget, 'used' | 'limit' | 'dropped'>>>;
  readonly counters: Counters;
  readonly connections: () => ConnectionsView;
  /** The sessions of all open connections, in the order in which they were opened. */
  readonly sessions: () => Iterable<Session>;
  readonly draining: () => boolean;
  readonly now: () => number;
}

export interface SubscriptionQuery {
  readonly stream?: string;
  readonly event?: string;
  readonly principal?: string;
  readonly connection?: string;
  /** Number of items on a page, from 1 to 1000. */
  readonly limit?: number;
  readonly cursor?: string;
}

/** Number of items on a page if the query does not specify it. */
export const DEFAULT_PAGE = HTTP_OPERATIONS.get_subscriptions.query.limit.default;

const MAX_UNSUBSCRIBED = MAX_ITEMS.NodeReport.unsubscribed;

function brokerOf(broker: Pick<Broker, 'health'>): Health['broker'] {
  const { kind, connected, lagMs } = broker.health();
  return { kind, connected, lagMs };
}

function time(ms: number): string {
  return new Date(ms).toISOString();
}

function tally(names: Iterable<string>): Record<string, number> {
  // A `Map` is used while counting. Clients choose these names, and a plain object already has members such as `constructor`.
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return Object.fromEntries(counts);
}

export class Introspection {
  readonly #options: IntrospectionOptions;
  readonly #startedAt: number;

  constructor(options: IntrospectionOptions) {
    this.#options = options;
    this.#startedAt = options.now();
  }

  get status(): Health['status'] {
    if (this.#options.draining()) return 'draining';
    return this.#options.broker.health().connected ? 'ok' : 'degraded';
  }

  /** The part of the health report that requires no scope. Its cost does not depend on the number of connections or streams. */
  summary(): HealthSummary {
    const { catalogue, nodeId, version, now } = this.#options;
    return {
      status: this.status,
      version,
      protocolVersion: PROTOCOL_VERSION,
      contractDigest: catalogue.digest,
      nodeId,
      uptimeMs: now() - this.#startedAt,
    };
  }

  /** The part of the health report that metrics use. Metrics are read often, so it does not iterate over streams or subscriptions. */
  figures(): HealthFigures {
    const { broker, fanout, connections } = this.#options;
    return {
      status: this.status,
      broker: brokerOf(broker),
      connections: connections(),
      subscriptions: fanout.size,
      budgets: this.#budgets(),
    };
  }

  #budgets(): NonNullable<Health['budgets']> {
    return Object.fromEntries(
      Object.entries(this.#options.budgets()).map(([name, { used, limit, dropped }]) => [
        name,
        { used, maximum: limit, dropped },
      ]),
    );
  }

  health(): Health {
    const { broker, catalogue, fanout, counters, connections } = this.#options;
    const subscriptions = [...fanout.subscriptions()];
    const { open, queuedBytes, slow } = connections();
    const { peers = [] } = broker.health();
    const others = peers.flatMap(({ nodeId: other, contractDigest }) =>
      contractDigest === undefined || contractDigest === catalogue.digest ? [] : [{ nodeId: other, contractDigest }],
    );
    return {
      ...this.summary(),
      connections: open,
      subscriptions: { total: subscriptions.length, byEvent: tally(subscriptions.flatMap((each) => each.events)) },
      streams: broker.streams().map(({ stream, head, historyEvents, historyBytes }) => ({
        stream,
        position: { epoch: head.epoch, sequenceId: head.sequenceId },
        historyEvents,
        historyBytes,
      })),
      broker: brokerOf(broker),
      backpressure: { queuedBytes, slow, closedSlow: counters.closedSlow },
      budgets: this.#budgets(),
      replay: { ...counters.replay },
      ...(others.length === 0 ? {} : { otherContracts: others.toSorted((a, b) => (a.nodeId < b.nodeId ? -1 : 1)) }),
    };
  }

  /** The figures of this node. Iterates over all connections, but not over streams, subscriptions or queues. */
  node(): NodeReport {
    const { broker, catalogue, counters, fanout, nodeId, version, now, connections } = this.#options;
    const { open, queuedBytes, slow } = connections();
    const idle = [...this.#options.sessions()].filter(({ subscriptions }) => subscriptions.size === 0);
    return {
      nodeId,
      status: this.status,
      version,
      contractDigest: catalogue.digest,
      uptimeMs: now() - this.#startedAt,
      connections: open,
      subscriptions: fanout.size,
      published: [...counters.published.values()].reduce((total, count) => total + count, 0),
      delivered: counters.deliveries,
      replayed: counters.replay.events,
      gaps: Object.fromEntries(counters.gaps),
      queuedBytes,
      slow,
      closedSlow: counters.closedSlow,
      broker: brokerOf(broker),
      budgets: this.#budgets(),
      unsubscribedCount: idle.length,
      unsubscribed: idle.slice(-MAX_UNSUBSCRIBED).toReversed().map(unsubscribedReport),
    };
  }

  #report(subscription: Subscription, unwritten: ReadonlyMap<string, Position>): SubscriptionReport {
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
      lag: this.#lagOf(subscription, unwritten),
      queuedBytes: outlet.queuedBytes,
      oldestQueuedMs: outlet.oldestQueuedMs,
      gaps: subscription.gaps,
      slow: outlet.slow,
    };
  }

  /** Number of events of the subscription's streams that are not yet written to the client. */
  #lagOf({ selectors }: Subscription, unwritten: ReadonlyMap<string, Position>): number {
    let lag = 0;
    for (const [stream, written] of unwritten) {
      const head = selects(selectors, stream) ? this.#options.broker.headOf(stream) : undefined;
      if (head?.epoch === written.epoch) lag += Math.max(0, head.sequenceId - written.sequenceId);
    }
    return lag;
  }

  /** Selects subscriptions of this node by the query. Returns one page of them, and the totals of all of them. */
  page(query: SubscriptionQuery): SubscriptionsPage {
    const reports = this.#select(query);
    const { cursor, limit = DEFAULT_PAGE } = query;
    const rest = cursor === undefined ? reports : reports.filter((each) => orderKey(each) > cursor);
    const items = rest.slice(0, limit);
    const last = items.at(-1);
    return {
      items,
      total: reports.length,
      aggregates: aggregate(reports),
      partial: false,
      missingNodes: [],
      ...(last === undefined || items.length === rest.length ? {} : { nextCursor: orderKey(last) }),
    };
  }

  #select(query: SubscriptionQuery): SubscriptionReport[] {
    // Computed once per connection, because it iterates over the whole send queue.
    const unwritten = new Map<Session, ReadonlyMap<string, Position>>();
    const unwrittenOf = (session: Session): ReadonlyMap<string, Position> => {
      const known = unwritten.get(session) ?? session.outlet.unwritten();
      unwritten.set(session, known);
      return known;
    };
    return [...this.#options.fanout.subscriptions()]
      .filter(
        (each) =>
          (query.stream === undefined || selects(each.selectors, query.stream)) &&
          (query.event === undefined || each.events.includes(query.event)) &&
          (query.principal === undefined || each.session.principal.id === query.principal) &&
          (query.connection === undefined || each.session.connectionId === query.connection),
      )
      .map((each) => this.#report(each, unwrittenOf(each.session)))
      .toSorted((a, b) => (orderKey(a) < orderKey(b) ? -1 : 1));
  }
}

function unsubscribedReport(session: Session): UnsubscribedConnection {
  const { connectionId, principal, remoteAddress, openedAt, lastActivityAt } = session;
  return {
    connectionId,
    principal: principal.id,
    remoteAddress,
    openedAt: time(openedAt),
    lastActivityAt: time(lastActivityAt),
  };
}

/** The key by which subscriptions are sorted. A cursor is the key of the last subscription on a page. */
export function orderKey(report: Pick<SubscriptionReport, 'connectionId' | 'subscriptionId'>): string {
  return `${report.connectionId}/${report.subscriptionId}`;
}

function aggregate(reports: readonly SubscriptionReport[]): SubscriptionAggregates {
  return {
    directories: tally(reports.flatMap((each) => each.filter.paths ?? [])),
    extensions: tally(reports.flatMap((each) => each.filter.extensions ?? [])),
    changeTypes: tally(reports.flatMap((each) => each.filter.changeTypes ?? [])),
    events: tally(reports.flatMap((each) => each.events)),
    replayPressure: {
      replaying: reports.filter((each) => each.lag > 0).length,
      replayedEvents: reports.reduce((sum, each) => sum + each.replay.count, 0),
    },
  };
}
