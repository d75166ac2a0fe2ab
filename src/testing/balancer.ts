/** One address before several gateways: each new connection goes to the next one that takes it, as a TCP load balancer does. */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

export class Balancer {
  readonly url: string;
  readonly httpUrl: string;
  readonly #server: Server;
  readonly #ports: readonly number[];
  readonly #sockets = new Set<Socket>();
  #next = 0;

  private constructor(server: Server, ports: readonly number[]) {
    const { port } = server.address() as AddressInfo;
    this.url = `ws://127.0.0.1:${port}/ws`;
    this.httpUrl = `http://127.0.0.1:${port}`;
    this.#server = server;
    this.#ports = ports;
    server.on('connection', (near) => this.#relay(near, ports.length));
  }

  static async before(urls: readonly string[]): Promise<Balancer> {
    // A half is closed only when its own end closes: the relay must not lose what the other half still has to say.
    const server = createServer({ pauseOnConnect: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Balancer(
      server,
      urls.map((url) => Number(new URL(url).port)),
    );
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #relay(near: Socket, attempts: number): void {
    const port = this.#ports[this.#next % this.#ports.length];
    this.#next += 1;
    near.on('error', () => undefined);
    if (attempts === 0 || port === undefined) {
      near.destroy();
      return;
    }
    const far = connect(port, '127.0.0.1');
    far.once('error', () => this.#relay(near, attempts - 1));
    far.once('connect', () => this.#join(near, far));
  }

  #join(near: Socket, far: Socket): void {
    for (const [from, to] of [[near, far] as const, [far, near] as const]) {
      this.#sockets.add(from);
      from.removeAllListeners('error');
      from.on('error', () => undefined);
      from.on('close', () => {
        this.#sockets.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  }
}
