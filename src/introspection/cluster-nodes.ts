/** Collects the figures of all nodes (OPS-9). The node that receives the request asks the other nodes through the broker. */
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

/** Answers the request of another node with the figures of this node. @returns undefined if this version does not know the request */
export function answerFiguresRequest(
  text: string,
  { introspection }: Pick<ClusterNodesOptions, 'introspection'>,
): string | undefined {
  const question = JSON.parse(text) as Partial<FiguresRequest>;
  return question.ask === 'figures' ? JSON.stringify(introspection.node()) : undefined;
}

/** The figures of all nodes, sorted by node id. */
export async function clusterNodes({ broker, introspection }: ClusterNodesOptions): Promise<NodesReport> {
  // This must run before the first `await`, so that the client is charged for the time of iterating over the connections.
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
