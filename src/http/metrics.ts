/** Prometheus metrics (OPS-4): computed from the gateway's own counts at each scrape. */
import { Counter, Gauge, Registry, collectDefaultMetrics } from 'prom-client';
import type { Counters } from '../introspection/counters.ts';
import type { ConnectionsView, HealthFigures } from '../introspection/introspection.ts';

export interface MetricsOptions {
  readonly figures: () => HealthFigures;
  readonly counters: Counters;
  readonly audit: { readonly dropped: number };
  readonly limits: Readonly<Record<string, number>>;
}

/** Reads once per scrape: what is asked for walks all connections, and a dozen metrics ask for it in the same turn. */
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

function gauge(registry: Registry, name: string, help: string, read: () => number): void {
  new Gauge({
    name: `tidemark_${name}`,
    help,
    registers: [registry],
    collect() {
      this.set(read());
    },
  });
}

function counter(registry: Registry, name: string, help: string, read: () => number): void {
  new Counter({
    name: `tidemark_${name}_total`,
    help,
    registers: [registry],
    collect() {
      this.reset();
      this.inc(read());
    },
  });
}

function labelled(
  registry: Registry,
  name: string,
  label: string,
  help: string,
  read: () => ReadonlyMap<string | number, number>,
): void {
  new Counter({
    name: `tidemark_${name}_total`,
    help,
    labelNames: [label],
    registers: [registry],
    collect() {
      this.reset();
      for (const [key, value] of read()) this.inc({ [label]: String(key) }, value);
    },
  });
}

/**
 * The total and the largest send queue (BCK-2). `/ws/subscriptions` shows the queue of each connection; a metric series per
 * connection would outlive the connection in every database that collects it.
 */
function backpressure(registry: Registry, view: () => ConnectionsView): void {
  gauge(registry, 'queued_bytes', 'Bytes queued for clients.', () => view().queuedBytes);
  gauge(registry, 'longest_queue_bytes', 'Bytes queued for the client with the most.', () => view().longestQueueBytes);
  gauge(registry, 'oldest_queued_milliseconds', 'Age of the oldest queued message.', () => view().oldestQueuedMs);
  gauge(registry, 'slow_connections', 'Connections past the soft limit of their send queue.', () => view().slow);
}

/** One registry per gateway, so that several gateways in one process do not conflict. */
export function createMetrics({ counters, audit, limits, ...options }: MetricsOptions): Registry {
  const figures = perTurn(options.figures);
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  gauge(registry, 'connections', 'Open WebSocket connections.', () => figures().connections.open);
  gauge(registry, 'subscriptions', 'Live subscriptions.', () => figures().subscriptions);
  backpressure(registry, () => figures().connections);
  gauge(registry, 'broker_connected', '1 while the broker answers.', () => (figures().broker.connected ? 1 : 0));
  gauge(registry, 'broker_lag_milliseconds', 'Round trip of the broker heartbeat.', () => figures().broker.lagMs);
  gauge(registry, 'draining', '1 while the node shuts down.', () => (figures().status === 'draining' ? 1 : 0));
  counter(registry, 'deliveries', 'Live event messages queued for connections.', () => counters.deliveries);
  counter(
    registry,
    'encodings',
    'Event frames built; fewer than deliveries where connections share one.',
    () => counters.encodings,
  );
  counter(registry, 'published', 'Events accepted by this node.', () => counters.published);
  counter(registry, 'replayed_events', 'Replayed events sent.', () => counters.replay.events);
  counter(registry, 'closed_slow', 'Connections closed past the hard limit (4201).', () => counters.closedSlow);
  counter(registry, 'accepted', 'Connections accepted.', () => counters.accepted);
  counter(registry, 'audit_dropped', 'Lines missing from the audit log.', () => audit.dropped);
  labelled(registry, 'refused', 'status', 'Upgrades refused, by HTTP status.', () => counters.refused);
  labelled(registry, 'closed', 'code', 'Connections closed, by close code.', () => counters.closed);
  labelled(registry, 'gaps', 'reason', 'Gaps sent to clients, by reason.', () => counters.gaps);
  labelled(registry, 'errors', 'code', 'Commands refused, by error code.', () => counters.errors);
  new Gauge({
    name: 'tidemark_budget_used',
    help: 'Current use of each budget of this node; tidemark_limit of the same name is its maximum.',
    labelNames: ['name'],
    registers: [registry],
    collect() {
      const budgets: Readonly<Record<string, { readonly used: number }>> = { ...figures().budgets };
      for (const [name, { used }] of Object.entries(budgets)) this.set({ name }, used);
    },
  });
  labelled(
    registry,
    'budget_dropped',
    'name',
    'Events, streams and keys that were dropped for a budget.',
    () => new Map(Object.entries(figures().budgets).map(([name, { dropped }]) => [name, dropped])),
  );
  new Gauge({
    name: 'tidemark_limit',
    help: 'The limits in force.',
    labelNames: ['name'],
    registers: [registry],
    collect() {
      for (const [name, value] of Object.entries(limits)) this.set({ name }, value);
    },
  });
  return registry;
}
