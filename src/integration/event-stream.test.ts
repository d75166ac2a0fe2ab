/** Server-sent events, which are for clients that cannot use a WebSocket (SSE-1 to SSE-4). */
import { connect as connectSocket } from 'node:net';
import { describe, expect, test, vi } from 'vitest';
import type { Authenticator } from '../auth/authenticator.ts';
import { NOBODY } from '../auth/principal.ts';
import { parseScope } from '../auth/scope.ts';
import { ProtocolError } from '../errors.ts';
import { EventStreamReader } from '../testing/event-stream-reader.ts';
import { PATIENCE, connect, onCleanup, serve } from '../testing/rig.ts';
import type { Served } from '../testing/rig.ts';

const file = (path: string) => ({ path, root: 'shop', changeType: 'modify', fileType: 'file' }) as const;
const entity = (id: string) => ({ id, entityType: 'function', name: id }) as const;

function addressOf({ httpUrl }: Served, query: string): string {
  return `${httpUrl}/ws/events?${query}`;
}

function open(
  served: Served,
  query: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<EventStreamReader> {
  return EventStreamReader.open(addressOf(served, query), { headers });
}

function pathsOf({ events }: EventStreamReader): unknown[] {
  return events.map(({ payload }) => (payload as { readonly path?: unknown }).path);
}

async function statusOf(url: string, init: RequestInit = {}): Promise<readonly [number, unknown]> {
  const response = await fetch(url, init);
  const text = await response.text();
  return [response.status, text === '' ? undefined : (JSON.parse(text) as { data?: unknown }).data];
}

describe('an event stream', () => {
  test('has the messages of a WebSocket after one subscribe, each with its type (SSE-1)', async () => {
    const served = await serve();
    await served.gateway.publish('entity_created', entity('a'));
    const reader = await open(served, 'events=entity_*&events=file_change');
    await reader.find('replay_complete');
    await served.gateway.publish('file_change', file('src/a.ts'));
    await reader.until(() => reader.events.length === 2);
    expect(reader.types).toEqual(['welcome', 'subscribed', 'event', 'replay_complete', 'event']);
    expect(reader.received.map(({ event }) => event)).toEqual(['welcome', 'subscribed', '', 'replay_complete', '']);
    expect(reader.events.map(({ isReplay }) => isReplay)).toEqual([true, false]);
    expect(reader.response.headers).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    expect(reader.response.headers['content-encoding']).toBeUndefined();
  });

  test('filters like a subscription, and contains line breaks only in escaped form', async () => {
    const served = await serve();
    const reader = await open(served, 'events=file_change&extensions=.ts&extensions=py&paths=src&replay=none');
    await reader.find('subscribed');
    for (const path of ['src/a.ts', 'src/b.js', 'lib/c.ts', 'src/two\nlines\r\u2028.py'])
      await served.gateway.publish('file_change', file(path));
    await reader.until(() => reader.events.length === 2);
    expect(pathsOf(reader)).toEqual(['src/a.ts', 'src/two\nlines\r\u2028.py']);
  });

  test('shares its bytes with other event streams, and not with WebSockets', async () => {
    const served = await serve();
    const readers = await Promise.all([1, 2].map(() => open(served, 'events=file_change&replay=none')));
    const socket = await connect(served.url);
    await socket.call('subscribe', { subscriptionId: 's1', events: ['file_change'], replay: { mode: 'none' } });
    await Promise.all(readers.map((each) => each.find('subscribed')));
    await served.gateway.publish('file_change', file('a'));
    await Promise.all(readers.map((each) => each.until(() => each.events.length === 1)));
    await socket.find(({ type }) => type === 'event');
    expect(readers.map(({ events }) => events[0]?.['sequenceId'])).toEqual([1, 1]);
    const metrics = await served.gateway.metrics();
    expect(metrics).toMatch(/^tidemark_encodings_total 2$/m);
  });
});

describe('a position (SSE-2)', () => {
  test('resumes without loss or duplicate, by the header or by the parameter', async () => {
    const served = await serve();
    const first = await open(served, 'events=file_change&replay=none');
    await first.find('subscribed');
    await served.gateway.publish('file_change', file('a'));
    await first.until(() => first.events.length === 1);
    const { lastId = '' } = first;
    first.cut();
    await served.gateway.publish('file_change', file('b'));
    const byHeader = await open(served, 'events=file_change&after=main%40other.1', { 'last-event-id': lastId });
    const byParameter = await open(served, `events=file_change&replay=none&after=${encodeURIComponent(lastId)}`);
    for (const reader of [byHeader, byParameter]) {
      await reader.find('replay_complete');
      expect(pathsOf(reader)).toEqual(['b']);
      expect(reader.events[0]).toMatchObject({ isReplay: true, replayReason: 'resume' });
      expect(reader.received[1]?.message.data['recovery']).toEqual({ attempted: true, recovered: true });
    }
  });

  test('resumes from the blocks that equal event streams share, and not from those of WebSockets', async () => {
    const served = await serve();
    const start = await open(served, 'events=tick&replay=none');
    const { id = '', message } = await start.find('subscribed');
    for (let n = 1; n <= 300; n += 1) await served.gateway.publish('tick', { n });
    const socket = await connect(served.url);
    const replay = { mode: 'resume', after: message.data['position'] };
    await socket.call('subscribe', { subscriptionId: 's1', events: ['tick'], replay });
    await socket.find(({ type }) => type === 'replay_complete');
    const numbers = Array.from({ length: 300 }, (_, at) => at + 1);
    for (let reader = 0; reader < 2; reader += 1) {
      const resumed = await open(served, 'events=tick', { 'last-event-id': id });
      await resumed.find('replay_complete');
      expect(resumed.events.map(({ sequenceId }) => sequenceId)).toEqual(numbers);
      expect(resumed.received[100]?.id).toMatch(/\.99$/);
    }
  });

  test('is sent before the first event, so that events before a reconnect are not missed', async () => {
    const served = await serve();
    const first = await open(served, 'events=file_change&replay=none');
    await first.find('subscribed');
    first.cut();
    await served.gateway.publish('file_change', file('a'));
    const second = await open(served, 'events=file_change&replay=none', { 'last-event-id': first.lastId ?? '' });
    await second.find('replay_complete');
    expect(pathsOf(second)).toEqual(['a']);
  });

  test('is in `subscribed`, but not in the events of a warm picture', async () => {
    const served = await serve({ limits: { heartbeatIntervalMs: 100 } });
    for (const id of ['a', 'b', 'c']) await served.gateway.publish('entity_created', entity(id));
    const reader = await open(served, 'events=entity_*');
    await reader.find('heartbeat');
    const ids = reader.received.map(({ id, message: { type } }) => [type, id !== undefined]);
    expect(ids).toEqual([
      ['welcome', false],
      ['subscribed', true],
      ['event', false],
      ['event', false],
      ['event', false],
      ['replay_complete', true],
      ['heartbeat', true],
    ]);
  });

  test('repeats a warm picture that was cut off, then all later events, even after several cuts (RPL-7)', async () => {
    const served = await serve();
    for (const id of ['a', 'b']) await served.gateway.publish('entity_created', entity(id));
    const changes = (reader: EventStreamReader) =>
      reader.events.map(({ event, payload }) => [event, (payload as { readonly id?: string }).id].join(' '));
    let lastId = '';
    for (const id of ['a', 'b']) {
      const cut = await open(served, 'events=entity_*', lastId === '' ? {} : { 'last-event-id': lastId });
      lastId = (await cut.find('subscribed')).id ?? '';
      cut.cut();
      await served.gateway.publish('entity_deleted', { id });
      await served.gateway.publish('entity_created', entity(`after ${id}`));
    }
    await served.gateway.publish('entity_deleted', { id: 'after a' });
    const last = await open(served, 'events=entity_*', { 'last-event-id': lastId });
    const { message, id } = await last.find('replay_complete');
    expect(changes(last)).toEqual([
      'entity_deleted a',
      'entity_created after a',
      'entity_deleted b',
      'entity_created after b',
      'entity_deleted after a',
    ]);
    expect(message.data).toMatchObject({ count: 5, truncated: false });
    const further = await open(served, 'events=entity_*', { 'last-event-id': id ?? '' });
    expect((await further.find('replay_complete')).message.data['count']).toBe(0);
  });

  test('causes a gap, then a warm picture without an `id` before its end, if it is of another epoch', async () => {
    const before = await serve();
    await before.gateway.publish('entity_created', entity('a'));
    const first = await open(before, 'events=entity_*');
    await first.find('replay_complete');
    const after = await serve();
    await after.gateway.publish('entity_created', entity('b'));
    const second = await open(after, 'events=entity_*', { 'last-event-id': first.lastId ?? '' });
    await second.find('replay_complete');
    expect(second.types).toEqual(['welcome', 'subscribed', 'gap', 'event', 'replay_complete']);
    expect(second.received.map(({ id }) => id !== undefined)).toEqual([false, false, false, false, true]);
    expect((await second.find('gap')).message.data['reason']).toBe('epoch_changed');
  });

  test('advances with heartbeats if a filter excludes the events', async () => {
    const served = await serve({ limits: { heartbeatIntervalMs: 100 } });
    const reader = await open(served, 'events=file_change&extensions=.ts&replay=none');
    const { id } = await reader.find('subscribed');
    await served.gateway.publish('file_change', file('a.js'));
    await reader.until(() => reader.received.some((each) => each.event === 'heartbeat' && each.id !== id));
    expect(reader.lastId).toMatch(/\.1$/);
  });

  test.each([
    ['that cannot be read', 'nonsense'],
    ['with too large a number', `main@e.${'9'.repeat(17)}`],
    ['of another stream', 'session:1@e.1'],
    ['of several streams', 'main@e.1,session:1@e.1'],
  ])('%s is refused with 400', async (_what, token) => {
    const served = await serve();
    const url = addressOf(served, 'events=file_change');
    const refused = [400, expect.objectContaining({ code: 'invalid_message', pointer: '/after' })];
    expect(await statusOf(url, { headers: { 'last-event-id': token } })).toEqual(refused);
  });
});

describe('a request for events', () => {
  test.each([
    ['without events', '', 400, { code: 'invalid_message', pointer: '/events' }],
    ['with an unknown parameter', 'events=*&extension=ts', 400, { code: 'invalid_message', pointer: '/extension' }],
    ['with a repeated stream', 'events=*&stream=main&stream=main', 400, { pointer: '/stream' }],
    ['for an invalid stream', 'events=*&stream=x', 422, { code: 'stream_invalid', pointer: '/stream' }],
    ['with a resume but no position', 'events=*&replay=resume', 400, { pointer: '/replay' }],
    [
      'with a filter that does not apply',
      'events=file_change&actors=x',
      422,
      { code: 'filter_not_applicable', pointer: '/actors' },
    ],
    ['with an empty value', 'events=file_change&paths=', 422, { code: 'filter_invalid', pointer: '/paths/0' }],
    ['with a credential in the address', 'events=*&token=secret', 400, { code: 'invalid_message' }],
  ])('%s is refused, and opens no connection (SSE-3)', async (_what, query, status, error) => {
    const served = await serve();
    expect(await statusOf(addressOf(served, query))).toEqual([status, expect.objectContaining(error)]);
    expect(served.gateway.health()).toMatchObject({ connections: 0, subscriptions: { total: 0 } });
  });

  test('needs the scope of the subscription (SEC-1), and is closed when its credential is revoked', async () => {
    let revoke: (id: string) => void = () => undefined;
    const authenticator: Authenticator = {
      required: true,
      anonymous: NOBODY,
      authenticate: ({ value }) =>
        value === 'reader'
          ? Promise.resolve({
              kind: 'user',
              id: 'user:reader',
              credentialId: 'k1',
              scopes: [parseScope('subscribe:file_change@main')],
            })
          : Promise.reject(new ProtocolError('unauthenticated', 'Unknown credential.')),
      onRevoked: (listener) => (revoke = listener),
      close: () => Promise.resolve(),
    };
    const served = await serve({ authenticator });
    const asReader = { authorization: 'Bearer reader' };
    const status = async (query: string, headers = {}) => (await statusOf(addressOf(served, query), { headers }))[0];
    expect(await status('events=file_change')).toBe(401);
    expect(await status('events=file_change', { authorization: 'Bearer other' })).toBe(401);
    expect(await status('events=*', asReader)).toBe(403);
    expect(await status('events=file_change&stream=session:1', asReader)).toBe(403);
    const reader = await open(served, 'events=file_change', asReader);
    await reader.find('replay_complete');
    revoke('k1');
    expect((await reader.find('closing')).message.data).toMatchObject({ code: 4101, name: 'token_revoked' });
    await reader.until(() => reader.ended);
  });

  test('is limited in its rate, and counts together with WebSockets', async () => {
    const startedAt = Date.now();
    const limits = { connectionsPerNode: 2, commandsPerSecond: 1, commandBurst: 2 };
    const served = await serve({ limits, now: () => startedAt });
    await connect(served.url);
    const reader = await open(served, 'events=*');
    const url = addressOf(served, 'events=*');
    const full = await fetch(url);
    expect([full.status, full.headers.get('retry-after')]).toEqual([503, '2']);
    reader.cut();
    const isAlone = (): void => expect(served.gateway.health().connections).toBe(1);
    await vi.waitFor(isAlone, PATIENCE);
    (await open(served, 'events=*')).cut();
    await vi.waitFor(isAlone, PATIENCE);
    const late = await fetch(url);
    expect([late.status, late.headers.has('retry-after')]).toEqual([429, true]);
  });

  test('receives only headers if the method is HEAD; a page of another, allowed origin may read them', async () => {
    const served = await serve({ allowedOrigins: ['https://ide.example'] });
    const url = addressOf(served, 'events=*');
    const head = await fetch(url, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-type')]).toEqual([200, 'text/event-stream']);
    expect(served.gateway.health().connections).toBe(0);
    const reader = await open(served, 'events=*', { origin: 'https://ide.example' });
    expect(reader.response.headers).toMatchObject({ 'access-control-allow-origin': 'https://ide.example' });
    const asked = await fetch(url, { method: 'OPTIONS', headers: { origin: 'https://ide.example' } });
    expect(asked.headers.get('access-control-allow-headers')).toContain('last-event-id');
    expect((await fetch(url, { headers: { origin: 'https://evil.example' } })).status).toBe(403);
  });

  test('does not take over a socket on which an earlier response is unfinished', async () => {
    const served = await serve();
    const socket = connectSocket(served.port, '127.0.0.1');
    onCleanup(() => socket.destroy());
    let text = '';
    socket.on('data', (chunk) => (text += chunk.toString('utf8')));
    const ask = 'GET /ws/events?events=*&replay=none HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n';
    socket.write(ask.repeat(3));
    await vi.waitFor(() => expect(text).toContain('"subscribed"'), PATIENCE);
    await served.gateway.publish('tick', {});
    await vi.waitFor(() => expect(text).toContain('"tick"'), PATIENCE);
    expect(text.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    expect(served.gateway.health().subscriptions.total).toBe(1);
  });

  test('is answered over HTTP/1.0, which proxies use', async () => {
    const served = await serve();
    const socket = connectSocket(served.port, '127.0.0.1');
    onCleanup(() => socket.destroy());
    let text = '';
    socket.on('data', (chunk) => (text += chunk.toString('utf8')));
    socket.write('GET /ws/events?events=*&replay=none HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n');
    await vi.waitFor(() => expect(text).toContain('"subscribed"'), PATIENCE);
    expect(text).not.toMatch(/transfer-encoding/i);
  });
});
