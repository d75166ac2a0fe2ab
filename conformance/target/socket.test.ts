import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import { openSocket } from './socket.ts';
import type { Socket } from './socket.ts';

describe('a client that has stopped reading', () => {
  let server: WebSocketServer | undefined;
  afterEach(() => {
    for (const client of server?.clients ?? []) client.terminate();
    server?.close();
  });

  /** The client, and the same connection on the server. */
  async function connect(): Promise<readonly [Socket, WebSocket]> {
    server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    await once(server, 'listening');
    const accepted = once(server, 'connection');
    const { port } = server.address() as AddressInfo;
    const handshake = await openSocket({
      url: `ws://127.0.0.1:${port}`,
      protocols: [],
      headers: {},
      pong: 'auto',
      timeoutMs: 30_000,
      onOpen: () => undefined,
      onFrame: () => undefined,
      onFault: () => undefined,
      onClose: () => undefined,
    });
    const [peer] = (await accepted) as [WebSocket];
    if (!('socket' in handshake)) throw new Error(`not connected: ${JSON.stringify(handshake)}`);
    return [handshake.socket, peer];
  }

  test('still sends pongs, so that a server keeps the connection', async () => {
    const [client, peer] = await connect();
    client.setReading('off');
    const [first] = (await once(peer, 'pong')) as [Buffer];
    expect(first).toHaveLength(0);
    await once(peer, 'pong');
  });
});
