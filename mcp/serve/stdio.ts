/** Serves MCP over stdin and stdout. stdout contains only the protocol. The process ends when stdin ends. */
import { StdioServerTransport } from '@modelcontextprotocol/server/stdio';
import type { McpHost } from '../server.ts';
import { serveConnection } from './connection.ts';

/** Resolves when the client has closed stdin, or the signal is aborted. */
export async function serveOverStdio(host: McpHost, signal: AbortSignal): Promise<void> {
  const ended = Promise.withResolvers<void>();
  process.stdin.once('end', ended.resolve).once('close', ended.resolve);
  signal.addEventListener('abort', () => ended.resolve(), { once: true });
  const connection = serveConnection(host, new StdioServerTransport());
  await ended.promise;
  await connection.close();
  await host.gateway.close();
}
