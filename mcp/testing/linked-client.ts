/** Connects an MCP server and the official client in this process, in memory. */
import { InMemoryTransport } from '@modelcontextprotocol/client';
import type { Client } from '@modelcontextprotocol/client';
import { onCleanup } from '../../src/testing/rig.ts';
import { testContract } from './contracts.ts';
import { Gateway } from '../gateway/gateway.ts';
import type { GatewayOptions } from '../gateway/gateway.ts';
import { serveConnection } from '../serve/connection.ts';
import { clientOf } from './mcp-process.ts';
import type { Era } from './mcp-process.ts';

export interface LinkedOptions extends GatewayOptions {
  readonly contract?: string;
  readonly era?: Era;
  /** Milliseconds between the heartbeats of an event stream. */
  readonly heartbeatMs?: number;
}

export async function linkedClient({
  contract,
  era = 'modern',
  heartbeatMs = 15_000,
  ...options
}: LinkedOptions): Promise<Client> {
  const gateway = new Gateway(options);
  const faults: unknown[] = [];
  const host = {
    gateway,
    heartbeatMs,
    contract: await testContract(contract),
    onFault: (fault: unknown) => faults.push(fault),
  };
  const [mine, theirs] = InMemoryTransport.createLinkedPair();
  const connection = serveConnection(host, theirs);
  const client = clientOf(era);
  onCleanup(async () => {
    await client.close();
    await connection.close();
    await gateway.close();
    if (faults.length > 0) throw new AggregateError(faults, 'The server reported faults.');
  });
  await client.connect(mine);
  return client;
}

export interface Called {
  readonly isError: boolean;
  readonly content: Readonly<Record<string, unknown>>;
  readonly text: string;
}

/** Calls a tool. The `content` of the result is the structured content that the tool returned. */
export async function callTool(
  client: Client,
  name: string,
  parameters: Readonly<Record<string, unknown>> = {},
): Promise<Called> {
  const { content, structuredContent, isError } = await client.callTool({ name, arguments: parameters });
  const [first] = content;
  return {
    isError: isError === true,
    content: (structuredContent ?? {}) as Readonly<Record<string, unknown>>,
    text: first?.type === 'text' ? first.text : '',
  };
}
