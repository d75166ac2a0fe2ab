/** Small servers, each badly wrong in one way, for tests of how the suite reports them. */
import { createServer } from 'node:http';
import type { IncomingMessage, RequestListener, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { acceptSocket } from '../target/socket.ts';
import type { Socket } from '../target/socket.ts';
import { tryParse } from '../trace/json.ts';
import type { Json } from '../trace/json.ts';

export interface FailingServer {
  readonly url: string;
  stop(): Promise<void>;
}

/** How the server behaves on one connection; by default it does nothing. */
export interface Behaviour {
  readonly onOpen?: (socket: Socket) => void;
  readonly onMessage?: (message: Json | undefined, socket: Socket) => void;
  /** Handles an upgrade request instead of accepting it. */
  readonly onUpgrade?: (request: IncomingMessage, socket: Duplex) => void;
  readonly onRequest?: RequestListener;
}

export function sendJson(socket: Socket, value: Json): void {
  socket.sendText(JSON.stringify(value));
}

async function listen(server: Server): Promise<FailingServer> {
  const sockets = new Set<Duplex>();
  server.on('connection', (socket: Duplex) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `ws://127.0.0.1:${port}/ws`,
    stop: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

async function accept(
  { onOpen, onMessage }: Behaviour,
  request: IncomingMessage,
  duplex: Duplex,
  head: Buffer,
): Promise<void> {
  const opened = await acceptSocket(request, duplex, head, {
    protocol: 'tidemark.v1',
    onFrame: (kind, text) => {
      // Frames arrive only after the handshake, so `opened` is set.
      if (kind === 'text') onMessage?.(tryParse(text), opened);
      if (kind === 'ping') opened.sendFrame({ opcode: 'pong', text });
    },
    onClose: () => undefined,
  });
  onOpen?.(opened);
}

export function serveFailing(behaviour: Behaviour): Promise<FailingServer> {
  const { onUpgrade, onRequest } = behaviour;
  const server = createServer(onRequest ?? ((_request, response) => response.writeHead(404).end('{}')));
  server.on('upgrade', (request: IncomingMessage, duplex: Duplex, head: Buffer) => {
    duplex.on('error', () => undefined);
    if (onUpgrade !== undefined) {
      onUpgrade(request, duplex);
      return;
    }
    void accept(behaviour, request, duplex, head);
  });
  return listen(server);
}
