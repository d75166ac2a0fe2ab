/** A gateway behind a real reverse proxy: how the gateway identifies a client, and what a client can forge (SEC-2, SEC-4, SEC-5). */
import { once } from 'node:events';
import { request } from 'node:http';
import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { createConnection } from 'node:net';
import pino from 'pino';
import { describe, expect, test, vi } from 'vitest';
import type { SubscriptionsPage } from '../../generated/types.ts';
import type { ForwardedHeader } from '../auth/forwarded-hops.ts';
import type { GatewayOptions } from '../gateway.ts';
import { RawClient } from '../testing/raw-client.ts';
import { ReverseProxy } from '../testing/reverse-proxy.ts';
import { PATIENCE, connect, onCleanup, serve } from '../testing/rig.ts';
import type { Served } from '../testing/rig.ts';

/** The addresses of the proxy and of three clients. All addresses in 127.0.0.0/8 belong to this machine. */
const PROXY = '127.0.0.1';
const ANA = '127.0.0.2';
const BEN = '127.0.0.3';
const EVE = '127.0.0.4';

interface Behind extends Served {
  readonly proxy: ReverseProxy;
  readonly audit: Record<string, unknown>[];
}

async function serveBehindProxy(
  options: GatewayOptions = {},
  header: ForwardedHeader = 'x-forwarded-for',
): Promise<Behind> {
  const audit: Record<string, unknown>[] = [];
  const served = await serve({
    trustedProxies: [PROXY],
    forwardedHeader: header,
    auditSink: (line) => void audit.push(JSON.parse(line) as Record<string, unknown>),
    ...options,
  });
  const proxy = await ReverseProxy.before(served.url, header);
  onCleanup(() => proxy.close());
  return { ...served, proxy, audit };
}

interface Sending {
  readonly from?: string;
  readonly headers?: OutgoingHttpHeaders;
}

async function get(url: string, { from = ANA, headers = {} }: Sending = {}): Promise<{ status: number; body: string }> {
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    request(url, { localAddress: from, headers, agent: false }, resolve).on('error', reject).end();
  });
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(Buffer.from(chunk as Uint8Array));
  return { status: answer.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') };
}

/** The address that the gateway reports for a client's connection. */
async function addressSeen(behind: Behind, client: RawClient): Promise<string | undefined> {
  await client.call('subscribe', { events: ['tick'] });
  const { body } = await get(`${behind.httpUrl}/ws/subscriptions`);
  const { items } = JSON.parse(body) as SubscriptionsPage;
  const connectionId = client.frames.find(({ type }) => type === 'welcome')?.data['connectionId'];
  return items.find((each) => each.connectionId === connectionId)?.remoteAddress;
}

const FORGED = { 'x-forwarded-for': '198.51.100.1', forwarded: 'for=198.51.100.1', 'x-real-ip': '198.51.100.1' };

describe.each(['x-forwarded-for', 'forwarded'] as const)('a client behind a proxy that writes %s', (header) => {
  test('is listed, limited and audited under its own address', async () => {
    const behind = await serveBehindProxy({ limits: { connectionsPerAddress: 1 } }, header);
    const { proxy, audit } = behind;
    const ana = await connect(proxy.url, { localAddress: ANA });
    expect((await RawClient.refused(proxy.url, { localAddress: ANA })).status).toBe(429);
    const ben = await connect(proxy.url, { localAddress: BEN });
    expect(await addressSeen(behind, ana)).toBe(ANA);
    expect(await addressSeen(behind, ben)).toBe(BEN);
    await get(`${proxy.httpUrl}/ws/health?token=x`, { from: BEN });
    await RawClient.refused(proxy.url, { localAddress: EVE, origin: 'https://evil.example' });
    expect(audit).toMatchObject([
      { kind: 'connect', remoteAddress: BEN, outcome: 'denied' },
      { kind: 'connect', remoteAddress: EVE, outcome: 'denied' },
    ]);
  });

  test('cannot claim another address, neither through the proxy nor around it', async () => {
    const behind = await serveBehindProxy({}, header);
    const through = await connect(behind.proxy.url, { localAddress: ANA, headers: FORGED });
    const past = await connect(behind.url, { localAddress: BEN, headers: FORGED });
    expect([await addressSeen(behind, through), await addressSeen(behind, past)]).toEqual([ANA, BEN]);
  });

  test('is identified by its own address even if it sends a malformed header', async () => {
    const behind = await serveBehindProxy({}, header);
    for (const value of ['"', 'for="[', ',,,', 'unknown', 'x'.repeat(4000), '127.0.0.1,'.repeat(1000)]) {
      const client = await connect(behind.proxy.url, { localAddress: ANA, headers: { [header]: value } });
      expect(await addressSeen(behind, client)).toBe(ANA);
    }
  });
});

test('clients whose address the proxy hides share limits with each other, and not with programs of this machine', async () => {
  const options = { insecure: true, limits: { connectionsPerAddress: 1, commandsPerSecond: 1, commandBurst: 1 } };
  const { url, httpUrl } = await serveBehindProxy(options, 'forwarded');
  const hidden = { forwarded: 'for=_hidden' };
  await connect(url, { headers: hidden });
  expect((await RawClient.refused(url, { headers: hidden })).status).toBe(429);
  await connect(url);
  const hiddenRequests = Array.from({ length: 6 }, () => get(`${httpUrl}/ws/health`, { from: PROXY, headers: hidden }));
  expect((await Promise.all(hiddenRequests)).map(({ status }) => status)).toContain(429);
  expect((await get(`${httpUrl}/ws/health`, { from: PROXY })).status).toBe(200);
});

test('without a trusted proxy every client has the address of the proxy', async () => {
  const behind = await serveBehindProxy({ trustedProxies: [] });
  const client = await connect(behind.proxy.url, { localAddress: ANA });
  expect(await addressSeen(behind, client)).toBe(PROXY);
});

test('the log names the address of a client that the gateway closes', async () => {
  const lines: string[] = [];
  const log = pino({ level: 'info' }, { write: (line) => void lines.push(line) });
  const { proxy } = await serveBehindProxy({ log, limits: { badMessagesPerMinute: 1 } });
  const client = await connect(proxy.url, { localAddress: ANA });
  client.sendText('{');
  expect((await client.closed).code).toBe(4000);
  await vi.waitFor(() => expect(lines.join('')).toContain(`"remoteAddress":"${ANA}"`), PATIENCE);
});

describe('a forwarded name', () => {
  test('does not relax the checks of Host and Origin, which use the headers that the proxy passes on (SEC-4)', async () => {
    const { proxy, httpUrl } = await serveBehindProxy();
    const rebound = { host: 'evil.example', 'x-forwarded-host': 'localhost', 'x-forwarded-proto': 'https' };
    expect((await get(`${proxy.httpUrl}/healthz`, { headers: rebound })).status).toBe(403);
    // A page on the machine of the proxy reaches the gateway with the address of the proxy.
    expect((await get(`${httpUrl}/healthz`, { from: PROXY, headers: rebound })).status).toBe(403);
    const origin = 'https://evil.example';
    const headers = { 'x-forwarded-host': 'evil.example', forwarded: 'host=evil.example;proto=https' };
    expect((await RawClient.refused(proxy.url, { origin, headers })).status).toBe(403);
  });
});

describe('without credentials (SEC-5)', () => {
  const OUTSIDE = { 'x-forwarded-for': '203.0.113.9' };
  /** A second proxy, which forwards clients of other machines, has the same address as Ana. */
  const trustedProxies = [PROXY, ANA];

  test('a client that the proxies forward from another machine is refused', async () => {
    const { proxy } = await serveBehindProxy({ trustedProxies });
    const refused = await RawClient.refused(proxy.url, { localAddress: ANA, headers: OUTSIDE });
    expect([refused.status, refused.body]).toEqual([403, expect.stringContaining('SEC-5')]);
    expect((await get(`${proxy.httpUrl}/ws/health`, { headers: OUTSIDE })).status).toBe(403);
    expect((await get(`${proxy.httpUrl}/ws/health`, { headers: { 'x-forwarded-for': '127.0.0.9' } })).status).toBe(200);
  });

  test.each([
    ['forwarded', { forwarded: 'for=_hidden' }],
    ['forwarded', { forwarded: 'for=unknown' }],
    ['forwarded', { forwarded: '' }],
    ['forwarded', { 'x-forwarded-for': '203.0.113.9' }],
    ['x-forwarded-for', { 'x-forwarded-for': 'unknown' }],
    ['x-forwarded-for', { 'x-forwarded-for': '127.0.0.1, ' }],
    ['x-forwarded-for', { 'x-forwarded-for': '127.0.0.1, unknown, 127.0.0.2' }],
    ['x-forwarded-for', { forwarded: 'for=203.0.113.9' }],
  ] as const)('a client is refused if a local proxy that should write %s sends %j', async (header, headers) => {
    const { url, httpUrl, audit } = await serveBehindProxy({ trustedProxies }, header);
    const refused = await RawClient.refused(url, { headers });
    expect([refused.status, refused.body]).toEqual([403, expect.stringContaining('SEC-5')]);
    for (const path of ['/ws/health', '/ws/subscriptions', '/metrics', '/docs'])
      expect([path, (await get(`${httpUrl}${path}`, { from: PROXY, headers })).status]).toEqual([path, 403]);
    expect(audit[0]).toMatchObject({ kind: 'connect', remoteAddress: 'unknown', outcome: 'denied' });
  });

  test('a client is refused if the header of the proxy comes after a thousand others', async () => {
    const { url } = await serveBehindProxy({ trustedProxies });
    const { hostname, port } = new URL(url);
    const socket = createConnection({ host: hostname, port: Number(port) });
    const others = 'a: \r\n'.repeat(1100);
    socket.write(`GET /ws/health HTTP/1.1\r\nHost: localhost\r\n${others}X-Forwarded-For: 203.0.113.9\r\n\r\n`);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    socket.destroy();
    expect(answer.toString('latin1')).toMatch(/^HTTP\/1\.1 4/);
  });

  test('a program of this machine is served, with or without a proxy', async () => {
    const { proxy, httpUrl } = await serveBehindProxy({ trustedProxies });
    expect((await get(`${httpUrl}/ws/health`, { from: PROXY })).status).toBe(200);
    expect((await get(`${proxy.httpUrl}/ws/health`, { from: PROXY })).status).toBe(200);
  });

  test('such a client is served if the operator declares that the proxy checks which clients may connect', async () => {
    const behind = await serveBehindProxy({ trustedProxies, insecure: true });
    const client = await connect(behind.proxy.url, { localAddress: ANA, headers: OUTSIDE });
    expect(await addressSeen(behind, client)).toBe('203.0.113.9');
  });
});
