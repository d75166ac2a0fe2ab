/** Shows the newest reports on the page. */
import { h, render } from 'preact';
import type { ComponentChild } from 'preact';
import type { Health, HealthStream, HealthSummary, NodeReport, SubscriptionsPage } from '../../../generated/types.ts';
import { budgetList, hotLists, nameBars } from './bar-lists.ts';
import type { ClientRow } from './clients.ts';
import { clientsTable, subscriptionsTable } from './client-tables.ts';
import { gapsOf, nodeRate } from './cluster.ts';
import type { Moment } from './cluster.ts';
import { DataTable } from './data-table.ts';
import { find } from './element.ts';
import { bytesText, durationText, rateText } from './quantity.ts';

/** The newest reports. A report is undefined if it has not been read yet, or if the credential does not permit reading it. */
export interface Reports {
  readonly health?: Health | HealthSummary | undefined;
  readonly page?: SubscriptionsPage | undefined;
  readonly now?: Moment | undefined;
  readonly before?: Moment | undefined;
  readonly clients: readonly ClientRow[];
  /** The number of events per directory. */
  readonly hot: Readonly<Record<string, number>>;
  /** Why the reports about the nodes and their clients cannot be shown; undefined if they can be. */
  readonly refused?: string | undefined;
  /** The text, in lower case, that a row must contain to be shown. */
  readonly search: string;
}

/** @param onDisconnect called with the client whose "Disconnect" button was pressed */
export function showPanels(reports: Reports, onDisconnect: (client: ClientRow) => void): void {
  const { page, now, refused = 'Not read yet.' } = reports;
  const nothing = (whenRead: string): string => (page === undefined ? refused : whenRead);
  show('facts', facts(reports));
  show('missing', missingText(reports));
  show('nodes', nodesTable(reports, refused));
  show('clients', clientsTable(chosen(reports.clients, reports), nothing('No client matches.'), onDisconnect));
  show('subscriptions', subscriptionsTable(chosen(page?.items ?? [], reports), nothing('No subscription matches.')));
  show('streams', streamsTable(reports.health, refused));
  show('hot', hotLists(reports.hot, page?.aggregates));
  show(
    'gaps',
    nameBars('Gaps sent since the start', now === undefined ? {} : gapsOf(now.nodes), 'No client has received a gap.'),
  );
  show('budgets', budgetList(now?.nodes, refused));
}

function show(id: string, content: ComponentChild): void {
  render(content, find(id, HTMLElement));
}

function chosen<Row extends object>(rows: readonly Row[], { search }: Reports): readonly Row[] {
  return search === '' ? rows : rows.filter((row) => JSON.stringify(row).toLowerCase().includes(search));
}

function facts({ health, now, refused }: Reports): ComponentChild[] {
  if (health === undefined) return [];
  const { status, version, nodeId } = health;
  return [
    fact('status', status, status === 'ok' ? 'good' : 'bad'),
    fact('version', version),
    fact('node', nodeId),
    now === undefined ? fact('more', refused ?? 'being read') : nodesFact(now),
    ...('streams' in health ? [fact('broker', brokerText(health.broker), health.broker.connected ? '' : 'bad')] : []),
  ];
}

function nodesFact({ nodes: { nodes, missingNodes } }: Moment): ComponentChild {
  const missing = missingNodes.length;
  return fact('nodes', `${nodes.length}${missing === 0 ? '' : `, ${missing} missing`}`, missing === 0 ? '' : 'bad');
}

function fact(name: string, value: string, kind = ''): ComponentChild {
  return h('div', { key: name }, h('dt', {}, name), h('dd', { class: kind }, value));
}

function brokerText({ kind, connected, lagMs }: NodeReport['broker']): string {
  return connected ? `${kind} ${lagMs} ms` : `${kind} is unavailable`;
}

function missingText({ now, page }: Reports): ComponentChild {
  const missing = now?.nodes.missingNodes ?? [];
  const more = (page?.total ?? 0) - (page?.items.length ?? 0);
  const texts = [
    ...(missing.length > 0 ? [`Nodes that did not answer: ${missing.join(', ')}. Their clients are not listed.`] : []),
    ...(more > 0 ? [`${more} more subscriptions are not listed; the command tidemark top reads all of them.`] : []),
  ];
  return texts.length === 0 ? null : h('p', { role: 'status' }, texts.join(' '));
}

function nodesTable({ now, before }: Reports, refused: string): ComponentChild {
  const rateOf = ({ nodeId }: NodeReport): number | undefined =>
    now === undefined ? undefined : nodeRate(nodeId, now, before);
  return h(DataTable<NodeReport>, {
    label: 'Nodes',
    sortBy: 'Queued',
    rows: now?.nodes.nodes ?? [],
    empty: refused,
    keyOf: ({ nodeId }) => nodeId,
    classOf: ({ status }) => (status === 'ok' ? '' : 'slow'),
    columns: [
      { title: 'Node', value: ({ nodeId }) => nodeId },
      { title: 'Status', value: ({ status }) => status },
      { title: 'Clients', value: ({ connections }) => connections },
      { title: 'Subscriptions', value: ({ subscriptions }) => subscriptions },
      { title: 'Events/s', value: (node) => rateOf(node) ?? -1, show: (node) => rateText(rateOf(node)) },
      { title: 'Queued', value: ({ queuedBytes }) => queuedBytes, show: ({ queuedBytes }) => bytesText(queuedBytes) },
      { title: 'Slow', value: ({ slow }) => slow },
      { title: 'Closed as slow', value: ({ closedSlow }) => closedSlow },
      { title: 'Broker', value: ({ broker }) => broker.lagMs, show: ({ broker }) => brokerText(broker) },
      { title: 'Up', value: ({ uptimeMs }) => uptimeMs, show: ({ uptimeMs }) => durationText(uptimeMs) },
      { title: 'Version', value: ({ version }) => version },
    ],
  });
}

function streamsTable(health: Health | HealthSummary | undefined, refused: string): ComponentChild {
  const streams = health !== undefined && 'streams' in health ? health.streams : undefined;
  return h(DataTable<HealthStream>, {
    label: 'Streams of this node',
    sortBy: 'Head',
    rows: streams ?? [],
    empty: streams === undefined ? refused : 'No stream has an event.',
    keyOf: ({ stream }) => stream,
    columns: [
      { title: 'Stream', value: ({ stream }) => stream },
      {
        title: 'Head',
        value: ({ position }) => position.sequenceId,
        show: ({ position }) => `#${position.sequenceId}`,
      },
      { title: 'Events in history', value: ({ historyEvents }) => historyEvents },
      { title: 'Size', value: ({ historyBytes }) => historyBytes, show: ({ historyBytes }) => bytesText(historyBytes) },
    ],
  });
}
