/** Tests webhook delivery (SEP-3415) with a real gateway and a real receiver, also while one of them is unreachable. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Client } from '@modelcontextprotocol/client';
import { redisBroker } from '../../src/broker/redis/redis-broker.ts';
import { RedisProcess } from '../../src/broker/testing/redis-process.ts';
import type { Gateway } from '../../src/gateway.ts';
import { PATIENCE, serve } from '../../src/testing/rig.ts';
import type { Served } from '../../src/testing/rig.ts';
import { eventsCall } from '../testing/events-client.ts';
import { callerOf, httpClient, httpServer, QUICK_WEBHOOKS, receiver, tokenAt } from '../testing/http-server.ts';
import type { Receiver } from '../testing/http-server.ts';
import { callTool } from '../testing/linked-client.ts';
import { scopedGateway } from '../testing/scoped-gateway.ts';
import type { ScopedGateway } from '../testing/scoped-gateway.ts';

const NAME = 'sync_status';
const publish = (gateway: Gateway, operationId: string): ReturnType<Gateway['publish']> =>
  gateway.publish(NAME, { status: 'running', operationId });
const idsOf = (hook: Receiver): unknown[] =>
  hook.events().map(({ data }) => (data as { readonly operationId: string }).operationId);

interface Rig {
  readonly scoped: ScopedGateway;
  readonly client: Client;
  readonly hook: Receiver;
  readonly subscribe: (more?: Readonly<Record<string, unknown>>) => Promise<Record<string, unknown>>;
}

async function rig(options: Partial<Parameters<typeof httpServer>[1]> = {}): Promise<Rig> {
  const scoped = await scopedGateway({ ana: ['subscribe:*', 'admin:read'] });
  const callers = [callerOf('ana', scoped.tokenFile('ana'))];
  const service = await httpServer(scoped.url, { callers, ...options });
  const client = await httpClient(service.url, { token: tokenAt('ana') });
  const hook = await receiver();
  const delivery = { mode: 'webhook', url: hook.url, secret: hook.secret };
  const subscribe: Rig['subscribe'] = (more = {}) =>
    eventsCall(client, 'events/subscribe', { name: NAME, delivery, cursor: null, ...more });
  return { scoped, client, hook, subscribe };
}

let redis: RedisProcess;
beforeAll(async () => {
  redis = await RedisProcess.start();
});
afterAll(() => redis.stop());

describe('a webhook subscription', () => {
  test('verifies the endpoint, delivers signed events, and ends with events/unsubscribe', async () => {
    const { scoped, client, hook, subscribe } = await rig();
    const granted = await subscribe();
    expect(granted).toMatchObject({ id: expect.stringMatching(/^sub_/), truncated: false, cursor: expect.any(String) });
    expect(hook.received.map(({ body }) => body['type'])).toEqual(['verification']);
    for (const id of ['a', 'b']) await publish(scoped.gateway, id);
    await vi.waitFor(() => expect(new Set(idsOf(hook))).toEqual(new Set(['a', 'b'])), PATIENCE);
    const signed = hook.received.map(({ headers, isSigned }) => ({ isSigned, id: headers['x-mcp-subscription-id'] }));
    expect(signed).toEqual(signed.map(() => ({ isSigned: true, id: granted['id'] })));
    const ids = hook.received.filter(({ body }) => 'eventId' in body).map(({ headers }) => headers['webhook-id']);
    expect(ids).toEqual(hook.events().map(({ eventId }) => eventId));
    const again = await subscribe();
    expect(again).toMatchObject({ id: granted['id'], deliveryStatus: { active: true, lastError: null } });
    const key = { name: NAME, delivery: { url: hook.url } };
    await eventsCall(client, 'events/unsubscribe', key);
    await expect(eventsCall(client, 'events/unsubscribe', key)).rejects.toMatchObject({
      code: -32023,
      data: { kind: 'subscription' },
    });
  });

  test('is refused with an error code for the reason, and without the scope no request reaches the endpoint', async () => {
    const { scoped, client, hook, subscribe } = await rig();
    const url = (text: string) => ({ delivery: { mode: 'webhook', url: text, secret: hook.secret } });
    await expect(subscribe(url('not a url'))).rejects.toMatchObject({ code: -32602 });
    await expect(subscribe({ delivery: { url: hook.url, secret: 'whsec_short' } })).rejects.toMatchObject({
      code: -32602,
    });
    await expect(subscribe({ delivery: { ...url(hook.url).delivery, mode: 'queue' } })).rejects.toMatchObject({
      code: -32026,
    });
    await expect(subscribe(url('http://127.0.0.1:1/'))).rejects.toMatchObject({
      code: -32027,
      data: { reason: 'connection_refused' },
    });
    hook.echo = () => 'other';
    await expect(subscribe()).rejects.toMatchObject({ code: -32027, data: { reason: 'challenge_failed' } });
    hook.received.length = 0;
    scoped.grants.set('ana', ['subscribe:file_change']);
    await scoped.gateway.close({ drainMs: 0 });
    await serve({ authenticator: scoped.authenticator, port: Number(new URL(scoped.url).port) });
    await expect(subscribe()).rejects.toMatchObject({ code: -32024 });
    expect(hook.received).toEqual([]);
    expect(await eventsCall(client, 'events/list')).toMatchObject({
      events: expect.arrayContaining([expect.objectContaining({ delivery: ['poll', 'push', 'webhook'] })]),
    });
  });

  test('refuses plain http and private addresses unless they are allowed', async () => {
    const { subscribe } = await rig({
      webhooks: { ...QUICK_WEBHOOKS, endpoint: { allowPrivate: false, timeoutMs: 500 } },
    });
    const secret = `whsec_${Buffer.alloc(24).toString('base64')}`;
    for (const url of [
      'http://93.184.216.34/',
      'https://127.0.0.1/',
      'https://[::ffff:10.0.0.1]/',
      'https://169.254.169.254/',
    ])
      await expect(subscribe({ delivery: { url, secret } })).rejects.toMatchObject({ code: -32602 });
    // A name that resolves to a private address is refused when it is used. The error shows only the category.
    await expect(subscribe({ delivery: { url: 'https://localhost/', secret } })).rejects.toMatchObject({
      code: -32027,
      data: { reason: 'connection_refused' },
    });
  });

  test('retries a delivery, keeps a safe cursor in the meantime, and does not retry an event that the receiver rejects permanently', async () => {
    const { scoped, client, hook, subscribe } = await rig();
    await subscribe();
    hook.statuses.push(503, 410);
    for (const id of ['a', 'b']) await publish(scoped.gateway, id);
    await vi.waitFor(() => expect(hook.events().length).toBe(3), PATIENCE);
    await publish(scoped.gateway, 'c');
    await vi.waitFor(() => expect(idsOf(hook)).toContain('c'), PATIENCE);
    const last = hook.events().findLast(({ data }) => (data as { operationId: string }).operationId === 'c');
    const rest = await eventsCall(client, 'events/poll', { name: NAME, cursor: last?.['cursor'] });
    // The cursor in a delivery is the position before the delivered event.
    expect(rest).toMatchObject({ truncated: false, events: [{ data: { operationId: 'c' } }] });
  });

  test('waits for a refresh while the endpoint is unreachable, and loses nothing', async () => {
    const { scoped, hook, subscribe } = await rig();
    await subscribe();
    hook.isAway = true;
    await publish(scoped.gateway, 'a');
    await vi.waitFor(
      async () => {
        hook.isAway = true;
        // Each refresh starts a new attempt, and reports the state before that attempt.
        expect(await subscribe()).toMatchObject({ deliveryStatus: { active: false, lastError: 'connection_refused' } });
      },
      { ...PATIENCE, interval: 300 },
    );
    hook.isAway = false;
    await publish(scoped.gateway, 'b');
    await subscribe();
    await vi.waitFor(() => expect(new Set(idsOf(hook))).toEqual(new Set(['a', 'b'])), PATIENCE);
  });

  test('is signed with both secrets after a rotation', async () => {
    const { scoped, hook, subscribe } = await rig();
    await subscribe();
    await subscribe({ delivery: { url: hook.url, secret: `whsec_${Buffer.alloc(32, 9).toString('base64')}` } });
    await publish(scoped.gateway, 'a');
    await vi.waitFor(() => expect(hook.events().length).toBe(1), PATIENCE);
    expect(hook.received.at(-1)).toMatchObject({ isSigned: true });
    expect(String(hook.received.at(-1)?.headers['webhook-signature']).split(' ')).toHaveLength(2);
  });

  test('expires without a refresh, and continues at its cursor afterwards', async () => {
    const { scoped, client, hook, subscribe } = await rig();
    const { cursor } = await subscribe({ ttlMs: 1 });
    const listening = async (): Promise<unknown> => (await callTool(client, 'who_listens')).content['total'];
    await vi.waitFor(async () => expect(await listening()).toBe(0), PATIENCE);
    const key = { name: NAME, delivery: { url: hook.url } };
    await expect(eventsCall(client, 'events/unsubscribe', key)).rejects.toMatchObject({ code: -32023 });
    await publish(scoped.gateway, 'missed');
    await subscribe({ cursor });
    await vi.waitFor(() => expect(idsOf(hook)).toEqual(['missed']), PATIENCE);
  });

  test('reports `terminated` when the gateway withdraws access', async () => {
    const { scoped, hook, subscribe } = await rig();
    await subscribe();
    scoped.grants.set('ana', []);
    await scoped.gateway.close({ drainMs: 0 });
    await serve({ authenticator: scoped.authenticator, port: Number(new URL(scoped.url).port) });
    await vi.waitFor(() => {
      expect(hook.received.at(-1)).toMatchObject({
        isSigned: true,
        body: { type: 'terminated', error: { code: -32024 } },
      });
    }, PATIENCE);
  });

  test.each(['redis', 'memory'])('continues over a restart of the gateway (%s)', async (kind) => {
    const { scoped, hook, subscribe } = await rig();
    const port = Number(new URL(scoped.url).port);
    const start = (): Promise<Served> =>
      serve({
        ...{ authenticator: scoped.authenticator, port },
        ...(kind === 'redis' ? { broker: redisBroker({ url: redis.url }) } : {}),
      });
    await scoped.gateway.close({ drainMs: 0 });
    const first = await start();
    await subscribe();
    await publish(first.gateway, 'a');
    await vi.waitFor(() => expect(idsOf(hook)).toEqual(['a']), PATIENCE);
    await first.gateway.close({ drainMs: 0 });
    const second = await start();
    await publish(second.gateway, 'b');
    await vi.waitFor(() => expect(idsOf(hook)).toEqual(['a', 'b']), PATIENCE);
    const gaps = hook.received.filter(({ body }) => body['type'] === 'gap');
    expect(gaps.length).toBe(kind === 'redis' ? 0 : 1);
    expect(await subscribe()).toMatchObject({ truncated: kind === 'memory' });
  });
});
