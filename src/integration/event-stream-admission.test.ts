/** How a request for server-sent events is admitted and counted, and how an operator can end it (SSE-1, SSE-3, OPS-8). */
import { once } from 'node:events';
import { Agent, createServer, request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { connect as connectSocket } from 'node:net';
import { describe, expect, test, vi } from 'vitest';
import type { Authenticator } from '../auth/authenticator.ts';
import { ANONYMOUS, NOBODY } from '../auth/principal.ts';
import type { GatewayOptions } from '../gateway.ts';
import { EventStreamReader } from '../testing/event-stream-reader.ts';
import { PATIENCE, gatewayOf, onCleanup, serve } from '../testing/rig.ts';

/** Attaches a gateway to a server of the test, so that the test can inspect the sockets. */
async function serveOnHost(options: GatewayOptions = {}) {
  const sockets: Socket[] = [];
  const server = createServer();
  server.on('connection', (socket) => sockets.push(socket));
  const gateway = gatewayOf(options);
  await gateway.attach(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onCleanup(() => server.close());
  return { gateway, sockets, port: (server.address() as AddressInfo).port };
}

/** An authenticator that answers only after `gate` has resolved. */
function authenticatorBehind(gate: Promise<void>, onAsked: () => void): Authenticator {
  return {
    required: true,
    anonymous: NOBODY,
    authenticate: async () => {
      onAsked();
      await gate;
      return ANONYMOUS;
    },
    onRevoked: () => undefined,
    close: () => Promise.resolve(),
  };
}

describe('a client that left before its request for events was admitted', () => {
  test('opens no connection, and does not count for the limit of its address', async () => {
    const [gate, asked] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const { gateway, sockets, port } = await serveOnHost({
      authenticator: authenticatorBehind(gate.promise, asked.resolve),
      limits: { connectionsPerAddress: 1 },
    });
    const left = connectSocket(port, '127.0.0.1');
    left.write('GET /ws/events?events=* HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer x\r\n\r\n');
    await asked.promise;
    const [socket] = sockets;
    left.resetAndDestroy();
    await vi.waitFor(() => expect(socket?.closed).toBe(true), PATIENCE);
    gate.resolve();
    const headers = { authorization: 'Bearer x' };
    const reader = await EventStreamReader.open(`http://127.0.0.1:${port}/ws/events?events=*`, { headers });
    await reader.find('subscribed');
    expect(gateway.health()).toMatchObject({ connections: 1, subscriptions: { total: 1 } });
  });
});

describe('a refused request for events', () => {
  test('counts as an attempt to connect, and in the metric of its status', async () => {
    const startedAt = Date.now();
    const { gateway, httpUrl } = await serve({ limits: { acceptsPerSecond: 3 }, now: () => startedAt });
    const answers: (readonly [number, string | null])[] = [];
    for (const query of ['events=*&stream=x', 'events=', 'events=file_change&actors=x', 'events=*']) {
      const response = await fetch(`${httpUrl}/ws/events?${query}`);
      answers.push([response.status, response.headers.get('retry-after')]);
      await response.text();
    }
    expect(answers).toEqual([
      [422, null],
      [400, null],
      [422, null],
      [503, '2'],
    ]);
    const refused = [...(await gateway.metrics()).matchAll(/^tidemark_refused_total\{status="(\d+)"\} ([1-9]\d*)$/gm)];
    expect(refused.map(([, status, count]) => [status, count])).toEqual([
      ['400', '1'],
      ['422', '2'],
      ['503', '1'],
    ]);
  });

  test('leaves no listener on a socket that the client uses again', async () => {
    const { sockets, port } = await serveOnHost();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    onCleanup(() => agent.destroy());
    const refuse = async (): Promise<void> => {
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        request({ agent, port, host: '127.0.0.1', path: '/ws/events?events=file_change&actors=x' }, resolve)
          .on('error', reject)
          .end();
      });
      expect(response.statusCode).toBe(422);
      await response.resume().toArray();
    };
    const counts = (): (readonly [string | symbol, number])[] =>
      (sockets[0]?.eventNames() ?? []).map((name) => [name, sockets[0]?.listenerCount(name) ?? 0] as const);
    await refuse();
    const before = counts();
    for (let again = 0; again < 3; again += 1) await refuse();
    expect(sockets).toHaveLength(1);
    expect(counts()).toEqual(before);
  });
});

describe('an event stream that an operator disconnects (OPS-8)', () => {
  test.each([
    [true, { code: 4205, name: 'disconnected', retryable: true }, /^\d+$/],
    [false, { code: 4009, name: 'removed', retryable: false }, /^absent$/],
  ])('receives `closing`, and its response ends (`reconnect: %s`)', async (reconnect, closing, retry) => {
    const { gateway, httpUrl } = await serve();
    const reader = await EventStreamReader.open(`${httpUrl}/ws/events?events=*`);
    const { connectionId } = (await reader.find('welcome')).message.data;
    const answer = await fetch(`${httpUrl}/ws/disconnect`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ connectionId, reconnect }),
    });
    expect(await answer.json()).toMatchObject({ disconnected: true, nodeId: gateway.nodeId });
    await reader.until(() => reader.ended);
    const last = reader.received.at(-1);
    expect(last?.message).toMatchObject({ type: 'closing', data: closing });
    expect(last?.retry ?? 'absent').toMatch(retry);
    await vi.waitFor(() => expect(gateway.health().connections).toBe(0), PATIENCE);
    expect(await gateway.metrics()).toMatch(new RegExp(`^tidemark_closed_total\\{code="${closing.code}"\\} 1$`, 'm'));
  });
});
