/** Reads the subscriptions of all nodes (OPS-2), and computes the cost of each client. */
import type { CountsByName, SubscriptionReport, SubscriptionsPage } from '../../generated/types.ts';
import { httpValidators } from '../../generated/validators.js';
import { call } from './remote.ts';
import type { RemoteOptions } from './remote.ts';
import { plain } from './terminal.ts';

export interface SubscriptionReports {
  readonly items: readonly SubscriptionReport[];
  /** Number of subscriptions per subscribed directory. */
  readonly directories: CountsByName;
  /** Nodes that did not answer. Their subscriptions are missing. */
  readonly missingNodes: readonly string[];
}

/** The cost of a client, computed from its subscriptions. */
export interface ClientReport {
  readonly connectionId: string;
  readonly nodeId: string;
  readonly principal: string;
  readonly remoteAddress: string | null;
  readonly subscriptions: number;
  readonly streams: readonly string[];
  readonly queuedBytes: number;
  readonly oldestQueuedMs: number;
  /** Largest lag among the subscriptions of the client, in events. */
  readonly lag: number;
  readonly delivered: number;
  readonly replayed: number;
  readonly gaps: number;
  /** Milliseconds since the client last sent anything. */
  readonly idleMs: number;
  readonly slow: boolean;
}

/** Items per page: the maximum that the contract allows. */
const PAGE = 1000;

/** Reads all pages. @throws {CliError} if the gateway refuses a page or is unreachable */
export async function readSubscriptions(
  options: RemoteOptions,
  query: Readonly<Record<string, string>> = {},
): Promise<SubscriptionReports> {
  const items: SubscriptionReport[] = [];
  let cursor: string | undefined;
  for (;;) {
    const page = (await call(options, {
      below: '/subscriptions',
      query: { ...query, limit: String(PAGE), ...(cursor === undefined ? {} : { cursor }) },
      fits: httpValidators.subscriptions_page,
    })) as SubscriptionsPage;
    items.push(...page.items);
    cursor = page.nextCursor;
    if (cursor === undefined)
      return { items, directories: page.aggregates.directories, missingNodes: page.missingNodes };
  }
}

/** Which subscriptions a command lists. */
export interface Selection {
  readonly principal?: string | undefined;
  readonly stream?: string | undefined;
  readonly connection?: string | undefined;
}

/** The text for a list without subscriptions. It claims nothing about the subscriptions that were not selected, or not read. */
export function noSubscriptionText(
  { principal, stream, connection }: Selection,
  { missingNodes }: Pick<SubscriptionReports, 'missingNodes'>,
): string {
  const selected = [
    ...(principal === undefined ? [] : [` of ${plain(principal)}`]),
    ...(stream === undefined ? [] : [` to the stream ${plain(stream)}`]),
    ...(connection === undefined ? [] : [` on the connection ${plain(connection)}`]),
  ].join('');
  if (missingNodes.length > 0) return `The nodes that answered have no subscription${selected}.`;
  return selected === '' ? 'No client has a subscription.' : `There is no subscription${selected}.`;
}

/** Groups subscriptions by client. @param now the current time, in milliseconds since the Unix epoch */
export function clientsOf(items: readonly SubscriptionReport[], now: number): ClientReport[] {
  return [...Map.groupBy(items, ({ connectionId }) => connectionId).values()].flatMap((own) => {
    const [first] = own;
    return first === undefined ? [] : [clientOf(first, own, now)];
  });
}

function clientOf(first: SubscriptionReport, own: readonly SubscriptionReport[], now: number): ClientReport {
  const sum = (of: (each: SubscriptionReport) => number): number => own.reduce((total, each) => total + of(each), 0);
  const { connectionId, nodeId, principal, remoteAddress = null, queuedBytes, oldestQueuedMs, slow } = first;
  return {
    connectionId,
    nodeId,
    principal,
    remoteAddress,
    subscriptions: own.length,
    streams: [...new Set(own.flatMap(({ stream, streams = [] }) => stream ?? streams))],
    // The queue belongs to the connection, so all subscriptions of a connection report the same queue.
    queuedBytes,
    oldestQueuedMs,
    lag: Math.max(...own.map(({ lag }) => lag)),
    delivered: sum(({ delivered }) => delivered),
    replayed: sum(({ replay }) => replay.count),
    gaps: sum(({ gaps }) => gaps),
    idleMs: Math.max(0, now - Date.parse(first.lastActivityAt)),
    slow,
  };
}
