/** A recorder in this process, in front of a server that a test controls. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startRecorder } from '../record/recorder.ts';
import type { Recorder } from '../record/recorder.ts';
import { acceptSocket, openSocket } from '../target/socket.ts';
import type { Handshake, Socket } from '../target/socket.ts';

export interface Bench {
  readonly recorder: Recorder;
  /** The file that the recorder writes. */
  readonly out: string;
  readonly connect: (path?: string) => Promise<Handshake>;
  /** What the client received, and when the server was asked for a connection and how that connection ended. */
  readonly got: string[];
  /** Closes the server, not the recorder. */
  readonly close: () => void;
}

export interface BenchOptions {
  readonly out: string;
  /** How the server answers HTTP; by default with status 418. */
  readonly answer?: RequestListener;
  /** The server accepts an upgrade when this promise resolves; by default at once. */
  readonly accepts?: Promise<void>;
}

/** The server sends a message right after the upgrade, echoes every frame, and closes on request. */
export async function startBench({ out, answer, accepts }: BenchOptions): Promise<Bench> {
  const tea: RequestListener = (_request, response) => response.writeHead(418, { 'x-tea': 'green' }).end('{"short":1}');
  const server = createServer(answer ?? tea);
  const got: string[] = [];
  const { promise: target, resolve: settle } = Promise.withResolvers<Socket>();
  const echo = async (kind: string, content: string): Promise<void> => {
    const to = await target;
    if (content === 'end') to.close(4003, 'told to');
    else to.sendText(`${kind} ${content}`);
  };
  server.on('upgrade', (request, socket, head: Buffer) => {
    if (request.url?.includes('refuse') === true) {
      const headers = [
        'Retry-After: 7',
        'Set-Cookie: a=1',
        'Set-Cookie: b=2',
        'Content-Length: 5',
        'Connection: close',
      ];
      socket.write(`HTTP/1.1 503 Busy\r\n${headers.join('\r\n')}\r\n\r\n`);
      socket.end(Buffer.from('late\xff', 'latin1'));
      return;
    }
    const accept = async (): Promise<void> => {
      got.push('target asked');
      await accepts;
      const accepted = await acceptSocket(request, socket, head, {
        protocol: 'tidemark.v1',
        onFrame: (kind, content) => void echo(kind, content),
        onClose: (code, reason) => got.push(`target closed ${code} ${reason}`),
      });
      accepted.sendText('hello');
      settle(accepted);
    };
    void accept();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const recorder = await startRecorder({
    target: new URL(`ws://127.0.0.1:${port}/ws`),
    httpTarget: new URL(`http://127.0.0.1:${port}`),
    out,
    host: '127.0.0.1',
    port: 0,
  });
  const connect = (path = ''): Promise<Handshake> =>
    openSocket({
      url: `${recorder.url}${path}`,
      protocols: ['tidemark.v1'],
      headers: {},
      pong: 'auto',
      timeoutMs: 5000,
      onOpen: (protocol) => got.push(`open ${protocol}`),
      onFrame: (kind, content) => got.push(`${kind} ${content}`),
      onFault: (text) => got.push(`fault ${text}`),
      onClose: (code, reason) => got.push(`closed ${code} ${reason}`),
    });
  return { recorder, out, connect, got, close: () => void server.close() };
}
