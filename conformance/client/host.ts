/** The suite's server, on loopback. It keeps each upgrade request until the tape accepts or rejects it. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { SUBPROTOCOL, WEBSOCKET_PATH } from '../../generated/protocol.ts';
import { acceptSocket } from '../target/socket.ts';
import type { AcceptOptions, Socket } from '../target/socket.ts';
import type { JsonObject } from '../trace/json.ts';

/** The upgrade request of a client. */
export interface Upgrade {
  /** The request as `{protocols, headers, query}`. */
  readonly request: JsonObject;
  /** When the request arrived, in milliseconds since the run began. */
  readonly at: number;
  /**
   * Whether the client still waits. On a busy machine it may give up before the suite answers; such an attempt can no longer be accepted.
   */
  readonly isPending: () => boolean;
  readonly accept: (options: Omit<AcceptOptions, 'protocol'>) => Promise<Peer>;
  readonly refuse: (status: number) => void;
}

/** The server's end of a connection. */
export interface Peer extends Socket {
  /** Writes bytes to the TCP connection, without WebSocket frames. */
  sendBytes(bytes: Uint8Array): void;
}

export class Host {
  readonly #server: Server;
  readonly #sockets = new Set<Duplex>();

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(now: () => number, onUpgrade: (upgrade: Upgrade) => void): Promise<Host> {
    const server = createServer((_request, response) => response.writeHead(426).end());
    const host = new Host(server);
    server.on('connection', (socket) => {
      host.#sockets.add(socket);
      socket.on('close', () => host.#sockets.delete(socket));
      socket.on('error', () => undefined);
    });
    server.on('upgrade', (request, socket, head) => onUpgrade(upgradeOf(request, socket, head, now())));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return host;
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `ws://127.0.0.1:${port}${WEBSOCKET_PATH}`;
  }

  async stop(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}

function requestOf({ headers, url = '/' }: IncomingMessage): JsonObject {
  const protocols = (headers['sec-websocket-protocol'] ?? '').split(',').map((each) => each.trim());
  const single = Object.entries(headers).map(([name, value]) => [
    name,
    Array.isArray(value) ? value.join(', ') : value,
  ]);
  return {
    protocols: protocols.filter((each) => each !== ''),
    headers: Object.fromEntries(single) as JsonObject,
    query: Object.fromEntries(new URL(url, 'http://suite').searchParams),
  };
}

function upgradeOf(incoming: IncomingMessage, socket: Duplex, head: Buffer, at: number): Upgrade {
  const request = requestOf(incoming);
  const offered = Array.isArray(request['protocols']) && request['protocols'].includes(SUBPROTOCOL);
  return {
    request,
    at,
    isPending: () => socket.readable && socket.writable,
    accept: async (options) => {
      const accepted = await acceptSocket(incoming, socket, head, { ...options, protocol: offered ? SUBPROTOCOL : '' });
      return Object.assign(accepted, { sendBytes: (bytes: Uint8Array) => void socket.write(bytes) });
    },
    refuse: (status) => {
      socket.end(`HTTP/1.1 ${status} Refused\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
    },
  };
}
