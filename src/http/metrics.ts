/**
 * Prometheus metrics (OPS-4), computed at each scrape from the counts of the gateway. Times are in seconds, sizes in bytes. A series is
 * reported from the start if its label values are known in advance, because `increase` and `rate` ignore the first value of a new series.
 */
import { Registry } from 'prom-client';
import { CLOSE_CODES, ERRORS, GAP_REASONS, PROTOCOL_VERSION } from '../../generated/protocol.ts';
import { CUSTOM_EVENTS } from '../catalogue/catalogue.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import type { Counters } from '../introspection/counters.ts';
import type { HealthFigures } from '../introspection/introspection.ts';
import { Exposition } from './exposition.ts';
import { addProcessMetrics } from './process-metrics.ts';

export interface MetricsOptions {
  readonly nodeId: string;
  readonly version: string;
  readonly catalogue: Pick<Catalogue, 'digest' | 'events'>;
  readonly figures: () => HealthFigures;
  readonly counters: Counters;
  readonly audit: { readonly dropped: number };
  readonly limits: Readonly<Record<string, number>>;
}

/** Close codes of RFC 6455, 7.4.1, that occur in addition to those of the contract. */
const STANDARD_CLOSE_CODES = [1000, 1001, 1002, 1003, 1005, 1006, 1007, 1008, 1009, 1011];
const KNOWN_CLOSE_CODES = [...STANDARD_CLOSE_CODES, ...Object.values(CLOSE_CODES).map(({ code }) => code)];

/** The HTTP statuses with which upgrades and requests for server-sent events are refused. */
const REFUSALS = [400, 401, 403, 404, 422, 426, 429, 500, 503];

/**
 * Reads the figures once per turn of the event loop, and so once per scrape. A reading iterates over all connections, and a dozen metrics
 * of one scrape need the figures.
 */
function perTurn<T>(read: () => T): () => T {
  let current: { readonly value: T } | undefined;
  return () => {
    if (current === undefined) {
      current = { value: read() };
      setImmediate(() => (current = undefined));
    }
    return current.value;
  };
}

/** Creates the metrics of one gateway. Each gateway has its own registry, so that several gateways in one process do not conflict. */
export function createMetrics(options: MetricsOptions): Registry {
  const registry = new Registry();
  addProcessMetrics(registry);
  const exposition = new Exposition(registry);
  const figures = perTurn(options.figures);
  identity(exposition, options);
  connections(exposition, figures, options.counters);
  events(exposition, options);
  broker(exposition, figures);
  bounds(exposition, figures, options.limits);
  exposition.counter('audit_dropped', 'Lines missing from the audit log.', () => options.audit.dropped);
  return registry;
}

function identity(exposition: Exposition, { version, nodeId, catalogue }: MetricsOptions): void {
  const labels = {
    version,
    protocol_version: PROTOCOL_VERSION,
    contract_digest: catalogue.digest,
    node_id: nodeId,
  };
  exposition.info('build_info', 'Version, contract and node; always 1.', labels);
}

/**
 * Reports only the sum of all send queues and the longest one (BCK-2), not the queue of each connection, because the series of a connection
 * would remain in the metrics database after the connection has ended. `/ws/subscriptions` shows the queue of each connection.
 */
function connections(exposition: Exposition, figures: () => HealthFigures, counters: Counters): void {
  const view = (): HealthFigures['connections'] => figures().connections;
  exposition.gauge('connections', 'Open WebSocket connections.', () => view().open);
  exposition.gauge('subscriptions', 'Live subscriptions.', () => figures().subscriptions);
  exposition.gauge('queued_bytes', 'Bytes queued for clients.', () => view().queuedBytes);
  exposition.gauge(
    'longest_queue_bytes',
    'Bytes in the longest send queue of a client.',
    () => view().longestQueueBytes,
  );
  exposition.gauge('oldest_queued_seconds', 'Age of the oldest queued message.', () => view().oldestQueuedMs / 1000);
  exposition.gauge('slow_connections', 'Connections past the soft limit of their send queue.', () => view().slow);
  exposition.gauge('draining', '1 while the node drains, otherwise 0.', () =>
    figures().status === 'draining' ? 1 : 0,
  );
  exposition.counter('accepted', 'Connections accepted.', () => counters.accepted);
  exposition.counter(
    'closed_slow',
    'Connections closed with 4201, because their send queue exceeded a limit.',
    () => counters.closedSlow,
  );
  exposition.tally(
    {
      name: 'refused',
      label: 'status',
      help: 'Refused upgrades and refused requests for server-sent events, by HTTP status.',
      known: REFUSALS,
    },
    () => counters.refused,
  );
  exposition.tally(
    { name: 'closed', label: 'code', help: 'Connections closed, by close code.', known: KNOWN_CLOSE_CODES },
    () => counters.closed,
  );
  exposition.tally(
    { name: 'errors', label: 'code', help: 'Commands refused, by error code.', known: Object.keys(ERRORS) },
    () => counters.errors,
  );
  exposition.histogram(
    { name: 'command_duration_seconds', label: 'command', help: 'Time from a command to its reply.' },
    () => counters.commandSeconds,
  );
}

function events(exposition: Exposition, { counters, catalogue }: MetricsOptions): void {
  const names = [...catalogue.events.keys(), CUSTOM_EVENTS];
  exposition.tally(
    {
      name: 'published',
      label: 'event',
      help: 'Events published by this node; * counts all custom events.',
      known: names,
    },
    () => counters.published,
  );
  exposition.counter('deliveries', 'Live event messages queued for connections.', () => counters.deliveries);
  exposition.counter(
    'encodings',
    'Event frames built; fewer than deliveries if connections share frames.',
    () => counters.encodings,
  );
  exposition.counter('replayed_events', 'Replayed events sent.', () => counters.replay.events);
  exposition.tally(
    { name: 'gaps', label: 'reason', help: 'Gaps sent to clients, by reason.', known: GAP_REASONS },
    () => counters.gaps,
  );
  exposition.histogram(
    {
      name: 'delivery_delay_seconds',
      help: 'Time from emittedAt of an event until it was queued for its subscribers.',
    },
    () => new Map([['', counters.deliverySeconds]]),
  );
  exposition.histogram(
    { name: 'replay_duration_seconds', label: 'kind', help: 'Time from subscribed to replay_complete.' },
    () => new Map(Object.entries(counters.replaySeconds)),
  );
}

function broker(exposition: Exposition, figures: () => HealthFigures): void {
  exposition.gauge('broker_connected', '1 while the broker is connected, otherwise 0.', () =>
    figures().broker.connected ? 1 : 0,
  );
  exposition.gauge(
    'broker_lag_seconds',
    'Round trip of the broker heartbeat; if a heartbeat is overdue, its age.',
    () => figures().broker.lagMs / 1000,
  );
}

/** Reports budgets and limits. A budget has the name of its limit. A limit has the name of its setting, which includes the unit. */
function bounds(exposition: Exposition, figures: () => HealthFigures, limits: Readonly<Record<string, number>>): void {
  const budgets = (): [string, { readonly used: number; readonly dropped: number }][] => {
    const byName: Readonly<Record<string, { readonly used: number; readonly dropped: number }>> = {
      ...figures().budgets,
    };
    return Object.entries(byName);
  };
  exposition.gauges(
    {
      name: 'budget_used',
      label: 'name',
      help: 'Use of each budget; tidemark_limit with the same name is its maximum.',
    },
    () => new Map(budgets().map(([name, { used }]) => [name, used])),
  );
  exposition.tally(
    {
      name: 'budget_dropped',
      label: 'name',
      help: 'Events, streams and keys that were dropped to stay within a budget.',
      known: [],
    },
    () => new Map(budgets().map(([name, { dropped }]) => [name, dropped])),
  );
  exposition.gauges(
    { name: 'limit', label: 'name', help: 'The limits in force, in the units of their settings.' },
    () => new Map(Object.entries(limits)),
  );
}
