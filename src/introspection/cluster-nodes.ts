/** The figures of all nodes (OPS-9): one node asks the others through the broker. */
import type { NodeReport, NodesReport } from '../../generated/types.ts';
import type { Broker } from '../broker/broker.ts';
import type { Introspection } from './introspection.ts';

interface FiguresRequest {
  readonly ask: 'figures';
}

export interface ClusterNodesOptions {
  readonly broker: Pick<Broker, 'askNodes'>;
  readonly introspection: Pick<Introspection, 'node'>;
}

/** This node's figures, for the node that asked. Undefined for a request that this version does not know. */
export function answerFiguresRequest(
  text: string,
  { introspection }: Pick<ClusterNodesOptions, 'introspection'>,
): string | undefined {
  const question = JSON.parse(text) as Partial<FiguresRequest>;
  return question.ask === 'figures' ? JSON.stringify(introspection.node()) : undefined;
}

/** The figures of all nodes, sorted by the name of the node. */
export async function clusterNodes({ broker, introspection }: ClusterNodesOptions): Promise<NodesReport> {
  // Before anything is awaited, so that the caller pays for the walk over this node's connections.
  const here = introspection.node();
  const question: FiguresRequest = { ask: 'figures' };
  const { answers, missing } = await broker.askNodes(JSON.stringify(question));
  const others = answers.map(({ answer }) => JSON.parse(answer) as NodeReport);
  return {
    nodes: [here, ...others].toSorted((a, b) => (a.nodeId < b.nodeId ? -1 : 1)),
    partial: missing.length > 0,
    missingNodes: [...missing],
  };
}
