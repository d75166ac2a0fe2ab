/** Asks the other nodes for their parts of a response (OPS-2, OPS-3). */
import type { Broker, NodeAnswers } from '../broker/broker.ts';
import type { SliceOptions } from '../session/slices.ts';

export interface OtherNodesOptions {
  readonly broker: Pick<Broker, 'askNodes'>;
  readonly slices: SliceOptions;
}

/**
 * Must be called after this node has computed its own part. If the client has disconnected during this work, nobody receives the response,
 * so the other nodes are not asked: their work is not charged to the client.
 */
export async function askOtherNodes(
  question: object,
  { broker, slices: { isCancelled = () => false } }: OtherNodesOptions,
): Promise<NodeAnswers> {
  return isCancelled() ? { answers: [], missing: [] } : broker.askNodes(JSON.stringify(question));
}
