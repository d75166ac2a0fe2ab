/** A TCP proxy for tests. It can stop forwarding without closing connections, cut its connections, or connect to another port. */
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';

export class TcpProxy {
  readonly port: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #target: number;
  #silent = false;

  private constructor(server: Server, port: number, target: number) {
    this.#server = server;
    this.port = port;
    this.#target = target;
    server.on('connection', (socket) => this.#link(socket));
  }

  static start(target: number): Promise<TcpProxy> {
    return new Promise((resolve, reject) => {
      const server = createServer();
      server.once('error', reject);
      server.listen(0, '127.0.0.1', () => {
        const address = server.address();
        if (address === null || typeof address === 'string') reject(new Error('no port'));
        else resolve(new TcpProxy(server, address.port, target));
      });
    });
  }

  /**
   * Stops forwarding in both directions, as if all packets were lost. Connections stay open, new connections are accepted, and no byte is
   * discarded.
   */
  holdBack(): void {
    this.#silent = true;
    for (const socket of this.#sockets) socket.pause();
  }

  /** Forwards all bytes again. */
  forward(): void {
    this.#silent = false;
    for (const socket of this.#sockets) socket.resume();
  }

  /** Forwards new connections to another port from now on. Ends existing connections. */
  redirect(target: number): void {
    this.#target = target;
    this.cut();
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  close(): Promise<void> {
    this.cut();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #link(client: Socket): void {
    const upstream = connect(this.#target, '127.0.0.1');
    const ends = [client, upstream];
    for (const end of ends) {
      this.#sockets.add(end);
      const other = end === client ? upstream : client;
      end.on('data', (data) => other.write(data));
      if (this.#silent) end.pause();
      end.on('error', () => undefined);
      end.on('close', () => {
        this.#sockets.delete(end);
        other.destroy();
      });
    }
  }
}
