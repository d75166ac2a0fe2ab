import { once } from 'node:events';
import { createServer, request as httpRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import Fastify from 'fastify';
import { describe, expect, test } from 'vitest';
import type { RawClient } from '../testing/raw-client.ts';
import { connect, gatewayOf, onCleanup } from '../testing/rig.ts';

const connectTo = (port: number, path = '/ws'): Promise<RawClient> => connect(`ws://127.0.0.1:${port}${path}`);

const custom = { stream: 'main', event: 'built', payload: { ok: true } };

function post(port: number, body: unknown, path = '/ws/broadcast'): Promise<Response> {
  const headers = { 'content-type': 'application/json' };
  return fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
}

describe('a gateway attached to a host’s Fastify instance', () => {
  test('serves its WebSocket and its HTTP operations in addition to the host’s own routes', async () => {
    const host = Fastify();
    onCleanup(() => host.close());
    host.get('/own', () => ({ mine: true }));
    const gateway = gatewayOf();
    await gateway.attach(host);
    await host.listen({ host: '127.0.0.1', port: 0 });
    const { port } = host.server.address() as AddressInfo;
    const client = await connectTo(port);
    await client.call('subscribe', { events: ['built'] });
    expect((await post(port, custom)).status).toBe(200);
    expect(await client.find((each) => each.type === 'event')).toMatchObject({ data: { payload: { ok: true } } });
    expect(await (await fetch(`http://127.0.0.1:${port}/own`)).json()).toEqual({ mine: true });
    expect((await fetch(`http://127.0.0.1:${port}/ws/health`)).status).toBe(200);
  });

  test('leaves the host its own error format and body parsing', async () => {
    const host = Fastify();
    onCleanup(() => host.close());
    host.post('/own', (request) => ({ got: request.body }));
    await gatewayOf().attach(host);
    await host.listen({ host: '127.0.0.1', port: 0 });
    const { port } = host.server.address() as AddressInfo;
    expect(await (await post(port, { a: 1 }, '/own')).json()).toEqual({ got: { a: 1 } });
    expect(await (await fetch(`http://127.0.0.1:${port}/nowhere`)).json()).toMatchObject({ error: 'Not Found' });
    expect(await (await post(port, { event: 'x' })).json()).toMatchObject({ type: 'error' });
  });
});

describe('a gateway attached to a host’s http.Server', () => {
  test('leaves `/` to the host, like a gateway attached to a Fastify instance', async () => {
    const server = createServer((_request, response) => response.end('mine'));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onCleanup(async () => void server.close());
    await gatewayOf().attach(server);
    const fastify = Fastify();
    onCleanup(() => fastify.close());
    await gatewayOf().attach(fastify);
    fastify.get('/', () => 'mine');
    await fastify.listen({ host: '127.0.0.1', port: 0 });
    for (const host of [server, fastify.server]) {
      const { port } = host.address() as AddressInfo;
      expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('mine');
      expect((await fetch(`http://127.0.0.1:${port}/docs`)).status).toBe(200);
    }
  });

  test('rejects an upgrade to an unknown address, unless the host has its own upgrade listener', async () => {
    const host = createServer();
    host.listen(0, '127.0.0.1');
    await once(host, 'listening');
    onCleanup(async () => void host.close());
    const { port } = host.address() as AddressInfo;
    await gatewayOf().attach(host);
    const upgrade = async (): Promise<{ status: number | undefined; body: string }> => {
      const headers = { connection: 'Upgrade', upgrade: 'websocket' };
      const request = httpRequest({ port, path: '/other', headers }).end();
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      return { status: response.statusCode, body: await text(response) };
    };
    const refused = await upgrade();
    expect({ ...refused, body: JSON.parse(refused.body) as unknown }).toMatchObject({
      status: 404,
      body: { type: 'error', data: { code: 'unknown_type' } },
    });
    host.on('upgrade', (_request, socket) => socket.end('HTTP/1.1 418 Tea\r\nConnection: close\r\n\r\n'));
    expect(await upgrade()).toMatchObject({ status: 418 });
  });

  test('does not serve without credentials on a public address of the host, unless allowed (SEC-5)', async () => {
    const host = createServer();
    // The host only pretends to listen on this address, because no test should open a port to the network.
    host.address = () => ({ address: '0.0.0.0', family: 'IPv4', port: 80 });
    await expect(gatewayOf().attach(host)).rejects.toThrow(/would listen on 0\.0\.0\.0.*SEC-5/);
    await expect(gatewayOf({ insecure: true }).attach(host)).resolves.toBeUndefined();
  });

  test('handles the upgrades of its own path and leaves the others to the host', async () => {
    const host = createServer((_request, response) => void response.end('host'));
    host.on('upgrade', (request, socket) => {
      if (request.url === '/own')
        socket.end('HTTP/1.1 101 Switching Protocols\r\nUpgrade: own\r\nConnection: Upgrade\r\n\r\n');
    });
    host.listen(0, '127.0.0.1');
    await once(host, 'listening');
    onCleanup(async () => {
      host.closeAllConnections();
      host.close();
      await once(host, 'close');
    });
    const { port } = host.address() as AddressInfo;
    const gateway = gatewayOf({ path: '/events' });
    await gateway.attach(host);
    const client = await connectTo(port, '/events');
    expect((await client.call('ping')).type).toBe('pong');
    const upgrade = httpRequest({ port, path: '/own', headers: { connection: 'Upgrade', upgrade: 'own' } }).end();
    const [response] = (await once(upgrade, 'upgrade')) as [{ readonly statusCode: number }];
    expect(response.statusCode).toBe(101);
    expect(await (await fetch(`http://127.0.0.1:${port}/ws`)).text()).toBe('host');
  });

  test('releases its addresses when it closes', async () => {
    const host = createServer((_request, response) => void response.end('host'));
    host.listen(0, '127.0.0.1');
    await once(host, 'listening');
    onCleanup(async () => {
      host.closeAllConnections();
      host.close();
    });
    const { port } = host.address() as AddressInfo;
    const gateway = gatewayOf();
    await gateway.attach(host);
    expect((await fetch(`http://127.0.0.1:${port}/ws/health`)).headers.get('content-type')).toMatch(/json/);
    await gateway.close({ drainMs: 0 });
    expect(await (await fetch(`http://127.0.0.1:${port}/ws/health`)).text()).toBe('host');
  });
});
