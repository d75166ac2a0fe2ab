/** Sums and rates of all nodes, for the charts. */
import type { HealthBudget, NodeReport, NodesReport } from '../../../generated/types.ts';

/** The values that the charts show for one moment. A rate is undefined until there are two reports. */
export interface Point {
  /** The time of this moment, in milliseconds since the Unix epoch. */
  readonly at: number;
  readonly published: number | undefined;
  readonly delivered: number | undefined;
  readonly replayed: number | undefined;
  readonly queuedBytes: number;
  readonly slow: number;
  readonly connections: number;
  readonly subscriptions: number;
}

export interface Moment {
  readonly at: number;
  readonly nodes: NodesReport;
}

type Counted = 'published' | 'delivered' | 'replayed';

export function pointOf(now: Moment, before: Moment | undefined): Point {
  const { nodes } = now.nodes;
  const sum = (of: (node: NodeReport) => number): number => nodes.reduce((total, node) => total + of(node), 0);
  return {
    at: now.at,
    published: rateOf('published', now, before),
    delivered: rateOf('delivered', now, before),
    replayed: rateOf('replayed', now, before),
    queuedBytes: sum(({ queuedBytes }) => queuedBytes),
    slow: sum(({ slow }) => slow),
    connections: sum(({ connections }) => connections),
    subscriptions: sum(({ subscriptions }) => subscriptions),
  };
}

/**
 * Events per second of all nodes that are in both reports. If a node has restarted between the reports, its new count is used, because it
 * has counted from 0.
 */
function rateOf(name: Counted, now: Moment, before: Moment | undefined): number | undefined {
  if (before === undefined || now.at <= before.at) return undefined;
  const earlier = new Map(before.nodes.nodes.map((node) => [node.nodeId, node[name]]));
  const events = now.nodes.nodes.reduce((total, node) => {
    const known = earlier.get(node.nodeId);
    return known === undefined ? total : total + (node[name] >= known ? node[name] - known : node[name]);
  }, 0);
  return events / ((now.at - before.at) / 1000);
}

/** Events per second that one node delivered between two reports. */
export function nodeRate(nodeId: string, now: Moment, before: Moment | undefined): number | undefined {
  const only = (moment: Moment): Moment => ({
    ...moment,
    nodes: { ...moment.nodes, nodes: moment.nodes.nodes.filter((node) => node.nodeId === nodeId) },
  });
  return rateOf('delivered', only(now), before === undefined ? undefined : only(before));
}

/** Number of gaps per reason, summed over all nodes. */
export function gapsOf({ nodes }: NodesReport): Readonly<Record<string, number>> {
  const counts = new Map<string, number>();
  for (const [reason, count] of nodes.flatMap(({ gaps }) => Object.entries(gaps)))
    counts.set(reason, (counts.get(reason) ?? 0) + count);
  return Object.fromEntries(counts);
}

export interface BudgetRow extends HealthBudget {
  readonly nodeId: string;
  readonly name: string;
}

/** The budgets of all nodes. The budget of which the largest part is used comes first. */
export function budgetsOf({ nodes }: NodesReport): BudgetRow[] {
  const part = ({ used, maximum }: BudgetRow): number => (maximum === 0 ? 0 : used / maximum);
  return nodes
    .flatMap(({ nodeId, budgets = {} }) =>
      Object.entries(budgets).map(([name, budget]) => ({ nodeId, name, ...(budget as HealthBudget) })),
    )
    .toSorted((a, b) => part(b) - part(a) || (a.name < b.name ? -1 : 1));
}
