/**
 * A reverse proxy for HTTP and WebSocket, such as an operator puts in front of a gateway. It forwards the Host header, and appends the
 * address of the client to a header.
 */
import { once } from 'node:events';
import { createServer, request as httpRequest } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import { isIPv6 } from 'node:net';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ForwardedHeader } from '../auth/forwarded-hops.ts';

export class ReverseProxy {
  readonly url: string;
  readonly httpUrl: string;
  readonly #server: Server;
  readonly #target: URL;
  readonly #header: ForwardedHeader;

  private constructor(server: Server, target: URL, header: ForwardedHeader) {
    this.#server = server;
    this.#target = target;
    this.#header = header;
    const { port } = server.address() as AddressInfo;
    this.url = `ws://127.0.0.1:${port}${target.pathname}`;
    this.httpUrl = `http://127.0.0.1:${port}`;
    server.on('request', (incoming, response) => {
      incoming.pipe(this.#onward(incoming)).on('response', (answer: IncomingMessage) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      });
    });
    server.on('upgrade', (incoming, near) => this.#upgrade(incoming, near));
  }

  /** Starts a proxy in front of the gateway with this WebSocket URL. @param header the header to which the proxy appends the address */
  static async before(url: string, header: ForwardedHeader = 'x-forwarded-for'): Promise<ReverseProxy> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new ReverseProxy(server, new URL(url), header);
  }

  async close(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  #onward(incoming: IncomingMessage): ReturnType<typeof httpRequest> {
    const { hostname, port } = this.#target;
    const peer = incoming.socket.remoteAddress ?? '';
    const node = this.#header === 'forwarded' ? `for="${isIPv6(peer) ? `[${peer}]` : peer}:4711";proto=http` : peer;
    const before = incoming.headersDistinct[this.#header] ?? [];
    const headers = { ...incoming.headers, [this.#header]: [...before, node].join(', ') };
    return httpRequest({ hostname, port, method: incoming.method, path: incoming.url, headers, agent: false });
  }

  #upgrade(incoming: IncomingMessage, near: Duplex): void {
    near.on('error', () => near.destroy());
    const onward = this.#onward(incoming).end();
    onward.on('error', () => near.destroy());
    onward.on('response', (answer) => {
      near.write(headOf(answer));
      answer.pipe(near);
    });
    onward.on('upgrade', (answer, far, head) => {
      near.write(headOf(answer));
      near.write(head);
      far.on('error', () => near.destroy()).on('close', () => near.destroy());
      near.on('close', () => far.destroy());
      near.pipe(far).pipe(near);
    });
  }
}

function headOf({ statusCode, statusMessage, rawHeaders }: IncomingMessage): string {
  const lines = rawHeaders.flatMap((text, at) => (at % 2 === 0 ? [`${text}: ${rawHeaders[at + 1] ?? ''}`] : []));
  return [`HTTP/1.1 ${statusCode ?? 502} ${statusMessage ?? ''}`, ...lines, '', ''].join('\r\n');
}
