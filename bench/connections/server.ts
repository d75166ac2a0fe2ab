/**
 * A server in its own process, for bench/connections.ts: the gateway, or `ws` alone for comparison.
 *
 *     node --expose-gc bench/connections/server.ts gateway|ws PORT HEARTBEAT_MS
 */
import { getHeapSpaceStatistics } from 'node:v8';
import { WebSocketServer } from 'ws';
import { createGateway } from '../../src/gateway.ts';

export type Request = { readonly kind: 'figures' } | { readonly kind: 'publish' } | { readonly kind: 'close' };
export interface Figures {
  readonly cpuUs: number;
  /** Resident memory and live heap after a garbage collection, in bytes. */
  readonly resident: number;
  readonly heap: number;
  /** Memory of V8's young generation, in bytes. It has a maximum size per process, which many connections reach. */
  readonly young: number;
}

interface Server {
  publish(): Promise<unknown>;
  close(): Promise<unknown>;
}

const ENOUGH = 1_000_000;
const [kind, port, heartbeatMs] = process.argv.slice(2);

async function serveGateway(): Promise<Server> {
  const gateway = createGateway({
    limits: { connectionsPerNode: ENOUGH, connectionsPerAddress: ENOUGH, heartbeatIntervalMs: Number(heartbeatMs) },
  });
  await gateway.listen({ port: Number(port) });
  return {
    publish: () =>
      gateway.publish('file_change', {
        path: 'src/common/a.ts',
        root: 'bench',
        changeType: 'modify',
        fileType: 'file',
      }),
    close: () => gateway.close(),
  };
}

/** Starts a server that accepts connections and sends nothing. */
async function serveWs(): Promise<Server> {
  const server = new WebSocketServer({
    port: Number(port),
    host: '127.0.0.1',
    perMessageDeflate: false,
    backlog: 4_096,
  });
  server.on('connection', (socket) => socket.on('error', () => undefined).on('message', () => undefined));
  await new Promise((resolve) => server.once('listening', resolve));
  return {
    publish: () => Promise.resolve(),
    close: async () => {
      for (const socket of server.clients) socket.close(1001);
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function figures(): Figures {
  // The processing time is read before the garbage collection, so that it does not include the collection.
  const { user, system } = process.cpuUsage();
  globalThis.gc?.();
  const { rss, heapUsed } = process.memoryUsage();
  const young = getHeapSpaceStatistics().find((space) => space.space_name === 'new_space')?.physical_space_size ?? 0;
  return { cpuUs: user + system, resident: rss, heap: heapUsed, young };
}

const server = await (kind === 'ws' ? serveWs() : serveGateway());
process.on('message', ({ kind: asked }: Request) => {
  const work = { figures: () => Promise.resolve(), publish: () => server.publish(), close: () => server.close() };
  work[asked]().then(
    () => process.send?.(figures()),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
process.on('disconnect', () => process.exit(0));
process.send?.(figures());
