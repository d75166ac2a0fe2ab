/**
 * A proxy between the suite and a gateway. It changes the gateway's messages, so that the suite sees a wrong server.
 */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';

interface Message {
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Makes a function for one connection. It replaces each message of the server with no message, one or several. */
export type Fault = () => (message: Message) => readonly Message[];

export const FAULTS = {
  /** Sends every live event twice. */
  double: () => (message) =>
    message.type === 'event' && message.data['isReplay'] === false ? [message, message] : [message],
  /** Drops the first event of each replay. */
  skipReplayed: () => {
    let skip = false;
    return (message) => {
      if (message.type === 'subscribed') skip = true;
      if (!skip || message.type !== 'event' || message.data['isReplay'] !== true) return [message];
      skip = false;
      return [];
    };
  },
  /** Drops errors. */
  noErrors: () => (message) => (message.type === 'error' ? [] : [message]),
} as const satisfies Readonly<Record<string, Fault>>;

export interface Relay {
  readonly url: string;
  close(): void;
}

export async function faultyRelay(target: string, fault: Fault): Promise<Relay> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, path: '/ws', handleProtocols: () => 'tidemark.v1' });
  await once(server, 'listening');
  server.on('connection', (client, request) => {
    const offered = request.headers['sec-websocket-protocol'];
    const upstream = new WebSocket(target, offered === undefined ? [] : ['tidemark.v1'], { perMessageDeflate: false });
    const waiting: (() => void)[] = [];
    const spoil = fault();
    client.on('message', (data: Buffer, isBinary) => {
      const pass = (): void => upstream.send(data, { binary: isBinary });
      if (upstream.readyState === WebSocket.OPEN) pass();
      else waiting.push(pass);
    });
    upstream.on('open', () => waiting.splice(0).forEach((pass) => pass()));
    upstream.on('message', (data: Buffer) => {
      for (const message of spoil(JSON.parse(data.toString('utf8')) as Message)) client.send(JSON.stringify(message));
    });
    upstream.on('ping', (data) => client.ping(data));
    upstream.on('close', (code, reason) => client.close(code === 1006 || code === 1005 ? 1011 : code, reason));
    upstream.on('error', () => client.terminate());
    client.on('close', () => upstream.terminate());
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `ws://127.0.0.1:${port}/ws`,
    close: () => {
      for (const client of server.clients) client.terminate();
      server.close();
    },
  };
}
