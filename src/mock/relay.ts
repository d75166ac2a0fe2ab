/** The server to which clients of a mock connect. It forwards WebSocket connections and HTTP requests to the gateway behind it. */
import { createServer, request as httpRequest } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream';
import type { Duplex } from 'node:stream';
import { WebSocket, WebSocketServer } from 'ws';
import { ERRORS, SUBPROTOCOL } from '../../generated/protocol.ts';
import type { CloseName, Faults } from './faults.ts';
import { RelayedConnection } from './relayed-connection.ts';

export interface RelayOptions {
  readonly faults: Faults;
  /** The port of the gateway, on 127.0.0.1. */
  readonly port: () => number;
  /** Called when a client has subscribed. */
  readonly onSubscribed: () => void;
}

/** Headers of the handshake that are not forwarded, because the connection to the gateway has its own. */
const HANDSHAKE_HEADERS: readonly string[] = ['connection', 'upgrade'];

function headersFor({ headers }: IncomingMessage): Record<string, string | string[]> {
  const kept = Object.entries(headers).filter(
    ([name, value]) => value !== undefined && !HANDSHAKE_HEADERS.includes(name) && !name.startsWith('sec-websocket-'),
  );
  return Object.fromEntries(kept) as Record<string, string | string[]>;
}

/** The error of the contract that has this HTTP status; `internal` if there is none. */
function errorFor(status: number): keyof typeof ERRORS {
  const codes = Object.keys(ERRORS) as (keyof typeof ERRORS)[];
  return codes.find((code) => ERRORS[code].httpStatus === status) ?? 'internal';
}

function refuse(socket: Duplex, status: number): void {
  const code = errorFor(status);
  const { retryable } = ERRORS[code];
  const body = JSON.stringify({
    type: 'error',
    data: { code, message: 'This connection is refused by a fault that was set in the mock.', retryable },
  });
  const head = [`HTTP/1.1 ${status} Refused`, 'Content-Type: application/json; charset=utf-8'];
  if (retryable) head.push('Retry-After: 1');
  socket.end(
    `${[...head, `Content-Length: ${Buffer.byteLength(body)}`, 'Connection: close'].join('\r\n')}\r\n\r\n${body}`,
  );
}

export class Relay {
  readonly #options: RelayOptions;
  readonly #server: Server;
  readonly #sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    autoPong: true,
    handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
  });
  readonly #connections = new Set<RelayedConnection>();

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#server = createServer((request, response) => this.#request(request, response));
    this.#server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) =>
      this.#upgrade(request, socket, head),
    );
  }

  get connections(): number {
    return this.#connections.size;
  }

  /** @returns the bound port */
  async listen(address: { readonly host: string; readonly port: number }): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject).listen(address, resolve);
    });
    const bound = this.#server.address();
    return typeof bound === 'object' && bound !== null ? bound.port : address.port;
  }

  #request(request: IncomingMessage, response: ServerResponse): void {
    const { method, url, headers } = request;
    const onward = httpRequest({ host: '127.0.0.1', port: this.#options.port(), method, path: url, headers });
    onward.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      // If the gateway ends in the middle of a response, this also ends the response to the client.
      pipeline(answer, response, () => undefined);
    });
    onward.on('error', () => {
      if (response.headersSent) response.destroy();
      else response.writeHead(503).end();
    });
    request.pipe(onward);
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    const status = this.#options.faults.takeUpgrade();
    if (status !== undefined) return refuse(socket, status);
    const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((each) => each.trim());
    const behind = new WebSocket(
      `ws://127.0.0.1:${this.#options.port()}${request.url ?? '/ws'}`,
      offered.filter((each) => each !== ''),
      { headers: headersFor(request), perMessageDeflate: false, autoPong: false },
    );
    behind.on('error', () => socket.destroy());
    behind.on('unexpected-response', (_onward, answer) => passRefusal(answer, socket));
    behind.on('open', () => {
      this.#sockets.handleUpgrade(request, socket, head, (client) => {
        const connection = new RelayedConnection(client, behind, this.#options);
        this.#connections.add(connection);
        client.on('close', () => this.#connections.delete(connection));
      });
    });
  }

  /** Closes all connections with a close code of the contract. @returns the number of connections */
  closeAll(name: CloseName): number {
    const all = [...this.#connections];
    for (const each of all) each.close(name);
    return all.length;
  }

  /** Ends all connections without a close frame. @returns the number of connections */
  cutAll(): number {
    const all = [...this.#connections];
    for (const each of all) each.cut();
    return all.length;
  }

  async close(): Promise<void> {
    this.closeAll('shutdown');
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }
}

/** Called if the gateway has rejected the upgrade. The client receives the response of the gateway. */
function passRefusal(answer: IncomingMessage, socket: Duplex): void {
  const lines = [`HTTP/1.1 ${answer.statusCode ?? 502} ${answer.statusMessage ?? ''}`];
  for (let index = 0; index < answer.rawHeaders.length; index += 2)
    lines.push(`${answer.rawHeaders[index] ?? ''}: ${answer.rawHeaders[index + 1] ?? ''}`);
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  answer.pipe(socket);
}
