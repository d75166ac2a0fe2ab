/** Ends one connection at the request of an operator (OPS-8). The connection may be on this node or, through the broker, on another one. */
import type { DisconnectRequest, DisconnectResult } from '../../generated/types.ts';
import type { Broker } from '../broker/broker.ts';
import type { Connections } from './connections.ts';

interface NodeRequest {
  readonly ask: 'disconnect';
  readonly request: DisconnectRequest;
}

interface NodeReply {
  readonly disconnected: boolean;
}

export interface DisconnectionOptions {
  readonly connections: Pick<Connections, 'disconnect'>;
}

/**
 * Answers the request of another node: ends the connection if it is on this node.
 * @returns undefined if this version does not know the request
 */
export function answerDisconnectRequest(text: string, { connections }: DisconnectionOptions): string | undefined {
  const question = JSON.parse(text) as Partial<NodeRequest>;
  if (question.ask !== 'disconnect' || question.request === undefined) return undefined;
  const reply: NodeReply = { disconnected: connections.disconnect(question.request) };
  return JSON.stringify(reply);
}

/** Ends a connection on whichever node has it. Other nodes are asked only if this node does not have the connection. */
export async function disconnectEverywhere(
  request: DisconnectRequest,
  {
    connections,
    broker,
    nodeId,
  }: DisconnectionOptions & { readonly broker: Pick<Broker, 'askNodes'>; readonly nodeId: string },
): Promise<DisconnectResult> {
  if (connections.disconnect(request)) return { disconnected: true, nodeId, partial: false, missingNodes: [] };
  const question: NodeRequest = { ask: 'disconnect', request };
  const { answers, missing } = await broker.askNodes(JSON.stringify(question));
  const found = answers.find(({ answer }) => (JSON.parse(answer) as NodeReply).disconnected);
  if (found !== undefined) return { disconnected: true, nodeId: found.node, partial: false, missingNodes: [] };
  return { disconnected: false, partial: missing.length > 0, missingNodes: [...missing] };
}
