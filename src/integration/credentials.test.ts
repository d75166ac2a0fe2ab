import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { generateKeyPair, SignJWT } from 'jose';
import pino from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { createKey } from '../auth/api-key.ts';
import { configuredAuthenticator } from '../auth/configured-authenticator.ts';
import { KeyFileStorage } from '../auth/key-file.ts';
import type { KeyStorage } from '../auth/key-ring.ts';
import { readAuthSettings } from '../auth/settings.ts';
import { RedisKeyStorage } from '../broker/redis/key-storage.ts';
import { RedisBroker } from '../broker/redis/redis-broker.ts';
import { RedisProcess } from '../broker/testing/redis-process.ts';
import { createGateway } from '../gateway.ts';
import type { Gateway, GatewayOptions } from '../gateway.ts';
import { resolveLimits } from '../options.ts';
import { eventTable } from '../catalogue/event-table.ts';
import { RawClient } from '../testing/raw-client.ts';
import { PATIENCE } from '../testing/rig.ts';

const SECRET = 'a secret of more than thirty-two bytes';
let directory: string;
const cleanups: (() => unknown)[] = [];

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'tidemark-credentials-'));
  writeFileSync(join(directory, 'secret'), SECRET);
});
afterAll(() => rmSync(directory, { recursive: true }));
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

const ISSUERS = (['user', 'service'] as const).map((kind) => ({
  issuer: `${kind}s`,
  audience: 'tidemark',
  kind,
  algorithms: ['HS256'],
  secretFile: 'secret',
}));

function tokenOf(scope: string, { lifeSeconds = 60, issuer = 'users', subject = 'ana' } = {}): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  return new SignJWT({ scope })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setIssuer(issuer)
    .setAudience('tidemark')
    .setSubject(subject)
    .setIssuedAt(now)
    .setExpirationTime(now + lifeSeconds)
    .sign(new TextEncoder().encode(SECRET));
}

/**
 * Connects with a token that expires soon. If the token expires before the handshake is complete, because the machine is busy, tries again
 * with a longer lifetime.
 */
async function connectBriefly(url: string, scope: string, lifeSeconds = 1): Promise<RawClient> {
  try {
    return await connect(url, bearer(await tokenOf(scope, { lifeSeconds })));
  } catch (error) {
    if (lifeSeconds > 30) throw error;
    return connectBriefly(url, scope, lifeSeconds * 2);
  }
}

interface Served {
  readonly gateway: Gateway;
  readonly url: string;
  readonly httpUrl: string;
  readonly audit: string[];
  readonly log: string[];
}

/** Starts a gateway that accepts tokens of two issuers, and API keys from a storage. */
async function serve(
  options: GatewayOptions & { readonly storage?: KeyStorage; readonly issuers?: readonly object[] } = {},
): Promise<Served> {
  const { storage, issuers: more = [], ...rest } = options;
  const issuers = [...ISSUERS.map((each) => ({ ...each, secretFile: join(directory, each.secretFile) })), ...more];
  const { settings, problems } = readAuthSettings({ issuers, clockToleranceSeconds: 0 });
  expect(problems).toEqual([]);
  const audit: string[] = [];
  const log: string[] = [];
  const sink = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      log.push(chunk.toString());
      done();
    },
  });
  const logger = pino({ level: 'trace' }, sink);
  const authenticator = await configuredAuthenticator({
    settings,
    ...(storage === undefined ? {} : { storage }),
    onRefused: (reason) => logger.info({ reason }, 'a credential was rejected'),
    onFault: (error) => logger.warn({ err: error }, 'keys cannot be read'),
  });
  const gateway = createGateway({ ...rest, authenticator, log: logger, auditSink: (line) => audit.push(line) });
  cleanups.push(() => gateway.close({ drainMs: 0 }));
  const { url, httpUrl } = await gateway.listen({ port: 0 });
  return { gateway, url, httpUrl, audit, log };
}

async function connect(url: string, headers: Readonly<Record<string, string>> = {}): Promise<RawClient> {
  const client = await RawClient.open(url, { headers });
  cleanups.push(() => client.close());
  return client;
}

const bearer = (token: string): Readonly<Record<string, string>> => ({ authorization: `Bearer ${token}` });
const keysOf = (): KeyFileStorage => new KeyFileStorage(join(mkdtempSync(join(directory, 'keys-')), 'keys.json'));

/** A key storage that, from a revocation on, can be read only once more. */
class LastReading implements KeyStorage {
  readonly #storage: KeyStorage;
  #left = Number.POSITIVE_INFINITY;

  constructor(storage: KeyStorage) {
    this.#storage = storage;
  }

  /** Further readings fail, and a gateway then goes on with the keys that it knows. */
  allowOneMore(): void {
    this.#left = 1;
  }

  read(): ReturnType<KeyStorage['read']> {
    if (this.#left === 0) return Promise.reject(new Error('the test allows no more readings'));
    this.#left -= 1;
    return this.#storage.read();
  }

  change(edit: Parameters<KeyStorage['change']>[0]): Promise<void> {
    return this.#storage.change(edit);
  }

  close(): Promise<void> {
    return this.#storage.close();
  }
}

async function makeKey(storage: KeyStorage, scopes: readonly string[]) {
  const key = createKey({ name: 'ci', scopes, now: new Date() });
  await storage.change((keys) => [...keys, key.stored]);
  return key;
}

async function revokeKey(storage: KeyStorage, id: string): Promise<void> {
  const revokedAt = new Date().toISOString();
  await storage.change((keys) => keys.map((key) => (key.id === id ? { ...key, revokedAt } : key)));
}

const sizes = { path: 'src/a.ts', root: 'r', changeType: 'modify', fileType: 'file' } as const;

describe('a credential', () => {
  test('is read from either header or from the first command, and welcome contains its principal (SEC-2)', async () => {
    const storage = keysOf();
    const { secret } = await makeKey(storage, ['subscribe:*']);
    const { url } = await serve({ storage });
    const token = await tokenOf('subscribe:*', { issuer: 'services', subject: 'indexer' });
    const byToken = await connect(url, bearer(token));
    expect(byToken.frames[0] ?? (await byToken.find(({ type }) => type === 'welcome'))).toMatchObject({
      data: { principal: { kind: 'service', id: 'service:indexer', scopes: ['subscribe:*'] } },
    });
    const byKey = await connect(url, { 'x-api-key': secret });
    expect(await byKey.find(({ type }) => type === 'welcome')).toMatchObject({
      data: { principal: { kind: 'api_key', id: 'key:ci' } },
    });
    const later = await connect(url);
    expect(await later.call('subscribe', { events: ['*'] })).toMatchObject({ data: { code: 'unauthenticated' } });
    expect(await later.call('authenticate', { apiKey: secret })).toMatchObject({
      data: { principal: { id: 'key:ci' } },
    });
    expect(await later.call('subscribe', { events: ['*'] })).toMatchObject({ type: 'subscribed' });
  });

  test('that is missing, misplaced or lacks a scope is recorded in the audit log, with the client address', async () => {
    const { url, httpUrl, audit } = await serve({});
    const lines = (): unknown[] => audit.splice(0).map((line) => ({ ...(JSON.parse(line) as object), time: '' }));
    const from = { time: '', remoteAddress: '127.0.0.1', outcome: 'denied' };

    expect((await RawClient.refused(url, { headers: { origin: 'https://elsewhere.example' } })).status).toBe(403);
    expect((await RawClient.refused(`${url}?token=x`)).status).toBe(400);
    await fetch(`${httpUrl}/ws/health`, { headers: { origin: 'https://elsewhere.example' } });
    expect(lines()).toEqual([1, 2, 3].map(() => ({ ...from, kind: 'connect' })));

    await fetch(`${httpUrl}/ws/subscriptions`);
    expect(lines()).toEqual([{ ...from, kind: 'authenticate' }]);
    await (await connect(url)).call('list_subscriptions');
    expect(lines()).toEqual([{ ...from, kind: 'command' }]);

    const client = await connect(url, bearer(await tokenOf('subscribe:entity_* publish:*')));
    const { principal } = lines()[0] as { readonly principal: string };
    await client.call('subscribe', { events: ['file_change'] });
    await client.call('broadcast', { stream: 'main', event: 'built', payload: {} });
    expect(lines()).toEqual([
      { ...from, kind: 'subscribe', principal, stream: 'main', event: 'file_change' },
      { ...from, kind: 'broadcast', principal, stream: 'main', event: 'built' },
    ]);
  });

  test('that is invalid is rejected with the same error everywhere', async () => {
    const storage = keysOf();
    const { secret } = await makeKey(storage, ['subscribe:*']);
    const { url, httpUrl } = await serve({ storage });
    const wrong = [
      await tokenOf('subscribe:*', { lifeSeconds: -1 }),
      await tokenOf('subscribe:*', { issuer: 'nobody' }),
      'not.a.token',
      `${secret.slice(0, -2)}zz`,
    ];
    const answers = new Set<string>();
    for (const each of wrong) {
      const refusal = await RawClient.refused(url, { headers: bearer(each) });
      expect(refusal.status).toBe(401);
      const overHttp = await fetch(`${httpUrl}/ws/subscriptions`, { headers: bearer(each) });
      expect(overHttp.status).toBe(401);
      answers.add(refusal.body).add(await overHttp.text());
    }
    expect([...answers]).toHaveLength(1);
  });

  test('that is never sent causes a close with 4008, and one that expires a close with 4100', async () => {
    const { url } = await serve({ limits: { authTimeoutMs: 200 } });
    const silent = await connect(url);
    expect((await silent.closed).code).toBe(4008);
    const brief = await connectBriefly(url, 'subscribe:*');
    expect((await brief.closed).code).toBe(4100);
    expect(brief.frames.at(-1)).toMatchObject({ type: 'closing', data: { code: 4100, name: 'token_expired' } });
  });
});

describe('a token whose keys cannot be fetched at the moment', () => {
  test('is rejected as retryable everywhere, because it may be valid', async () => {
    const keys = createServer((_request, response) => response.writeHead(503).end());
    cleanups.push(() => keys.close());
    await new Promise<void>((resolve) => keys.listen(0, '127.0.0.1', resolve));
    const down = `http://127.0.0.1:${(keys.address() as AddressInfo).port}/jwks`;
    const common = { audience: 'tidemark', kind: 'user', algorithms: ['RS256'] } as const;
    const { url, httpUrl } = await serve({
      issuers: [
        { ...common, issuer: 'down', jwksUrl: down },
        { ...common, issuer: 'gone', jwksUrl: 'http://127.0.0.1:1/jwks' },
      ],
    });
    const { privateKey } = await generateKeyPair('RS256');
    for (const issuer of ['down', 'gone']) {
      const token = await new SignJWT({ scope: 'subscribe:*' })
        .setProtectedHeader({ alg: 'RS256' })
        .setIssuer(issuer)
        .setAudience('tidemark')
        .setSubject('ana')
        .setExpirationTime('1m')
        .sign(privateKey);
      const worthATry = { data: { code: 'internal', retryable: true, message: expect.stringContaining('Try again') } };
      const refusal = await RawClient.refused(url, { headers: bearer(token) });
      expect([refusal.status, JSON.parse(refusal.body)]).toMatchObject([500, worthATry]);
      expect((await fetch(`${httpUrl}/ws/subscriptions`, { headers: bearer(token) })).status).toBe(500);
      const client = await connect(url);
      expect(await client.call('authenticate', { token })).toMatchObject(worthATry);
    }
  });
});

describe('a fresh credential on a live connection', () => {
  test('with narrower scopes ends the subscriptions that it does not cover, and their events are no longer delivered (SEC-3)', async () => {
    const { gateway, url } = await serve();
    const client = await connect(url, bearer(await tokenOf('subscribe:*')));
    await client.call('subscribe', { subscriptionId: 'files', events: ['file_change'] });
    await client.call('subscribe', { subscriptionId: 'all', events: ['*'] });
    expect(await client.call('authenticate', { token: await tokenOf('subscribe:file_change@main') })).toMatchObject({
      type: 'authenticated',
    });
    await gateway.publish('file_change', sizes);
    await gateway.publish('built', { ok: true });
    await client.call('sync', { stream: 'main' });
    const after = client.frames.slice(client.frames.findIndex(({ type }) => type === 'authenticated') + 1);
    expect(after.map(({ type, data }) => [type, data['subscriptionId'] ?? data['subscriptionIds'] ?? null])).toEqual([
      ['subscription_closed', 'all'],
      ['event', ['files']],
      ['synced', null],
    ]);
  });

  test('with wider scopes ends nothing, and lets the connection outlive the old credential', async () => {
    const { gateway, url } = await serve();
    const fresh = await tokenOf('subscribe:*', { lifeSeconds: 300 });
    const client = await connectBriefly(url, 'subscribe:file_change', 4);
    await client.call('subscribe', { subscriptionId: 'files', events: ['file_change'] });
    await client.call('authenticate', { token: fresh });
    expect(await client.call('subscribe', { subscriptionId: 'all', events: ['*'] })).toMatchObject({
      type: 'subscribed',
    });
    const { data } = await client.find(({ type }) => type === 'welcome');
    const { expiresAt } = data['principal'] as { readonly expiresAt: string };
    await vi.waitFor(() => expect(Date.now()).toBeGreaterThan(Date.parse(expiresAt) + 200), PATIENCE);
    await gateway.publish('file_change', sizes);
    const event = await client.find(({ type }) => type === 'event');
    expect(event.data['subscriptionIds']).toEqual(['all', 'files']);
  });

  test('that is invalid is rejected and changes nothing', async () => {
    const { url } = await serve();
    const client = await connect(url, bearer(await tokenOf('subscribe:*')));
    expect(await client.call('authenticate', { token: 'wrong' })).toMatchObject({ data: { code: 'unauthenticated' } });
    expect(await client.call('subscribe', { events: ['*'] })).toMatchObject({ type: 'subscribed' });
  });
});

describe('a key that is revoked', () => {
  test('ends its connections with 4101 at the next reading of the keys, and other connections stay open', async () => {
    const storage = new LastReading(keysOf());
    const [first, second] = [await makeKey(storage, ['subscribe:*']), await makeKey(storage, ['subscribe:*'])];
    const { url } = await serve({ storage });
    const doomed = await connect(url, { 'x-api-key': first.secret });
    const other = await connect(url, { 'x-api-key': second.secret });
    await revokeKey(storage, first.stored.id);
    storage.allowOneMore();
    expect((await doomed.closed).code).toBe(4101);
    expect((await RawClient.refused(url, { headers: { 'x-api-key': first.secret } })).status).toBe(401);
    expect(await other.call('ping')).toMatchObject({ type: 'pong' });
  });

  test('in Redis ends its connections on every node at its next reading, and receives nothing afterwards', async () => {
    const redis = await RedisProcess.start();
    cleanups.push(() => redis.stop());
    const admin = new RedisKeyStorage({ url: redis.url });
    cleanups.push(() => admin.close());
    const key = await makeKey(admin, ['subscribe:*']);
    const storages = [1, 2].map(() => new LastReading(new RedisKeyStorage({ url: redis.url })));
    const nodes = await Promise.all(
      storages.map((storage) =>
        serve({
          storage,
          broker: new RedisBroker({ url: redis.url, limits: resolveLimits(), events: eventTable() }),
        }),
      ),
    );
    const clients = await Promise.all(nodes.map(({ url }) => connect(url, { 'x-api-key': key.secret })));
    for (const client of clients) await client.call('subscribe', { events: ['*'] });
    await revokeKey(admin, key.stored.id);
    for (const storage of storages) storage.allowOneMore();
    const closed = await Promise.all(clients.map((client) => client.closed));
    expect(closed.map(({ code }) => code)).toEqual([4101, 4101]);
    await nodes[0]?.gateway.publish('built', {});
    expect(clients.flatMap((client) => client.events())).toEqual([]);
  }, 15_000);
});

describe('the audit log', () => {
  test('contains accepted and rejected clients and publications, and never a secret', async () => {
    const storage = keysOf();
    const { secret } = await makeKey(storage, ['subscribe:file_change', 'publish:built']);
    const { url, httpUrl, audit, log } = await serve({ storage, broadcast: 'on' });
    const token = await tokenOf('subscribe:*');
    const [, , signature = ''] = token.split('.');
    const wrong = 'eyJhbGciOiJub25lIn0.eyJzZWNyZXQiOiJjYW5hcnkifQ.canary-signature';
    const client = await connect(url, { 'x-api-key': secret });
    await client.call('broadcast', { stream: 'main', event: 'built', payload: { password: 'canary-payload' } });
    await client.call('broadcast', { stream: 'main', event: 'deployed', payload: {} });
    await client.call('subscribe', { events: ['entity_created'] });
    await client.call('authenticate', { token: wrong });
    await client.call('authenticate', { token });
    await RawClient.refused(`${url}?access_token=canary-query`);
    await RawClient.refused(url, { headers: bearer(wrong) });
    await fetch(`${httpUrl}/ws/subscriptions?token=canary-query`);
    await fetch(`${httpUrl}/ws/subscriptions`, { headers: { 'x-api-key': secret } });
    const metrics = await (await fetch(`${httpUrl}/metrics`)).text();
    const sent = client.frames.filter(({ type }) => type !== 'event');
    const everything = [...audit, ...log, metrics, JSON.stringify(sent)].join('\n');
    for (const each of [secret, secret.slice(14), token, signature, wrong, 'canary', SECRET])
      expect(everything).not.toContain(each);
    const lines = audit.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.map(({ kind, outcome, principal, event }) => [kind, outcome, principal, event])).toEqual([
      ['authenticate', 'allowed', 'key:ci', undefined],
      ['broadcast', 'allowed', 'key:ci', 'built'],
      ['broadcast', 'denied', 'key:ci', 'deployed'],
      ['subscribe', 'denied', 'key:ci', 'entity_created'],
      ['authenticate', 'denied', undefined, undefined],
      ['authenticate', 'allowed', 'user:ana', undefined],
      ['connect', 'denied', undefined, undefined],
      ['authenticate', 'denied', undefined, undefined],
      ['connect', 'denied', undefined, undefined],
      ['authenticate', 'allowed', 'key:ci', undefined],
      ['introspect', 'denied', 'key:ci', undefined],
    ]);
    expect(
      lines.every(
        ({ time, remoteAddress, kind }) =>
          typeof time === 'string' && (kind === 'broadcast' || kind === 'subscribe' || remoteAddress === '127.0.0.1'),
      ),
    ).toBe(true);
  });
});
