/** A TCP proxy whose connections a test can cut, to simulate a failure of the network between client and gateway. */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

export class SeveringProxy {
  readonly url: string;
  /** Number of connections accepted so far. */
  accepted = 0;
  readonly #server: Server;
  readonly #pairs = new Set<readonly [Socket, Socket]>();

  constructor(server: Server, target: URL) {
    this.#server = server;
    const { port } = server.address() as AddressInfo;
    this.url = `ws://127.0.0.1:${port}${target.pathname}`;
    server.on('connection', (near) => this.#relay(near, Number(target.port)));
  }

  static async before(url: string): Promise<SeveringProxy> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new SeveringProxy(server, new URL(url));
  }

  /** Resets all connections, even in the middle of a frame. */
  sever(): void {
    for (const [near, far] of this.#pairs) {
      near.resetAndDestroy();
      far.destroy();
    }
  }

  async close(): Promise<void> {
    this.sever();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #relay(near: Socket, port: number): void {
    this.accepted += 1;
    const far = connect(port, '127.0.0.1');
    const pair = [near, far] as const;
    this.#pairs.add(pair);
    for (const [from, to] of [pair, [far, near] as const]) {
      from.on('error', () => undefined);
      from.on('close', () => {
        this.#pairs.delete(pair);
        to.destroy();
      });
      from.pipe(to);
    }
  }
}
