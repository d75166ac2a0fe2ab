/** Computes the list of clients of all nodes from the reports of the gateway. */
import type { NodesReport, SubscriptionReport, SubscriptionsPage } from '../../../generated/types.ts';

export interface ClientRow {
  readonly connectionId: string;
  readonly nodeId: string;
  readonly principal: string;
  readonly remoteAddress: string;
  readonly subscriptions: number;
  readonly queuedBytes: number;
  readonly oldestQueuedMs: number;
  /** Largest lag among the subscriptions of the client, in events. */
  readonly lag: number;
  readonly delivered: number;
  readonly replayed: number;
  readonly gaps: number;
  /** Events per second since the previous report; undefined in the first report. */
  readonly perSecond: number | undefined;
  /** Milliseconds since the client last sent anything. */
  readonly idleMs: number;
  readonly slow: boolean;
}

/** The reports of one moment, and the clients of the moment before. */
export interface ClientsInput {
  readonly page: SubscriptionsPage;
  readonly nodes: NodesReport;
  /** When the report was read, in milliseconds since the Unix epoch. */
  readonly at: number;
  readonly before?: { readonly at: number; readonly clients: readonly ClientRow[] };
}

export function clientsOf({ page, nodes, at, before }: ClientsInput): ClientRow[] {
  const earlier = new Map(before?.clients.map((each) => [each.connectionId, each.delivered]));
  const seconds = before === undefined ? 0 : (at - before.at) / 1000;
  const subscribed = [...Map.groupBy(page.items, ({ connectionId }) => connectionId).values()].flatMap((own) => {
    const [first] = own;
    if (first === undefined) return [];
    const row = rowOf(first, own, at);
    const known = earlier.get(row.connectionId);
    const perSecond = known === undefined || seconds <= 0 ? undefined : Math.max(0, row.delivered - known) / seconds;
    return [{ ...row, perSecond }];
  });
  const listed = new Set(subscribed.map(({ connectionId }) => connectionId));
  return [...subscribed, ...unsubscribed(nodes, at).filter(({ connectionId }) => !listed.has(connectionId))];
}

function rowOf(first: SubscriptionReport, own: readonly SubscriptionReport[], at: number): ClientRow {
  const sum = (of: (each: SubscriptionReport) => number): number => own.reduce((total, each) => total + of(each), 0);
  const { connectionId, nodeId, principal, remoteAddress = '', queuedBytes, oldestQueuedMs, slow } = first;
  return {
    connectionId,
    nodeId,
    principal,
    remoteAddress,
    subscriptions: own.length,
    // The queue belongs to the connection, so all subscriptions of a connection report the same queue.
    queuedBytes,
    oldestQueuedMs,
    lag: Math.max(...own.map(({ lag }) => lag)),
    delivered: sum(({ delivered }) => delivered),
    replayed: sum(({ replay }) => replay.count),
    gaps: sum(({ gaps }) => gaps),
    perSecond: undefined,
    idleMs: Math.max(0, at - Date.parse(first.lastActivityAt)),
    slow,
  };
}

function unsubscribed({ nodes }: NodesReport, at: number): ClientRow[] {
  const none = { subscriptions: 0, queuedBytes: 0, oldestQueuedMs: 0, lag: 0, delivered: 0, replayed: 0, gaps: 0 };
  return nodes.flatMap(({ nodeId, unsubscribed: connections }) =>
    connections.map(({ connectionId, principal, remoteAddress = '', lastActivityAt }) => ({
      ...none,
      connectionId,
      nodeId,
      principal,
      remoteAddress,
      perSecond: undefined,
      idleMs: Math.max(0, at - Date.parse(lastActivityAt)),
      slow: false,
    })),
  );
}
