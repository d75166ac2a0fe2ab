/**
 * Tests the Events extension (SEP-3415): list, poll and push, also across restarts of the gateway and losses of events.
 */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { redisBroker } from '../../src/broker/redis/redis-broker.ts';
import { RedisProcess } from '../../src/broker/testing/redis-process.ts';
import type { Gateway, GatewayOptions } from '../../src/gateway.ts';
import { PATIENCE, serve } from '../../src/testing/rig.ts';
import { eventsCall, eventStream } from '../testing/events-client.ts';
import { linkedClient } from '../testing/linked-client.ts';
import { scopedGateway } from '../testing/scoped-gateway.ts';
import { readCursor } from './cursor.ts';

const NAME = 'sync_status';
const publish = (gateway: Gateway, operationId: string): ReturnType<Gateway['publish']> =>
  gateway.publish(NAME, { status: 'running', operationId });
const idsOf = (result: Readonly<Record<string, unknown>>): unknown[] =>
  (result['events'] as readonly { readonly data: { readonly operationId: string } }[]).map(
    ({ data }) => data.operationId,
  );

let redis: RedisProcess;
beforeAll(async () => {
  redis = await RedisProcess.start();
});
afterAll(() => redis.stop());

/** Two brokers: the history in Redis outlives a gateway; the history in memory ends with the gateway. */
const BROKERS: Readonly<Record<string, () => GatewayOptions>> = {
  redis: () => ({ broker: redisBroker({ url: redis.url }) }),
  memory: () => ({}),
};

describe('events/list', () => {
  test('offers each event of the contract with its schemas', async () => {
    const { url } = await serve();
    const client = await linkedClient({ url });
    const { events } = (await eventsCall(client, 'events/list')) as { events: readonly Record<string, unknown>[] };
    expect(events.map(({ name }) => name)).toEqual(expect.arrayContaining(['file_change', 'custom_event']));
    expect(events.find(({ name }) => name === NAME)).toMatchObject({
      delivery: ['poll', 'push'],
      inputSchema: { properties: { operationIds: { $ref: '#/$defs/FilterValues' }, stream: { default: 'main' } } },
      payloadSchema: { required: expect.arrayContaining(['status']) },
    });
    expect(events.find(({ name }) => name === 'session_event')).toMatchObject({
      inputSchema: { required: ['stream'] },
    });
    expect(client.getServerCapabilities()?.extensions).toEqual({ 'io.modelcontextprotocol/events': {} });
  });

  test('errors have the codes of the extension', async () => {
    const { url, tokenFile } = await scopedGateway({ ana: ['subscribe:sync_status@main'] });
    const client = await linkedClient({ url, tokenFile: tokenFile('ana') });
    const refused = async (params: Readonly<Record<string, unknown>>, method = 'events/poll'): Promise<unknown> =>
      eventsCall(client, method, params).catch((error: unknown) => error);
    expect(await refused({ name: 'nothing' })).toMatchObject({ code: -32023, data: { kind: 'event' } });
    expect(await refused({ name: 'file_change' })).toMatchObject({ code: -32024 });
    expect(await refused({ name: 'file_change' }, 'events/stream')).toMatchObject({ code: -32024 });
    expect(await refused({ name: NAME, arguments: { paths: ['a'] } })).toMatchObject({ code: -32602 });
    expect(await refused({ name: NAME, cursor: 'x' })).toMatchObject({ code: -32602 });
    expect(await refused({})).toMatchObject({ code: -32602 });
    const delivery = { url: 'https://hooks.example/x', secret: 'whsec_' };
    expect(await refused({ name: NAME, delivery }, 'events/subscribe')).toMatchObject({ code: -32024 });
  });
});

describe('events/poll', () => {
  test('starts from now, returns pages, applies filters, and includes the names of custom events', async () => {
    const { gateway, url } = await serve();
    const client = await linkedClient({ url });
    await publish(gateway, 'before');
    const { cursor } = await eventsCall(client, 'events/poll', { name: NAME, cursor: null });
    for (const id of ['a', 'b', 'c']) await publish(gateway, id);
    await gateway.publish('build.finished', { ok: true });
    const first = await eventsCall(client, 'events/poll', { name: NAME, cursor, maxEvents: 2 });
    expect(first).toMatchObject({ truncated: false, hasMore: true, nextPollMs: expect.any(Number) });
    expect(idsOf(first)).toEqual(['a', 'b']);
    const second = await eventsCall(client, 'events/poll', { name: NAME, cursor: first['cursor'] });
    expect(second).toMatchObject({
      hasMore: false,
      events: [{ name: NAME, eventId: expect.stringMatching(/^[0-9A-Z]{26}$/) }],
    });
    expect(idsOf(second)).toEqual(['c']);
    const one = await eventsCall(client, 'events/poll', { name: NAME, cursor, arguments: { operationIds: ['b'] } });
    expect(idsOf(one)).toEqual(['b']);
    const own = { name: 'custom_event', arguments: { event: 'build.*' }, cursor };
    expect(await eventsCall(client, 'events/poll', own)).toMatchObject({
      events: [{ name: 'custom_event', data: { event: 'build.finished', payload: { ok: true } } }],
    });
  });

  test('leaves out events that are too old, and reports it', async () => {
    const { gateway, url } = await serve();
    const client = await linkedClient({ url });
    const { cursor } = await eventsCall(client, 'events/poll', { name: NAME });
    await publish(gateway, 'old');
    const published = Date.now();
    await vi.waitUntil(() => Date.now() > published);
    const late = await eventsCall(client, 'events/poll', { name: NAME, cursor, maxAgeMs: 0 });
    expect(late).toMatchObject({ events: [], truncated: true });
    expect(await eventsCall(client, 'events/poll', { name: NAME, cursor, maxAgeMs: 600_000 })).toMatchObject({
      truncated: false,
    });
  });

  test('pages through the remaining events when the history no longer reaches back to the cursor', async () => {
    const { gateway, url } = await serve({ limits: { historyEvents: 3 } });
    const client = await linkedClient({ url });
    const update = (id: string): Promise<unknown> =>
      gateway.publish('entity_updated', { id, entityType: 'function', name: id, changedFields: ['body'] });
    const poll = async (cursor: unknown): Promise<unknown[]> => {
      const result = await eventsCall(client, 'events/poll', { name: 'entity_updated', cursor, maxEvents: 2 });
      position = result['cursor'];
      const ids = (result['events'] as readonly { readonly data: { readonly id: string } }[]).map(
        ({ data }) => data.id,
      );
      return [...ids, { truncated: result['truncated'], hasMore: result['hasMore'] }];
    };
    let position: unknown;
    await poll(null);
    const start = position;
    for (const id of ['a', 'b', 'c', 'd']) await update(id);
    expect(await poll(start)).toEqual(['a', 'b', { truncated: true, hasMore: true }]);
    const inside = position;
    // Events that are published in the meantime follow the picture, so nothing is missing after the first page.
    await update('a');
    expect(await poll(inside)).toEqual(['c', 'd', { truncated: false, hasMore: true }]);
    expect(await poll(position)).toEqual(['a', { truncated: false, hasMore: false }]);
    expect(await poll(position)).toEqual([{ truncated: false, hasMore: false }]);
    // The history has dropped an event since the picture was taken.
    for (const id of ['e', 'e', 'e', 'e']) await update(id);
    expect(await poll(inside)).toEqual(['c', 'd', { truncated: true, hasMore: true }]);
  });

  test.each(Object.keys(BROKERS))('continues over a restart of the gateway (%s)', async (kind) => {
    const brokerOptions = BROKERS[kind] ?? (() => ({}));
    const { gateway, url } = await serve(brokerOptions());
    const client = await linkedClient({ url });
    const { cursor } = await eventsCall(client, 'events/poll', { name: NAME });
    await publish(gateway, 'before');
    await gateway.close({ drainMs: 0 });
    const again = await serve({ ...brokerOptions(), port: Number(new URL(url).port) });
    await publish(again.gateway, 'after');
    const result = await eventsCall(client, 'events/poll', { name: NAME, cursor });
    // Without Redis the first event is lost. The loss is reported, and the second event is still returned.
    expect(idsOf(result)).toEqual(kind === 'redis' ? ['before', 'after'] : ['after']);
    expect(result).toMatchObject({ truncated: kind === 'memory' });
  });
});

describe('events/stream', () => {
  test('confirms, delivers with cursors, and sends heartbeats whose cursor advances', async () => {
    const { gateway, url } = await serve();
    const client = await linkedClient({ url, heartbeatMs: 20 });
    const stream = eventStream(client, { name: NAME });
    await vi.waitFor(
      () => expect(stream.received[0]).toMatchObject({ name: 'active', params: { truncated: false } }),
      PATIENCE,
    );
    await publish(gateway, 'a');
    const { epoch, sequenceId } = await gateway.publish('build.finished', { ok: true });
    await vi.waitFor(() => expect(stream.sequenceIds()).toEqual([1]), PATIENCE);
    const heartbeats = (): readonly unknown[] => stream.received.filter(({ name }) => name === 'heartbeat');
    await vi.waitFor(() => expect(heartbeats().length).toBeGreaterThan(1), PATIENCE);
    expect(readCursor('main', String(stream.cursor()))).toMatchObject({ position: { epoch } });
    const ids = new Set(
      stream.received.map(({ params }) =>
        JSON.stringify((params['_meta'] as Record<string, unknown>)['io.modelcontextprotocol/subscriptionId']),
      ),
    );
    expect(ids.size).toBe(1);
    stream.cancel();
    await stream.ended;
    const resumed = await eventsCall(client, 'events/poll', { name: NAME, cursor: stream.cursor() });
    expect(resumed).toMatchObject({ events: [], truncated: false });
    expect(sequenceId).toBe(2);
  });

  test.each(Object.keys(BROKERS))('continues over a restart of the gateway (%s)', async (kind) => {
    const brokerOptions = BROKERS[kind] ?? (() => ({}));
    const { gateway, url } = await serve(brokerOptions());
    const client = await linkedClient({ url });
    const stream = eventStream(client, { name: NAME });
    await vi.waitFor(() => expect(stream.received.length).toBe(1), PATIENCE);
    await publish(gateway, 'a');
    await vi.waitFor(() => expect(stream.sequenceIds().length).toBe(1), PATIENCE);
    await gateway.close({ drainMs: 0 });
    const again = await serve({ ...brokerOptions(), port: Number(new URL(url).port) });
    await publish(again.gateway, 'b');
    await vi.waitFor(() => expect(stream.sequenceIds().length).toBe(2), PATIENCE);
    const names = stream.received.map(({ name }) => name).filter((name) => name !== 'heartbeat');
    const restart = kind === 'redis' ? ['event'] : ['active', 'event'];
    expect(names).toEqual(['active', 'event', 'error', ...restart]);
    const last = stream.received.findLast(({ name }) => name === 'active');
    expect(last?.params).toMatchObject({ truncated: kind === 'memory' });
    const data = stream.received.filter(({ name }) => name === 'event').map(({ params }) => params['data']);
    expect(data).toMatchObject([{ operationId: 'a' }, { operationId: 'b' }]);
  });

  test('replays after a cursor, and reports the gap of a source at its position', async () => {
    const { gateway, url } = await serve();
    const client = await linkedClient({ url });
    const { cursor } = await eventsCall(client, 'events/poll', { name: 'file_change' });
    const file = (path: string) => ({ path, root: 'r', changeType: 'create', fileType: 'file' }) as const;
    await gateway.publish('file_change', file('a'));
    await gateway.announceLoss({ stream: 'main', paths: [''] });
    await gateway.publish('file_change', file('b'));
    const stream = eventStream(client, { name: 'file_change', cursor });
    await vi.waitFor(() => expect(stream.sequenceIds()).toEqual([1, 2]), PATIENCE);
    expect(stream.received.map(({ name, params }) => [name, params['truncated']])).toEqual([
      ['active', false],
      ['event', undefined],
      ['active', true],
      ['event', undefined],
    ]);
  });

  test('continues after a cursor inside a warm picture with the rest of the picture, then with every later event', async () => {
    const { gateway, url } = await serve({ limits: { historyEvents: 3 } });
    const client = await linkedClient({ url });
    const update = (id: string): Promise<unknown> =>
      gateway.publish('entity_updated', { id, entityType: 'function', name: id, changedFields: ['body'] });
    const { cursor } = await eventsCall(client, 'events/poll', { name: 'entity_updated' });
    for (const id of ['a', 'b', 'c', 'd']) await update(id);
    const first = eventStream(client, { name: 'entity_updated', cursor });
    await vi.waitFor(() => expect(first.sequenceIds()).toEqual([1, 2, 3, 4]), PATIENCE);
    expect(first.received[0]).toMatchObject({ name: 'active', params: { truncated: true } });
    first.cancel();
    const inside = first.received.find(({ name }) => name === 'event')?.params['cursor'];
    await update('b');
    const second = eventStream(client, { name: 'entity_updated', cursor: inside });
    await vi.waitFor(() => expect(second.sequenceIds()).toEqual([3, 4, 5]), PATIENCE);
    expect(second.received.map(({ params }) => params['truncated'])).toEqual([false, undefined, undefined, undefined]);
  });

  test('ends with `terminated` when the gateway withdraws access', async () => {
    const { gateway, url, grants, tokenFile, authenticator } = await scopedGateway({ ana: ['subscribe:*'] });
    const client = await linkedClient({ url, tokenFile: tokenFile('ana') });
    const stream = eventStream(client, { name: NAME });
    await vi.waitFor(() => expect(stream.received.length).toBe(1), PATIENCE);
    grants.set('ana', []);
    await gateway.close({ drainMs: 0 });
    await serve({ port: Number(new URL(url).port), authenticator });
    await stream.ended;
    expect(stream.received.at(-1)).toMatchObject({ name: 'terminated', params: { error: { code: -32024 } } });
  });
});
