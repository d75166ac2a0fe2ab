/** Tests MCP over HTTP: which clients may call, and what each caller may do. */
import { once } from 'node:events';
import { request } from 'node:http';
import { createConnection } from 'node:net';
import { describe, expect, test, vi } from 'vitest';
import { CliError } from '../../src/cli/exit.ts';
import { onCleanup, PATIENCE, serve } from '../../src/testing/rig.ts';
import { eventStream } from '../testing/events-client.ts';
import { testContract } from '../testing/contracts.ts';
import { callerOf, httpClient, httpServer, tokenAt } from '../testing/http-server.ts';
import { callTool } from '../testing/linked-client.ts';
import { scopedGateway } from '../testing/scoped-gateway.ts';
import { readCallers } from './callers.ts';
import { CallerSession } from './caller-session.ts';

function statusOf(url: string, headers: Readonly<Record<string, string>>): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' });
    const sent = request(url, { method: 'POST', headers: { 'content-type': 'application/json', ...headers } });
    sent
      .on('response', (response) => resolve(response.resume().statusCode))
      .on('error', reject)
      .end(body);
  });
}

/** Sends bytes, and resolves when the connection has ended. */
async function send(port: number, text: string): Promise<void> {
  const socket = createConnection(port, '127.0.0.1').on('error', () => undefined);
  socket.end(text, 'latin1');
  socket.resume();
  await once(socket, 'close');
}

describe('over HTTP', () => {
  test('tools and event streams work, and a stream ends with its client', async () => {
    const { gateway, url } = await serve({ broadcast: 'on' });
    const service = await httpServer(url);
    const client = await httpClient(service.url);
    const published = await callTool(client, 'publish_event', { event: 'build.finished', payload: { ok: true } });
    expect(published.content).toMatchObject({ duplicate: false });
    const stream = eventStream(client, { name: 'sync_status' });
    await vi.waitFor(() => expect(stream.received.length).toBe(1), PATIENCE);
    await gateway.publish('sync_status', { status: 'running', operationId: 'o' });
    await vi.waitFor(() => expect(stream.sequenceIds()).toEqual([2]), PATIENCE);
    stream.cancel();
    await vi.waitFor(
      async () => expect((await callTool(client, 'who_listens')).content).toMatchObject({ total: 0 }),
      PATIENCE,
    );
    expect(service.faults).toEqual([]);
  });

  test('other origins, other hosts and other paths are refused', async () => {
    const { url } = await serve();
    const service = await httpServer(url, { allowedHosts: ['mcp.example'] });
    expect(await statusOf(service.url, { origin: 'https://evil.example' })).toBe(403);
    expect(await statusOf(service.url, { host: 'evil.example' })).toBe(403);
    expect(await statusOf(service.url, { host: 'mcp.example', origin: 'https://mcp.example' })).not.toBe(403);
    expect(await statusOf(service.url.replace('/mcp', '/other'), {})).toBe(404);
  });

  test('invalid requests end at most their own connection', async () => {
    const { url } = await serve();
    const service = await httpServer(url);
    const { port } = new URL(service.url);
    const head = (line: string): string => `${line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`;
    const post = head('POST /mcp').replace(
      '\r\n\r\n',
      '\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n',
    );
    const targets = ['//', '///', 'http://', 'http://[', '//[::1', '/%', '*', 'x', 'http://localhost/mcp'];
    for (const text of [
      ...targets.flatMap((target) => ['GET', 'OPTIONS', 'POST'].map((method) => head(`${method} ${target}`))),
      ...['TRACE', 'CONNECT', 'PUT'].map((method) => head(`${method} /mcp`)),
      ...['null', '[]', '{}', '"x"', '123456789', '{"a":', '\xff\xfe'].map((body) => post + body.padEnd(9)),
      ...['', 'GET', '\0\x01', head('GET /mcp').replace('GET', 'G\tT'), post.slice(0, -4), post],
      head('GET /mcp').replace('Connection: close', 'Upgrade: websocket\r\nConnection: upgrade'),
    ])
      await send(Number(port), text);
    expect(await statusOf(service.url, { accept: 'application/json, text/event-stream' })).toBe(200);
  });

  test('each caller has its own scopes; without a token of this server there is no access', async () => {
    const { url, tokenFile } = await scopedGateway({ ana: ['subscribe:*'], bo: ['subscribe:sync_status@main'] });
    // No caller may use the operator's own credential.
    vi.stubEnv('TIDEMARK_TOKEN', 'ana');
    const callers = [
      callerOf('ana', tokenFile('ana')),
      { ...callerOf('bo', tokenFile('bo')), credential: { apiKeyFile: tokenFile('bo') } },
    ];
    const service = await httpServer(url, { callers });
    for (const headers of [{}, { authorization: 'Bearer ana' }, { authorization: `Basic ${tokenAt('ana')}` }])
      expect(await statusOf(service.url, headers)).toBe(401);
    const parameters = { events: ['file_change'] };
    const ana = await callTool(await httpClient(service.url, { token: tokenAt('ana') }), 'recent_changes', parameters);
    expect(ana.isError).toBe(false);
    const bo = await callTool(await httpClient(service.url, { token: tokenAt('bo') }), 'recent_changes', parameters);
    expect(bo).toMatchObject({ isError: true, text: expect.stringMatching(/^forbidden: /) });
  });
});

test('an unreadable file of callers is reported as wrong usage, with its name', async () => {
  const failure = await readCallers('/nowhere/callers.json').catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(CliError);
  expect(failure).toMatchObject({ exitCode: 2, message: expect.stringContaining('--callers /nowhere/callers.json') });
});

const contract = await testContract();

function sessionOf(url: string, stallMs = 60_000): CallerSession {
  const onFault = (error: unknown): void => expect(error).toBeUndefined();
  const session = new CallerSession({ gateway: { url }, host: { contract, onFault }, stallMs });
  onCleanup(() => session.close());
  return session;
}

function call(method: string, params: object, signal?: AbortSignal): Request {
  return new Request('http://localhost/mcp', {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    ...(signal === undefined ? {} : { signal }),
  });
}

const stream = call.bind(undefined, 'events/stream', { name: 'custom_event', arguments: { event: 'build.*' } });

/** Number of subscriptions at the gateway. */
async function listeners(url: string): Promise<unknown> {
  const response = await fetch(`${url.replace('ws:', 'http:')}/subscriptions`);
  return ((await response.json()) as { readonly total: unknown }).total;
}

test('a client that does not read pauses the subscription, and receives every event when it reads again', async () => {
  const { gateway, url } = await serve();
  const end = new AbortController();
  const response = await sessionOf(url).fetch(stream(end.signal), () => undefined);
  await vi.waitFor(async () => expect(await listeners(url)).toBe(1), PATIENCE);
  const count = 600;
  for (let n = 0; n < count; n += 1) await gateway.publish('build.step', { n });
  // When its buffer is full, the SDK client unsubscribes, and subscribes again after half of the buffer has been read.
  await vi.waitFor(async () => expect(await listeners(url)).toBe(0), PATIENCE);
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    text += decoder.decode(chunk, { stream: true });
    if (text.includes(`"payload":{"n":${count - 1}}`)) break;
  }
  expect(text.split('notifications/events/event"').length - 1).toBe(count);
  end.abort();
  await vi.waitFor(async () => expect(await listeners(url)).toBe(0), PATIENCE);
});

test('a client that reads nothing for too long is disconnected, and a client that waits for events is not', async () => {
  const { gateway, url } = await serve();
  const session = sessionOf(url, 20);
  const [deaf, reading] = [vi.fn<() => void>(), vi.fn<() => void>()];
  await session.fetch(stream(), deaf);
  const { body } = await session.fetch(stream(), reading);
  void body?.pipeTo(new WritableStream()).catch(() => undefined);
  await vi.waitFor(async () => expect(await listeners(url)).toBe(2), PATIENCE);
  await gateway.publish('build.step', {});
  await vi.waitFor(() => expect(deaf).toHaveBeenCalledOnce(), PATIENCE);
  expect(reading).not.toHaveBeenCalled();
});
