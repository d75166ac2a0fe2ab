/** A WebSocket server that tests control, frame by frame or with a script that answers commands. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';
import type { RawData, WebSocket } from 'ws';
import type { Frame } from '../wire.ts';

export type Script = (connection: FakeConnection, command: Frame) => void;

export interface FakeServerOptions {
  /** Answers commands; without it, only the test itself sends frames. */
  readonly script?: Script;
  readonly heartbeatIntervalMs?: number;
  /** Sends `welcome` on each connection; default yes. */
  readonly greet?: 'yes' | 'no';
  readonly port?: number;
  /** The subprotocol that the server chooses; default `tidemark.v1`. */
  readonly subprotocol?: string;
}

export class FakeConnection {
  readonly commands: Frame[] = [];
  /** The number of sent events, for `delivered`. */
  events = 0;
  closeCode: number | undefined;
  readonly #socket: WebSocket;
  readonly #taken = new Set<Frame>();

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('close', (code) => {
      this.closeCode = code;
    });
  }

  get isOpen(): boolean {
    return this.#socket.readyState === this.#socket.OPEN;
  }

  send(type: string, data: object, id?: string): void {
    if (type === 'event') this.events += 1;
    this.raw(JSON.stringify({ type, ...(id === undefined ? {} : { id }), data }));
  }

  raw(frame: string | Buffer): void {
    if (this.isOpen) this.#socket.send(frame);
  }

  /** Answers a command. */
  reply(command: Frame, type: string, data: object): void {
    this.send(type, data, command.id);
  }

  refuse(command: Frame, error: { code: string; retryable?: boolean; retryAfterMs?: number; pointer?: string }): void {
    this.reply(command, 'error', { message: `refused: ${error.code}`, retryable: false, ...error });
  }

  /** Cuts the connection: no close frame, and bytes in transit are lost. */
  drop(): void {
    this.#socket.terminate();
  }

  close(code: number, reason = ''): void {
    this.#socket.close(code, reason);
  }

  /** Stops reading and answering, like a dead peer. */
  freeze(): void {
    this.#socket.pause();
  }

  /** The next command of this type that no test has taken yet. */
  async take(type: string): Promise<Frame> {
    const found = (): Frame | undefined =>
      this.commands.find((frame) => frame.type === type && !this.#taken.has(frame));
    await until(() => found() !== undefined, `a "${type}" command`);
    const frame = found();
    if (frame === undefined) throw new Error('unreachable');
    this.#taken.add(frame);
    return frame;
  }
}

export class FakeServer {
  readonly connections: FakeConnection[] = [];
  onConnection: (connection: FakeConnection) => void = () => undefined;
  readonly url: string;
  readonly #server: WebSocketServer;

  constructor(server: WebSocketServer, options: FakeServerOptions) {
    this.#server = server;
    this.url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/ws`;
    server.on('connection', (socket) => {
      const connection = new FakeConnection(socket);
      this.connections.push(connection);
      this.onConnection(connection);
      socket.on('error', () => undefined);
      socket.on('message', (bytes: RawData) => {
        const command = JSON.parse((bytes as Buffer).toString('utf8')) as Frame;
        connection.commands.push(command);
        options.script?.(connection, command);
      });
      if (options.greet !== 'no') {
        const connectionId = `n${this.connections.length}`;
        connection.send('welcome', { connectionId, heartbeatIntervalMs: options.heartbeatIntervalMs ?? 25_000 });
      }
    });
  }

  /** Waits for the nth connection to this server, counted from 1. */
  async connection(nth: number): Promise<FakeConnection> {
    await until(() => this.connections.length >= nth, `connection ${nth}`);
    const connection = this.connections[nth - 1];
    if (connection === undefined) throw new Error('unreachable');
    return connection;
  }

  async close(): Promise<void> {
    for (const client of this.#server.clients) client.terminate();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

export async function startFakeServer(options: FakeServerOptions = {}): Promise<FakeServer> {
  const { port = 0, subprotocol = 'tidemark.v1' } = options;
  const server = new WebSocketServer({
    host: '127.0.0.1',
    port,
    handleProtocols: (offered) => (offered.has(subprotocol) ? subprotocol : false),
  });
  await once(server, 'listening');
  return new FakeServer(server, options);
}

/** Waits for a condition. After five seconds, it fails with the name of the condition. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 5_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`timed out waiting for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
