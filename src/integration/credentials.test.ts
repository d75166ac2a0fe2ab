import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { generateKeyPair, SignJWT } from 'jose';
import { describe, expect, test, vi } from 'vitest';
import {
  bearer,
  connectBriefly,
  keysOf,
  makeKey,
  SECRET,
  serveWithCredentials,
  tokenOf,
} from '../testing/credentials.ts';
import { RawClient } from '../testing/raw-client.ts';
import { connect, onCleanup, PATIENCE } from '../testing/rig.ts';

const sizes = { path: 'src/a.ts', root: 'r', changeType: 'modify', fileType: 'file' } as const;

describe('a credential', () => {
  test('is read from either header or from the first command, and welcome contains its principal (SEC-2)', async () => {
    const storage = keysOf();
    const { secret } = await makeKey(storage, ['subscribe:*']);
    const { url } = await serveWithCredentials({ storage });
    const token = await tokenOf('subscribe:*', { issuer: 'services', subject: 'indexer' });
    const byToken = await connect(url, { headers: bearer(token) });
    expect(byToken.frames[0] ?? (await byToken.find(({ type }) => type === 'welcome'))).toMatchObject({
      data: { principal: { kind: 'service', id: 'service:indexer', scopes: ['subscribe:*'] } },
    });
    const byKey = await connect(url, { headers: { 'x-api-key': secret } });
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

  test('is recorded in the audit log, with the client address, if it is missing, misplaced or lacks a scope', async () => {
    const { url, httpUrl, audit } = await serveWithCredentials({});
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

    const client = await connect(url, { headers: bearer(await tokenOf('subscribe:entity_* publish:*')) });
    const { principal } = lines()[0] as { readonly principal: string };
    await client.call('subscribe', { events: ['file_change'] });
    await client.call('broadcast', { stream: 'main', event: 'built', payload: {} });
    expect(lines()).toEqual([
      { ...from, kind: 'subscribe', principal, stream: 'main', event: 'file_change' },
      { ...from, kind: 'broadcast', principal, stream: 'main', event: 'built' },
    ]);
  });

  test('is rejected with the same error everywhere if it is invalid', async () => {
    const storage = keysOf();
    const { secret } = await makeKey(storage, ['subscribe:*']);
    const { url, httpUrl } = await serveWithCredentials({ storage });
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

  test('causes a close with 4008 if it is never sent, and with 4100 when it expires', async () => {
    const { url } = await serveWithCredentials({ limits: { authTimeoutMs: 200 } });
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
    onCleanup(() => keys.close());
    await new Promise<void>((resolve) => keys.listen(0, '127.0.0.1', resolve));
    const down = `http://127.0.0.1:${(keys.address() as AddressInfo).port}/jwks`;
    const common = { audience: 'tidemark', kind: 'user', algorithms: ['RS256'] } as const;
    const { url, httpUrl } = await serveWithCredentials({
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
  test('ends the subscriptions that its scopes do not cover; their events are no longer delivered (SEC-3)', async () => {
    const { gateway, url } = await serveWithCredentials();
    const client = await connect(url, { headers: bearer(await tokenOf('subscribe:*')) });
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

  test('ends no subscription if its scopes are wider, and keeps the connection open after the old credential expires', async () => {
    const { gateway, url } = await serveWithCredentials();
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

  test('is rejected and changes nothing if it is invalid', async () => {
    const { url } = await serveWithCredentials();
    const client = await connect(url, { headers: bearer(await tokenOf('subscribe:*')) });
    expect(await client.call('authenticate', { token: 'wrong' })).toMatchObject({ data: { code: 'unauthenticated' } });
    expect(await client.call('subscribe', { events: ['*'] })).toMatchObject({ type: 'subscribed' });
  });
});

describe('the audit log', () => {
  test('contains accepted and rejected clients and publications, and never a secret', async () => {
    const storage = keysOf();
    const { secret } = await makeKey(storage, ['subscribe:file_change', 'publish:built']);
    const { url, httpUrl, audit, log } = await serveWithCredentials({ storage, broadcast: 'on' });
    const token = await tokenOf('subscribe:*');
    const [, , signature = ''] = token.split('.');
    const wrong = 'eyJhbGciOiJub25lIn0.eyJzZWNyZXQiOiJjYW5hcnkifQ.canary-signature';
    const client = await connect(url, { headers: { 'x-api-key': secret } });
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
