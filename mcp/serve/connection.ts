/** Serves one client over a permanent transport, such as stdio. */
import type { McpServer, Transport } from '@modelcontextprotocol/server';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import { ResourceSubscriptions } from '../resources/subscriptions.ts';
import { StreamWatch } from '../resources/watch.ts';
import { mcpServerOf } from '../server.ts';
import type { McpHost } from '../server.ts';
import { ListeningTransport } from './listening-transport.ts';

export interface Connection {
  close(): Promise<void>;
}

export function serveConnection(host: McpHost, transport: Transport): Connection {
  let server: McpServer | undefined;
  const { gateway, onFault } = host;
  const watch = new StreamWatch(gateway, {
    onUpdate: (uri) => void server?.server.sendResourceUpdated({ uri }).catch(() => undefined),
    onFault,
  });
  const subscriptions = new ResourceSubscriptions(watch);
  // The server that was created last serves the connection. The library may have created an earlier one only to answer a probe.
  const handle = serveStdio(() => (server = mcpServerOf({ ...host, subscriptions })), {
    transport: new ListeningTransport(transport, watch),
    onerror: onFault,
  });
  return {
    close: async () => {
      watch.close();
      await handle.close();
    },
  };
}
