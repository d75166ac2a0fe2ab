/** Starts `tidemark-mcp` in a separate process, as a host does, with the official client. */
import { resolve } from 'node:path';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { onCleanup } from '../../src/testing/rig.ts';

export const MAIN = resolve(import.meta.dirname, '../main.ts');

/**
 * The protocol that the client uses. `modern`: it sends the version 2026-07-28 with every request. `legacy`: it begins with the handshake
 * of 2025.
 */
export type Era = 'modern' | 'legacy';

export interface StdioOptions {
  readonly era?: Era;
  readonly env?: Readonly<Record<string, string>>;
}

export interface StdioServer {
  readonly client: Client;
  readonly transport: StdioClientTransport;
  /** What the process has written to stderr. */
  readonly log: () => string;
}

export async function stdioServer(
  argv: readonly string[],
  { era = 'modern', env = {} }: StdioOptions = {},
): Promise<StdioServer> {
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [MAIN, ...argv],
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stderr: 'pipe',
  });
  let log = '';
  transport.stderr?.on('data', (chunk: Buffer) => (log += chunk.toString()));
  const client = clientOf(era);
  onCleanup(() => client.close());
  await client.connect(transport);
  return { client, transport, log: () => log };
}

export function clientOf(era: Era): Client {
  const mode = era === 'modern' ? { pin: '2026-07-28' } : ('legacy' as const);
  return new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode } });
}
