/** Lists of names. Each name has a bar that shows its count. */
import { h } from 'preact';
import type { ComponentChild } from 'preact';
import type { NodesReport, SubscriptionAggregates } from '../../../generated/types.ts';
import { budgetsOf } from './cluster.ts';
import type { BudgetRow } from './cluster.ts';
import { bytesText } from './quantity.ts';

interface Bar {
  readonly name: string;
  readonly text: string;
  /** The length of the bar, as a part of the full width, from 0 to 1. */
  readonly part: number;
  readonly kind?: string;
}

/** Maximum number of names in one list. */
const LISTED = 8;

/**
 * If more than this part of a budget is used, the budget is shown as nearly used up. The alert TidemarkBudgetNearlyUsed has the same
 * threshold.
 */
const NEARLY = 0.9;

function barList(title: string, bars: readonly Bar[], empty: string): ComponentChild {
  return h(
    'section',
    { key: title, class: 'bars', 'aria-label': title },
    h('h3', {}, title),
    bars.length === 0
      ? h('p', { class: 'empty' }, empty)
      : h(
          'ul',
          {},
          bars.map(({ name, text, part, kind = '' }) =>
            h(
              'li',
              { key: name, class: kind },
              h('span', { class: 'label', title: name }, name),
              h('span', { class: 'number' }, text),
              h('span', { class: 'bar', style: { width: `${Math.min(100, part * 100)}%` } }),
            ),
          ),
        ),
  );
}

/** A list of the names with the largest counts, in descending order. */
export function nameBars(title: string, counts: Readonly<Record<string, number>>, empty: string): ComponentChild {
  const sorted = Object.entries(counts).toSorted(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
  const most = sorted[0]?.[1] ?? 1;
  const bars = sorted.slice(0, LISTED).map(([name, count]) => ({ name, text: String(count), part: count / most }));
  return barList(title, bars, empty);
}

/**
 * @param hot number of events per directory
 * @param aggregates undefined if the credential does not permit reading them
 */
export function hotLists(
  hot: Readonly<Record<string, number>>,
  aggregates: SubscriptionAggregates | undefined,
): ComponentChild[] {
  const { directories = {}, extensions = {}, changeTypes = {}, events = {} } = aggregates ?? {};
  const replaying = aggregates?.replayPressure;
  return [
    nameBars('Directories with events, last 5 min', hot, 'No event with a path since you pressed Follow.'),
    nameBars('Subscribed paths', directories, 'No subscription has a filter on paths.'),
    nameBars('Subscribed extensions', extensions, 'No subscription has a filter on extensions.'),
    nameBars('Subscribed change types', changeTypes, 'No subscription has a filter on change types.'),
    nameBars('Subscribed events', events, 'No client has a subscription.'),
    nameBars(
      'Replay pressure',
      replaying === undefined
        ? {}
        : { 'subscriptions behind': replaying.replaying, 'events replayed': replaying.replayedEvents },
      'Not read yet.',
    ),
  ];
}

/** The budgets of all nodes. Those with the largest used share come first. */
export function budgetList(nodes: NodesReport | undefined, refused: string): ComponentChild {
  const rows = nodes === undefined ? [] : budgetsOf(nodes).slice(0, LISTED);
  const many = (nodes?.nodes.length ?? 0) > 1;
  return barList(
    'Budgets, fullest first',
    rows.map((row) => budgetBar(row, many ? ` of ${row.nodeId}` : '')),
    refused,
  );
}

function budgetBar({ name, used, maximum, dropped }: BudgetRow, where: string): Bar {
  const text = (value: number): string => (name.endsWith('Bytes') ? bytesText(value) : String(value));
  const part = maximum === 0 ? 0 : used / maximum;
  const lost = dropped === 0 ? '' : `, ${dropped} dropped`;
  return {
    name: `${name}${where}`,
    text: `${text(used)} of ${text(maximum)}${lost}`,
    part,
    kind: part > NEARLY ? 'bad' : '',
  };
}
