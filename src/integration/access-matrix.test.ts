/**
 * Tests permissions (SEC-1) with a table: all principals × all commands and HTTP operations × events × streams. The commands, operations
 * and events come from the contract. The expected results are written below for each principal, independently of the code under test.
 */
import { chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { COMMANDS, ERRORS, EVENTS, HTTP_OPERATIONS } from '../../generated/protocol.ts';
import type { CommandName, EventName } from '../../generated/protocol.ts';
import { CHROMIUM, locate } from '../../scripts/tools.ts';
import type { Authenticator } from '../auth/authenticator.ts';
import { NOBODY } from '../auth/principal.ts';
import type { Principal } from '../auth/principal.ts';
import { parseScope } from '../auth/scope.ts';
import { bundledExamples } from '../cli/contract-examples.ts';
import { ProtocolError } from '../errors.ts';
import { createGateway } from '../gateway.ts';
import type { Gateway } from '../gateway.ts';
import { RawClient } from '../testing/raw-client.ts';

const STREAMS = ['main', 'workspace:shop', 'session:1', 'session:10'] as const;
type Stream = (typeof STREAMS)[number];
const NAMES = [...(Object.keys(EVENTS) as EventName[]), 'build.finished'] as const;
type Name = (typeof NAMES)[number];

interface Row {
  readonly kind: Principal['kind'];
  readonly scopes: readonly string[];
  readonly reads: (event: Name, stream: Stream) => boolean;
  readonly writes: (event: Name, stream: Stream) => boolean;
  /** Whether the principal may read the reports of all connections. */
  readonly admin: boolean;
  /** Whether the principal may end the connections of other principals. */
  readonly operates: boolean;
}

const never = (): boolean => false;
const always = (): boolean => true;

/** The principals by their token. */
const PRINCIPALS: Readonly<Record<string, Row>> = {
  nothing: { kind: 'user', scopes: [], reads: never, writes: never, admin: false, operates: false },
  everything: {
    kind: 'service',
    scopes: ['subscribe:*', 'publish:*', 'admin:read', 'admin:write'],
    reads: always,
    writes: always,
    admin: true,
    operates: true,
  },
  files: {
    kind: 'user',
    scopes: ['subscribe:file_change'],
    reads: (event) => event === 'file_change',
    writes: never,
    admin: false,
    operates: false,
  },
  graph: {
    kind: 'agent',
    scopes: ['subscribe:entity_*@main', 'subscribe:relationship_*@main', 'publish:entity_updated@workspace:*'],
    reads: (event, stream) => /^(?:entity|relationship)_/.test(event) && stream === 'main',
    writes: (event, stream) => event === 'entity_updated' && stream === 'workspace:shop',
    admin: false,
    operates: false,
  },
  session: {
    kind: 'agent',
    scopes: ['subscribe:*@session:1', 'publish:session_event@session:1'],
    reads: (_event, stream) => stream === 'session:1',
    writes: (event, stream) => event === 'session_event' && stream === 'session:1',
    admin: false,
    operates: false,
  },
  ci: {
    kind: 'api_key',
    scopes: ['publish:build.*'],
    reads: never,
    writes: (event) => event === 'build.finished',
    admin: false,
    operates: false,
  },
  auditor: { kind: 'api_key', scopes: ['admin:read'], reads: never, writes: never, admin: true, operates: false },
  operator: { kind: 'user', scopes: ['admin:write'], reads: never, writes: never, admin: false, operates: true },
};

/** Each token stands for a principal. The verification of tokens is tested elsewhere. */
const authenticator: Authenticator = {
  required: true,
  anonymous: NOBODY,
  authenticate: ({ value }) => {
    const row = PRINCIPALS[value];
    if (row === undefined) return Promise.reject(new ProtocolError('unauthenticated', 'Unknown credential.'));
    return Promise.resolve({ kind: row.kind, id: `${row.kind}:${value}`, scopes: row.scopes.map(parseScope) });
  },
  onRevoked: () => undefined,
  close: () => Promise.resolve(),
};

const examples = bundledExamples();
const payloadOf = (name: Name): object => examples.get(name)?.payload ?? { ok: true };
/** A payload that may be published on the stream. A `session_event` must name the session of its stream (STR-5). */
const payloadOn = (name: Name, stream: string): object =>
  name === 'session_event' ? { ...payloadOf(name), sessionId: stream.slice('session:'.length) } : payloadOf(name);

let gateway: Gateway;
let url: string;
let httpUrl: string;
const clients: RawClient[] = [];

beforeAll(async () => {
  gateway = createGateway({
    authenticator,
    broadcast: 'on',
    limits: { commandsPerSecond: 100_000, commandBurst: 100_000, subscriptionsPerConnection: 10_000 },
  });
  ({ url, httpUrl } = await gateway.listen({ port: 0 }));
});
afterAll(async () => {
  for (const client of clients) client.close();
  await gateway.close({ drainMs: 0 });
});

async function connect(token?: string): Promise<RawClient> {
  const client = await RawClient.open(
    url,
    token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } },
  );
  clients.push(client);
  return client;
}

/** `ok`, or the code of the error. */
async function outcome(client: RawClient, command: CommandName, data: Record<string, unknown>): Promise<unknown> {
  const reply = await client.call(command, data);
  return reply.type === 'error' ? reply.data['code'] : 'ok';
}

/** A request body that the operation accepts. */
function bodyFor(path: string): string {
  if (path === '/ws/disconnect') return JSON.stringify({ connectionId: '01AAAAAAAAAAAAAAAAAAAAAAAA' });
  if (path === '/ws/files') return '{}';
  return JSON.stringify({ event: 'build.finished', payload: {}, stream: 'main' });
}

/** The expected status of an HTTP operation on `main`, for the scopes of the row. */
function statusFor(scope: string | undefined, row: Row): number {
  if (scope === 'subscribe:file_change@<stream>')
    return row.reads('file_change', 'main') ? ERRORS.not_watched.httpStatus : 403;
  if (scope === undefined) return 200;
  return (scope === 'admin:write' ? row.operates : row.admin) ? 200 : 403;
}

const cells = NAMES.flatMap((event) => STREAMS.map((stream) => ({ event, stream })));
const allowed = (is: boolean): string => (is ? 'ok' : 'forbidden');

describe.each(Object.entries(PRINCIPALS))('%s', (token, row) => {
  test('subscribes to exactly what its scopes cover', async () => {
    const client = await connect(token);
    const found = await Promise.all(
      cells.map(({ event, stream }) => outcome(client, 'subscribe', { events: [event], stream })),
    );
    expect(found).toEqual(cells.map(({ event, stream }) => allowed(row.reads(event, stream))));
  });

  test('follows as server-sent events exactly what its scopes cover', async () => {
    const headers = { authorization: `Bearer ${token}` };
    const statuses: number[] = [];
    for (const { event, stream } of cells) {
      const query = new URLSearchParams({ events: event, stream });
      const response = await fetch(`${httpUrl}/ws/events?${query.toString()}`, { headers });
      await response.body?.cancel();
      statuses.push(response.status);
    }
    expect(statuses).toEqual(cells.map(({ event, stream }) => (row.reads(event, stream) ? 200 : 403)));
  });

  test('may subscribe to a pattern only if its scopes cover the whole pattern', async () => {
    const client = await connect(token);
    for (const stream of STREAMS) {
      const all = NAMES.every((event) => row.reads(event, stream));
      expect(await outcome(client, 'subscribe', { events: ['*'], stream })).toBe(allowed(all));
      const mixed = row.reads('file_change', stream) && row.reads('entity_created', stream);
      expect(await outcome(client, 'subscribe', { events: ['file_change', 'entity_created'], stream })).toBe(
        allowed(mixed),
      );
    }
  });

  test('publishes exactly what its scopes cover, by the command and over HTTP', async () => {
    const client = await connect(token);
    const writable = cells.filter(({ event, stream }) => event !== 'session_event' || stream.startsWith('session:'));
    const expected = writable.map(({ event, stream }) => allowed(row.writes(event, stream)));
    const bodies = writable.map(({ event, stream }) => ({ event, stream, payload: payloadOn(event, stream) }));
    expect(await Promise.all(bodies.map((body) => outcome(client, 'broadcast', body)))).toEqual(expected);
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const statuses: number[] = [];
    for (const body of bodies) {
      const response = await fetch(`${httpUrl}/ws/broadcast`, { method: 'POST', headers, body: JSON.stringify(body) });
      await response.arrayBuffer();
      statuses.push(response.status);
    }
    expect(statuses).toEqual(expected.map((each) => (each === 'ok' ? 200 : 403)));
  });

  test('publishes without naming a stream if its scopes cover the stream of the event (STR-5)', async () => {
    const client = await connect(token);
    for (const stream of ['session:1', 'session:10'] as const) {
      const body = { event: 'session_event', payload: payloadOn('session_event', stream) };
      expect(await outcome(client, 'broadcast', body)).toBe(allowed(row.writes('session_event', stream)));
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
      const options = { method: 'POST', headers, body: JSON.stringify(body) };
      const response = await fetch(`${httpUrl}/ws/broadcast`, options);
      expect(response.status).toBe(row.writes('session_event', stream) ? 200 : 403);
    }
    const body = { event: 'file_change', payload: payloadOf('file_change') };
    expect(await outcome(client, 'broadcast', body)).toBe(allowed(row.writes('file_change', 'main')));
  });

  test('uses the commands that need no scope', async () => {
    const client = await connect(token);
    expect(await outcome(client, 'ping', {})).toBe('ok');
    expect(await outcome(client, 'list_subscriptions', {})).toBe('ok');
    expect(await outcome(client, 'unsubscribe', { all: true })).toBe('ok');
    expect(await outcome(client, 'authenticate', { token })).toBe('ok');
  });

  test('reads over HTTP what its scopes allow, and operations without a scope', async () => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const checkedElsewhere: readonly string[] = ['/ws/broadcast', '/ws/events', '/ws/files'];
    const operations = Object.values(HTTP_OPERATIONS).filter(({ path }) => !checkedElsewhere.includes(path));
    for (const { method, path, scopes } of operations) {
      const body = bodyFor(path);
      const response = await fetch(`${httpUrl}${path}`, { method, headers, ...(method === 'POST' ? { body } : {}) });
      await response.arrayBuffer();
      expect([path, response.status]).toEqual([path, statusFor(scopes[0], row)]);
    }
  });
});

describe('a client without a credential', () => {
  test.each((Object.keys(COMMANDS) as CommandName[]).filter((name) => name !== 'authenticate'))(
    'may use the command %s only if it is ping',
    async (command) => {
      const client = await connect();
      const data: Partial<Record<CommandName, Record<string, unknown>>> = {
        subscribe: { events: ['*'] },
        unsubscribe: { all: true },
        broadcast: { stream: 'main', event: 'build.finished', payload: {} },
        sync: { stream: 'main' },
      };
      expect(await outcome(client, command, data[command] ?? {})).toBe(command === 'ping' ? 'ok' : 'unauthenticated');
    },
  );

  test('is rejected over HTTP by every operation that needs a scope', async () => {
    for (const { method, path, scopes } of Object.values(HTTP_OPERATIONS)) {
      const headers = { 'content-type': 'application/json' };
      const body = bodyFor(path);
      const response = await fetch(`${httpUrl}${path}`, { method, headers, ...(method === 'POST' ? { body } : {}) });
      await response.arrayBuffer();
      expect([path, response.status]).toEqual([path, scopes.length === 0 ? 200 : 401]);
    }
  });
});

describe('a replay', () => {
  test('is checked against the current scopes, not those at the time of publication (RPL-6)', async () => {
    const writer = await connect('everything');
    const payload = payloadOn('session_event', 'session:10');
    await outcome(writer, 'broadcast', { event: 'session_event', stream: 'session:10', payload });
    const reader = await connect('session');
    expect(await outcome(reader, 'subscribe', { events: ['session_event'], stream: 'session:10' })).toBe('forbidden');
    await outcome(reader, 'subscribe', { events: ['session_event'], stream: 'session:1' });
    await reader.find(({ type }) => type === 'replay_complete');
    expect(reader.events(({ stream }) => stream !== 'session:1')).toEqual([]);
  });
});

describe('a page of another origin in Chromium', () => {
  test('cannot open the WebSocket, and the gateway’s own page can (SEC-4)', async () => {
    const executablePath = locate(CHROMIUM);
    if (executablePath === undefined) throw new Error('Chromium is missing: run node scripts/ensure-tools.ts');
    const stranger = createGateway();
    const { httpUrl: strangerUrl } = await stranger.listen({ port: 0 });
    const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
    try {
      const page = await browser.newPage({ bypassCSP: true });
      const dial = `new Promise((resolve) => {
        const socket = new WebSocket(${JSON.stringify(url)});
        socket.onopen = () => resolve('open');
        socket.onerror = () => resolve('refused');
      })`;
      await page.goto(`${strangerUrl}/docs`);
      expect(await page.evaluate(dial)).toBe('refused');
      await page.goto(`${httpUrl}/docs`);
      expect(await page.evaluate(dial)).toBe('open');
    } finally {
      await browser.close();
      await stranger.close({ drainMs: 0 });
    }
  });
});
