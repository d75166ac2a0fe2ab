/** Serves MCP over stdin and stdout. stdout has only the protocol; the process ends when stdin ends. */
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import { StdioServerTransport } from '@modelcontextprotocol/server/stdio';
import { mcpServerOf } from '../server.ts';
import type { McpHost } from '../server.ts';

/** Resolves when the client has closed stdin, or the signal is aborted. */
export async function serveOverStdio(host: McpHost, signal: AbortSignal): Promise<void> {
  const ended = Promise.withResolvers<void>();
  const transport = new StdioServerTransport();
  process.stdin.once('end', ended.resolve).once('close', ended.resolve);
  signal.addEventListener('abort', () => ended.resolve(), { once: true });
  const handle = serveStdio(() => mcpServerOf(host), { transport, onerror: host.onFault });
  await ended.promise;
  await handle.close();
  await host.gateway.close();
}
