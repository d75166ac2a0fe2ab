/** The tables of clients and of their subscriptions. */
import { h } from 'preact';
import type { ComponentChild } from 'preact';
import type { SubscriptionReport } from '../../../generated/types.ts';
import type { ClientRow } from './clients.ts';
import { DataTable } from './data-table.ts';
import { bytesText, durationText, rateText } from './quantity.ts';

export function clientsTable(
  rows: readonly ClientRow[],
  empty: string,
  onDisconnect: (client: ClientRow) => void,
): ComponentChild {
  return h(DataTable<ClientRow>, {
    label: 'Clients',
    sortBy: 'Queued',
    rows,
    empty,
    keyOf: ({ connectionId }) => connectionId,
    classOf: ({ slow }) => (slow ? 'slow' : ''),
    columns: [
      { title: 'Principal', value: ({ principal }) => principal },
      { title: 'Address', value: ({ remoteAddress }) => remoteAddress },
      { title: 'Node', value: ({ nodeId }) => nodeId },
      { title: 'Queued', value: ({ queuedBytes }) => queuedBytes, show: queueOf },
      {
        title: 'Oldest',
        value: ({ oldestQueuedMs }) => oldestQueuedMs,
        show: ({ oldestQueuedMs: ms }) => durationText(ms),
      },
      { title: 'Lag', value: ({ lag }) => lag },
      { title: 'Events/s', value: ({ perSecond }) => perSecond ?? -1, show: ({ perSecond }) => rateText(perSecond) },
      { title: 'Delivered', value: ({ delivered }) => delivered },
      { title: 'Replayed', value: ({ replayed }) => replayed },
      { title: 'Gaps', value: ({ gaps }) => gaps },
      { title: 'Subscriptions', value: ({ subscriptions: count }) => count, show: subscribedText },
      { title: 'Idle', value: ({ idleMs }) => idleMs, show: ({ idleMs }) => durationText(idleMs) },
      {
        title: 'Connection',
        value: ({ connectionId }) => connectionId,
        show: ({ connectionId }) => h('code', {}, connectionId),
      },
      { title: '', value: () => '', show: (client) => disconnectButton(client, onDisconnect) },
    ],
  });
}

function queueOf({ queuedBytes, slow }: ClientRow): string {
  return `${bytesText(queuedBytes)}${slow ? ' SLOW' : ''}`;
}

/** A client without a subscription is marked, because it receives nothing. This is a common reason why an agent receives no event. */
function subscribedText({ subscriptions }: ClientRow): string {
  return subscriptions === 0 ? 'none' : String(subscriptions);
}

function disconnectButton(client: ClientRow, onDisconnect: (client: ClientRow) => void): ComponentChild {
  const label = `Disconnect ${client.principal}, connection ${client.connectionId}`;
  return h('button', { type: 'button', 'aria-label': label, onClick: () => onDisconnect(client) }, 'Disconnect…');
}

export function subscriptionsTable(rows: readonly SubscriptionReport[], empty: string): ComponentChild {
  return h(DataTable<SubscriptionReport>, {
    label: 'Subscriptions',
    sortBy: 'Lag',
    rows,
    empty,
    keyOf: ({ connectionId, subscriptionId }) => `${connectionId}/${subscriptionId}`,
    classOf: ({ slow }) => (slow ? 'slow' : ''),
    columns: [
      { title: 'Principal', value: ({ principal }) => principal },
      { title: 'Stream', value: ({ stream, streams = [] }) => stream ?? streams.join(', ') },
      { title: 'Events', value: ({ events }) => events.join(', ') },
      { title: 'Filter', value: filterText },
      { title: 'Delivered', value: ({ delivered }) => delivered },
      { title: 'Lag', value: ({ lag }) => lag },
      { title: 'Queued', value: ({ queuedBytes }) => queuedBytes, show: ({ queuedBytes }) => bytesText(queuedBytes) },
      { title: 'Replay', value: ({ replay }) => replay.count, show: ({ replay }) => `${replay.mode}, ${replay.count}` },
      { title: 'Gaps', value: ({ gaps }) => gaps },
      { title: 'Last event', value: lastDelivery, show: ({ lastDeliveredAt: at }) => at?.slice(11, 19) ?? 'none' },
      {
        title: 'Last activity',
        value: ({ lastActivityAt }) => lastActivityAt,
        show: ({ lastActivityAt }) => lastActivityAt.slice(11, 19),
      },
      { title: 'Id', value: ({ subscriptionId }) => subscriptionId },
      {
        title: 'Connection',
        value: ({ connectionId }) => connectionId,
        show: ({ connectionId }) => h('code', {}, connectionId),
      },
    ],
  });
}

function lastDelivery({ lastDeliveredAt = '' }: SubscriptionReport): string {
  return lastDeliveredAt;
}

function filterText({ filter }: SubscriptionReport): string {
  return (
    Object.entries(filter)
      .map(([field, values]) => `${field}: ${String(values)}`)
      .join('; ') || 'none'
  );
}
