import { EventEmitter, once } from 'node:events';
import { createServer, request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import pino from 'pino';
import { describe, expect, test } from 'vitest';
import { createGateway } from '../gateway.ts';
import { connect, serve } from '../testing/rig.ts';

const entity = (id: string, name = id): { id: string; entityType: string; name: string } => ({
  id,
  entityType: 'function',
  name,
});

describe('publishing', () => {
  test('rejects a declared event with an invalid payload, and stores nothing (EVT-3)', async () => {
    const { gateway } = await serve();
    const broken = { path: 'a.ts', root: 'r', changeType: 'vanish', fileType: 'file' } as never;
    await expect(gateway.publish('file_change', broken)).rejects.toMatchObject({
      code: 'payload_invalid',
      pointer: '/changeType',
    });
    expect((await gateway.publish('tick', {})).sequenceId).toBe(1);
  });

  test('accepts only names that the contract allows from the host program (BRD-1)', async () => {
    const { gateway } = await serve();
    const wrong = [
      ['stream_invalid', '/stream', () => gateway.publish('tick', {}, { stream: 'files' })],
      ['invalid_message', '/event', () => gateway.publish('Bad Name!', {})],
      ['invalid_message', '/source', () => gateway.publish('tick', {}, { source: '' })],
      ['invalid_message', '/idempotencyKey', () => gateway.publish('tick', {}, { idempotencyKey: 'k'.repeat(129) })],
    ] as const;
    for (const [code, pointer, publish] of wrong) await expect(publish()).rejects.toMatchObject({ code, pointer });
    expect(gateway.health().streams).toEqual([]);
  });

  test('logs once that the host program uses a name similar to a declared one (SUB-7)', async () => {
    const lines: string[] = [];
    const { gateway } = await serve({ log: pino({ level: 'warn' }, { write: (line) => void lines.push(line) }) });
    for (const event of ['file_changed', 'file_changed', 'build_done', 'file_change']) {
      const payload = { path: 'a.ts', root: 'r', changeType: 'modify', fileType: 'file' } as const;
      await gateway.publish(event, payload);
    }
    expect(lines.map((line) => JSON.parse(line) as { msg: string })).toMatchObject([
      {
        event: 'file_changed',
        msg: 'file_changed is not declared, so it is a custom event; did you mean file_change?',
      },
    ]);
  });

  test('copies the payload of the host program, so that later changes have no effect', async () => {
    const { gateway, url } = await serve();
    const client = await connect(url);
    await client.call('subscribe', { events: ['*'], replay: { mode: 'none' } });
    const payload = { n: 1, at: new Date(0), none: undefined };
    const published = gateway.publish('tick', payload);
    payload.n = 2;
    await published;
    const event = await client.find(({ type }) => type === 'event');
    expect(event.data['payload']).toEqual({ n: 1, at: '1970-01-01T00:00:00.000Z' });
  });

  test('rejects values of the host program that JSON cannot represent, and stores nothing', async () => {
    const { gateway } = await serve();
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    for (const [payload, text] of [
      [cycle, /cannot be written as JSON: Converting circular structure/],
      [{ n: 1n }, /cannot be written as JSON: .*BigInt/],
      [{ toJSON: () => 5 }, /must be a JSON object/],
      [{ toJSON: () => undefined }, /cannot be written as JSON/],
    ] as const)
      await expect(gateway.publish('tick', payload)).rejects.toMatchObject({
        code: 'payload_invalid',
        message: expect.stringMatching(text),
      });
    expect(gateway.health().streams).toEqual([]);
  });

  test('fails for the host program after the gateway has closed', async () => {
    const gateway = createGateway();
    await gateway.publish('tick', {});
    await gateway.close({ drainMs: 0 });
    await expect(gateway.publish('tick', {})).rejects.toMatchObject({ code: 'broker_unavailable' });
  });

  test('accepts a loss only for streams that the contract allows', async () => {
    const { gateway } = await serve();
    await expect(gateway.announceLoss({ stream: 'nowhere', paths: [''] })).rejects.toMatchObject({
      code: 'stream_invalid',
    });
    await expect(gateway.announceLoss({ stream: 'workspace:w', paths: [''] })).resolves.toBeUndefined();
  });

  test('returns over HTTP the position of the event, or an error with the status of its code (BRD-1, OPS-0)', async () => {
    const { httpUrl } = await serve();
    const post = async (body: unknown): Promise<{ status: number; body: unknown }> => {
      const response = await fetch(`${httpUrl}/ws/broadcast`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      return { status: response.status, body: await response.json() };
    };
    const first = await post({ stream: 'main', event: 'tick', payload: { n: 1 }, idempotencyKey: 'k' });
    expect(first).toMatchObject({ status: 200, body: { stream: 'main', sequenceId: 1, duplicate: false } });
    expect(await post({ stream: 'main', event: 'tick', payload: { n: 2 }, idempotencyKey: 'k' })).toMatchObject({
      status: 200,
      body: { sequenceId: 1, duplicate: true },
    });
    expect(await post({ stream: 'main', event: 'file_change', payload: {} })).toMatchObject({
      status: 422,
      body: { type: 'error', data: { code: 'payload_invalid', pointer: '/payload/path' } },
    });
    expect(await post({ stream: 'nowhere', event: 'tick', payload: {} })).toMatchObject({
      status: 422,
      body: { data: { code: 'stream_invalid', pointer: '/stream' } },
    });
    expect(await post({ stream: 'main', event: 'tick', payload: { text: 'x'.repeat(65_600) } })).toMatchObject({
      status: 413,
    });
  });

  test('is off by default for the broadcast command, and records the principal (BRD-2)', async () => {
    const off = await serve();
    expect(
      (await (await connect(off.url)).call('broadcast', { stream: 'main', event: 'tick', payload: {} })).data['code'],
    ).toBe('forbidden');
    const on = await serve({ broadcast: 'on' });
    const client = await connect(on.url);
    await client.call('subscribe', { events: ['tick'] });
    expect(
      (await client.call('broadcast', { stream: 'main', event: 'tick', payload: {}, source: 'me' })).data,
    ).toMatchObject({ sequenceId: 1, duplicate: false });
    await client.call('sync', { stream: 'main' });
    expect(client.events()[0]).toMatchObject({ source: { name: 'me', principal: 'anonymous' } });
  });

  test('puts an event of a session on the stream of this session, and refuses any other stream, by every way of publishing (STR-5)', async () => {
    const { gateway, url, httpUrl } = await serve({ broadcast: 'on' });
    const payload = { sessionId: 'refactor-1', sessionEvent: 'modified' } as const;
    const event = 'session_event';
    const client = await connect(url);
    const post = async (body: object): Promise<unknown> =>
      (
        await fetch(`${httpUrl}/ws/broadcast`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(body),
        })
      ).json();
    for (const stream of ['main', 'session:other', 'workspace:refactor-1']) {
      const refusal = { code: 'stream_invalid', details: { stream: 'session:refactor-1' } };
      expect((await client.call('broadcast', { stream, event, payload })).data).toMatchObject({
        ...refusal,
        pointer: '/data/stream',
        message: expect.stringContaining('belongs on the stream session:refactor-1'),
      });
      expect(await post({ stream, event, payload })).toMatchObject({ data: { ...refusal, pointer: '/stream' } });
      await expect(gateway.publish(event, payload, { stream })).rejects.toMatchObject(refusal);
    }
    const home = { stream: 'session:refactor-1' };
    expect(await gateway.publish(event, payload)).toMatchObject({ ...home, sequenceId: 1 });
    expect((await client.call('broadcast', { event, payload })).data).toMatchObject({ ...home, sequenceId: 2 });
    expect(await post({ event, payload })).toMatchObject({ ...home, sequenceId: 3 });
    expect(await post({ ...home, event, payload })).toMatchObject({ ...home, sequenceId: 4 });
    expect((await client.call('broadcast', { event, payload: { sessionEvent: 'modified' } })).data).toMatchObject({
      code: 'payload_invalid',
      pointer: '/data/payload/sessionId',
    });
    expect((await client.call('broadcast', { event: 'build.done', payload: {} })).data).toMatchObject({
      stream: 'main',
    });
    expect(
      gateway
        .health()
        .streams.map(({ stream }) => stream)
        .toSorted(),
    ).toEqual(['main', 'session:refactor-1']);
  });

  test('publishes the events of a host’s emitter after one call of bindEmitter', async () => {
    const { gateway, url } = await serve();
    const client = await connect(url);
    await client.call('subscribe', { events: ['entity_created'] });
    const emitter = new EventEmitter();
    const unbind = gateway.bindEmitter(emitter, {
      created: { event: 'entity_created', payload: (id) => entity(String(id)) },
    });
    emitter.emit('created', 'e1');
    await client.find((each) => each.type === 'event');
    unbind();
    emitter.emit('created', 'e2');
    await client.call('sync', { stream: 'main' });
    expect(client.events().map((each) => (each['payload'] as { id: string }).id)).toEqual(['e1']);
  });
});

describe('the gateway', () => {
  test('does not listen on a public address without credentials, unless allowed (SEC-5)', async () => {
    // No machine has this address (RFC 5737), so listening on it fails with another error.
    const elsewhere = { host: '192.0.2.1', port: 0 };
    await expect(createGateway().listen(elsewhere)).rejects.toThrow('no credential is configured');
    await expect(createGateway({ insecure: true }).listen(elsewhere)).rejects.toThrow('EADDRNOTAVAIL');
  });

  test('answers its HTTP operations (OPS-1, OPS-2, OPS-3, OPS-4)', async () => {
    const { url, httpUrl } = await serve();
    const client = await connect(url);
    await client.call('subscribe', { subscriptionId: 'ts', events: ['file_change'], filter: { extensions: ['.ts'] } });
    const get = async (path: string, accept = '*/*'): Promise<Response> =>
      fetch(`${httpUrl}${path}`, { headers: { accept }, redirect: 'manual' });
    expect(await (await get('/ws/health')).json()).toMatchObject({
      status: 'ok',
      connections: 1,
      subscriptions: { total: 1, byEvent: { file_change: 1 } },
      broker: { kind: 'memory', connected: true },
    });
    expect(await (await get('/ws/subscriptions')).json()).toMatchObject({
      total: 1,
      items: [{ subscriptionId: 'ts', filter: { extensions: ['.ts'] } }],
      aggregates: { extensions: { '.ts': 1 } },
      partial: false,
    });
    expect((await get('/ws')).status).toBe(426);
    expect((await get('/healthz')).status).toBe(200);
    expect((await get('/readyz')).status).toBe(200);
    const nowhere = await get('/nowhere');
    expect({ status: nowhere.status, body: await nowhere.json() }).toMatchObject({
      status: 404,
      body: { type: 'error', data: { code: 'unknown_type' } },
    });
    expect(await (await get('/metrics')).text()).toMatch(/tidemark_connections 1/);
    expect(await (await get('/asyncapi.yaml')).text()).toMatch(/^# The Tidemark protocol/);
    expect(await (await get('/docs')).text()).toMatch(/<html/);
    const text = await get('/docs', 'text/markdown, text/html, */*');
    expect(text.headers.get('content-type')).toBe('text/markdown; charset=utf-8');
    const markdown = await text.text();
    expect(markdown).toMatch(/^# Tidemark protocol/);
    expect(markdown.match(/\]\((?!#)[^)]*\)/g)).toBeNull();
    const root = await get('/');
    expect([root.status, root.headers.get('location')]).toEqual([302, 'docs']);
    const explained = await fetch(`${httpUrl}/ws/explain`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        event: 'file_change',
        payload: { path: 'a.mts', root: 'r', changeType: 'modify', fileType: 'file' },
      }),
    });
    expect(await explained.json()).toMatchObject({
      matches: [],
      mismatches: [{ subscriptionId: 'ts', clause: 'extensions', wanted: ['.ts'] }],
    });
  });

  test('answers a request that offers another protocol as an ordinary request (RFC 9110, 7.8)', async () => {
    const { httpUrl } = await serve();
    const headers = { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': '' };
    const asked = request(`${httpUrl}/ws/health`, { headers }).end();
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    response.resume();
    expect(response.statusCode).toBe(200);
  });

  test('serves on a host’s own http.Server, which keeps its other addresses', async () => {
    const host = createServer((_request, response) => void response.end('host'));
    await new Promise<void>((resolve) => host.listen(0, '127.0.0.1', resolve));
    const address = host.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const gateway = createGateway();
    await gateway.attach(host);
    const client = await connect(`ws://127.0.0.1:${port}/ws`);
    expect((await client.call('ping')).type).toBe('pong');
    expect(await (await fetch(`http://127.0.0.1:${port}/other`)).text()).toBe('host');
    expect((await fetch(`http://127.0.0.1:${port}/ws/health`)).status).toBe(200);
    client.close();
    await gateway.close({ drainMs: 0 });
    await new Promise((resolve) => host.close(resolve));
  });

  test('drains: heartbeat, closing, close 4200, and no new connections (CON-5)', async () => {
    const { gateway, url } = await serve();
    const client = await connect(url);
    await client.call('subscribe', { events: ['*'] });
    const closing = gateway.close();
    expect((await client.closed).code).toBe(4200);
    await closing;
    expect(client.frames.slice(-2)).toMatchObject([
      { type: 'heartbeat' },
      { type: 'closing', data: { code: 4200, name: 'shutdown', retryable: true } },
    ]);
  });
});
