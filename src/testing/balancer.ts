/**
 * A single address for several gateways. Like a TCP load balancer, it passes each new connection to the next gateway that accepts the
 * connection. With probes, a gateway receives connections only while its `/readyz` succeeds.
 */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

export interface BalancerOptions {
  /** Interval between two requests to each gateway's `/readyz`, in milliseconds. Without it, all gateways count as ready. */
  readonly probeMs?: number;
}

export class Balancer {
  readonly url: string;
  readonly httpUrl: string;
  /** The time at which each connection was accepted, in milliseconds of `performance.now`. */
  readonly arrivals: number[] = [];
  readonly #server: Server;
  readonly #ports: readonly number[];
  readonly #sockets = new Set<Socket>();
  readonly #unready = new Set<number>();
  readonly #prober: NodeJS.Timeout | undefined;
  #next = 0;

  private constructor(server: Server, ports: readonly number[], { probeMs }: BalancerOptions) {
    const { port } = server.address() as AddressInfo;
    this.url = `ws://127.0.0.1:${port}/ws`;
    this.httpUrl = `http://127.0.0.1:${port}`;
    this.#server = server;
    this.#ports = ports;
    server.on('connection', (near) => {
      this.arrivals.push(performance.now());
      this.#relay(near, ports.length);
    });
    this.#prober = probeMs === undefined ? undefined : setInterval(() => void this.#probe(), probeMs);
  }

  static async before(urls: readonly string[], options: BalancerOptions = {}): Promise<Balancer> {
    // A socket is paused until it is connected to a gateway, so that data that arrives earlier is not lost.
    const server = createServer({ pauseOnConnect: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Balancer(
      server,
      urls.map((url) => Number(new URL(url).port)),
      options,
    );
  }

  async close(): Promise<void> {
    clearInterval(this.#prober);
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #probe(): Promise<void> {
    await Promise.all(
      this.#ports.map(async (port) => {
        const ready = await fetch(`http://127.0.0.1:${port}/readyz`).then(
          ({ ok }) => ok,
          () => false,
        );
        if (ready) this.#unready.delete(port);
        else this.#unready.add(port);
      }),
    );
  }

  #relay(near: Socket, attempts: number): void {
    const ready = this.#ports.filter((each) => !this.#unready.has(each));
    const port = ready[this.#next % ready.length];
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
