/**
 * Creates the reports that an operator can read from a running gateway (OPS-1 to OPS-3, OPS-9). Creating a report does not change the state
 * of the gateway.
 */
import { MAX_ITEMS, PROTOCOL_VERSION } from '../../generated/protocol.ts';
import type {
  Health,
  HealthSummary,
  NodeReport,
  SubscriptionsPage,
  UnsubscribedConnection,
} from '../../generated/types.ts';
import type { Broker } from '../broker/broker.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import type { Budget } from '../replay/budget.ts';
import type { Fanout } from '../delivery/fan-out.ts';
import type { Counters } from './counters.ts';
import type { Session } from '../session/session.ts';
import type { SliceOptions } from '../session/slices.ts';
import { countNames, time } from './figures.ts';
import { subscriptionsPage } from './subscriptions-page.ts';
import type { SubscriptionQuery } from './subscriptions-page.ts';

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

const MAX_UNSUBSCRIBED = MAX_ITEMS.NodeReport.unsubscribed;

function brokerOf(broker: Pick<Broker, 'health'>): Health['broker'] {
  const { kind, connected, lagMs } = broker.health();
  return { kind, connected, lagMs };
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
    const byEvent = new Map<string, number>();
    for (const { events } of fanout.subscriptions()) countNames(byEvent, events);
    const { open, queuedBytes, slow } = connections();
    const { peers = [] } = broker.health();
    const others = peers.flatMap(({ nodeId: other, contractDigest }) =>
      contractDigest === undefined || contractDigest === catalogue.digest ? [] : [{ nodeId: other, contractDigest }],
    );
    return {
      ...this.summary(),
      connections: open,
      subscriptions: { total: fanout.size, byEvent: Object.fromEntries(byEvent) },
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

  /** Selects subscriptions of this node by the query. Returns one page of them, and the totals of all of them. */
  page(query: SubscriptionQuery, slices: SliceOptions): Promise<SubscriptionsPage> {
    return subscriptionsPage(query, { ...this.#options, slices });
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
