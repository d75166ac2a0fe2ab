/** The generated client with a real gateway, over real sockets. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test, vi } from 'vitest';
import { isEvent, isGap, TidemarkError } from '../../generated/client.ts';
import type { EntityCreatedPayload, FileChangePayload } from '../../generated/types.ts';
import type { Authenticator } from '../auth/authenticator.ts';
import { NOBODY } from '../auth/principal.ts';
import { parseScope } from '../auth/scope.ts';
import { ProtocolError } from '../errors.ts';
import { SeveringProxy } from '../testing/severing-proxy.ts';
import { PATIENCE, clientOf, collect, onCleanup, serve } from '../testing/rig.ts';

async function proxyOf(url: string): Promise<SeveringProxy> {
  const proxy = await SeveringProxy.before(url);
  onCleanup(() => proxy.close());
  return proxy;
}

const file = (path: string): FileChangePayload => ({ path, root: 'shop', changeType: 'modify', fileType: 'file' });
const entity = (id: string): EntityCreatedPayload => ({ id, entityType: 'function', name: id });

describe('a subscription of the client', () => {
  test('yields the events that match its filter, typed by its pattern', async () => {
    const { gateway, url } = await serve();
    const subscription = clientOf(url).subscribe({ events: ['file_change'], filter: { extensions: ['.ts'] } });
    await subscription.caughtUp;
    for (const path of ['a.js', 'a.ts', 'b.ts']) await gateway.publish('file_change', file(path));
    const paths: string[] = [];
    for await (const event of subscription) {
      paths.push(event.payload.path);
      if (paths.length === 2) break;
    }
    expect(paths).toEqual(['a.ts', 'b.ts']);
    expect((await subscription.ready).filter).toEqual({ extensions: ['.ts'] });
  });

  test('receives a source loss that happened while it was disconnected', async () => {
    const { gateway, url } = await serve();
    const proxy = await proxyOf(url);
    const subscription = clientOf(proxy.url).subscribe({ events: ['file_change'], gaps: 'inline' });
    await subscription.caughtUp;
    const items: string[] = [];
    void (async () => {
      for await (const item of subscription) items.push(isGap(item) ? `gap: ${item.reason}` : item.payload.path);
    })();
    await gateway.publish('file_change', file('a.ts'));
    await vi.waitFor(() => expect(items).toEqual(['a.ts']), PATIENCE);
    // Nothing in this block waits for the network, so everything happens before the client reconnects.
    proxy.sever();
    await gateway.publish('file_change', file('b.ts'));
    await gateway.announceLoss({ stream: 'main', paths: ['src'] });
    await gateway.publish('file_change', file('c.ts'));
    await vi.waitFor(() => expect(items).toEqual(['a.ts', 'b.ts', 'gap: source_overflow', 'c.ts']), PATIENCE);
  });

  test('receives one replayed event per entity, then live events, if it starts later', async () => {
    const { gateway, url } = await serve();
    for (let n = 0; n < 20; n += 1) await gateway.publish('entity_created', entity(`e${n % 8}`));
    const subscription = clientOf(url).subscribe({ events: ['entity_*', 'file_change'] });
    const items = collect(subscription);
    expect(await subscription.caughtUp).toMatchObject({ count: 8, truncated: false, position: { sequenceId: 20 } });
    await gateway.publish('file_change', file('a.ts'));
    await vi.waitFor(() => expect(items.length).toBe(9), PATIENCE);
    const entities = items.flatMap((item) => (isEvent(item, 'entity_created') ? [item.payload.id] : []));
    expect(new Set(entities).size).toBe(8);
    expect(items.map(({ isReplay }) => isReplay)).toEqual([...Array.from({ length: 8 }, () => true), false]);
  });

  test('loses and repeats nothing while its connection is repeatedly cut under load', async () => {
    const { gateway, url } = await serve({ limits: { heartbeatIntervalMs: 100 } });
    const proxy = await proxyOf(url);
    const client = clientOf(proxy.url, { backoff: { minMs: 2, maxMs: 8 } });
    const troubles: unknown[] = [];
    for (const name of ['gap', 'loss', 'error'] as const) client.on(name, (detail) => troubles.push([name, detail]));
    const all = client.subscribe({ events: ['*'], replay: { mode: 'none' } });
    const some = client.subscribe({
      events: ['file_change'],
      filter: { paths: ['src/*7.ts'] },
      replay: { mode: 'none' },
    });
    const small = client.subscribe({ events: ['file_change'], replay: { mode: 'none' }, buffer: { limit: 8 } });
    const [everything, sevens, files] = [collect(all), collect(some), collect(small)] as const;
    await Promise.all([all.ready, some.ready, small.ready]);
    for (let n = 0; n < 1_500; n += 1) {
      await (n % 3 === 0
        ? gateway.publish('entity_created', entity(`e${n}`))
        : gateway.publish('file_change', file(`src/${n}.ts`)));
      if (n % 60 === 59) proxy.sever();
      if (n % 4 === 0) await sleep(1);
    }
    await vi.waitFor(() => expect(everything.length).toBeGreaterThanOrEqual(1_500), PATIENCE);
    await vi.waitFor(() => expect(files.length).toBeGreaterThanOrEqual(1_000), PATIENCE);
    expect(everything.map(({ sequenceId }) => sequenceId)).toEqual(Array.from({ length: 1_500 }, (_, n) => n + 1));
    const fileIds = everything.filter(({ event }) => event === 'file_change').map(({ sequenceId }) => sequenceId);
    expect(files.map(({ sequenceId }) => sequenceId)).toEqual(fileIds);
    const wanted = everything.flatMap((e) =>
      isEvent(e, 'file_change') && e.payload.path.endsWith('7.ts') ? [e.sequenceId] : [],
    );
    expect(sevens.map(({ sequenceId }) => sequenceId)).toEqual(wanted);
    expect(troubles).toEqual([]);
    expect(proxy.accepted).toBeGreaterThan(5);
  });

  test('agrees with the gateway’s count of deliveries at every heartbeat', async () => {
    const { gateway, url } = await serve({ limits: { heartbeatIntervalMs: 100 } });
    const client = clientOf(url);
    const troubles: unknown[] = [];
    for (const name of ['loss', 'error', 'closed'] as const) client.on(name, (detail) => troubles.push([name, detail]));
    const subscription = client.subscribe({ events: ['entity_*'], replay: { mode: 'none' } });
    const items = collect(subscription);
    await subscription.ready;
    for (let n = 0; n < 400; n += 1) {
      await gateway.publish('entity_created', entity(`e${n}`));
      if (n % 2 === 0) await sleep(1);
    }
    await gateway.publish('file_change', file('hidden.ts'));
    await vi.waitFor(() => expect(subscription.position?.sequenceId).toBe(401), PATIENCE);
    expect(items.length).toBe(400);
    expect(troubles).toEqual([]);
  });

  test('reports the gap and rebuilds its state if the gateway lost its history before the reconnect', async () => {
    const first = await serve({ random: () => 0.02 });
    const port = Number(new URL(first.url).port);
    await first.gateway.publish('entity_created', entity('old'));
    const client = clientOf(first.url);
    const seen: string[] = [];
    client.on('closing', ({ name }) => seen.push(`closing ${name}`));
    client.on('resumed', ({ recovery }) =>
      seen.push(recovery.attempted && !recovery.recovered ? recovery.reason : 'recovered'),
    );
    const subscription = client.subscribe({ events: ['entity_*'], gaps: 'inline' });
    const items = collect(subscription);
    await subscription.caughtUp;
    const { epoch } = subscription.position ?? { epoch: 'none' };
    await first.gateway.close();
    const second = await serve({ port });
    await second.gateway.publish('entity_created', entity('new'));
    await vi.waitFor(() => expect(items.length).toBe(3), PATIENCE);
    expect(seen).toEqual(['closing shutdown', 'epoch_changed']);
    const [, gap, created] = items;
    if (gap === undefined || !isGap(gap)) throw new Error('no gap');
    expect(gap).toMatchObject({ reason: 'epoch_changed', noticedBy: 'server', from: { epoch, sequenceId: 1 } });
    expect(created).toMatchObject({ payload: { id: 'new' } });
    expect(subscription.recovered).toBe(false);
  });

  test('resumes together with a hundred other subscriptions under a low command limit', async () => {
    const { gateway, url } = await serve({ limits: { commandBurst: 20, commandsPerSecond: 100 } });
    const proxy = await proxyOf(url);
    const client = clientOf(proxy.url);
    const closes: number[] = [];
    client.on('closed', ({ code }) => closes.push(code));
    const options = { events: ['file_change'], replay: { mode: 'none' } } as const;
    const all = Array.from({ length: 60 }, () => client.subscribe(options));
    const reads = all.map((each) => collect(each));
    await Promise.all(all.map(({ ready }) => ready));
    proxy.sever();
    await gateway.publish('file_change', file('a.ts'));
    await vi.waitFor(() => expect(reads.every((items) => items.length === 1)).toBe(true), PATIENCE);
    expect(closes).toEqual([1006]);
  });

  test('continues in another process from the last position', async () => {
    const { gateway, url } = await serve();
    const before = clientOf(url).subscribe({ events: ['*'], replay: { mode: 'none' } });
    await before.ready;
    for (let n = 0; n < 10; n += 1) await gateway.publish('file_change', file(`${n}.ts`));
    for await (const { sequenceId } of before) if (sequenceId === 4) break;
    const after = before.position;
    if (after === undefined) throw new Error('no position');
    const resumed = clientOf(url).subscribe({ events: ['*'], replay: { mode: 'resume', after } });
    const items = collect(resumed);
    await resumed.caughtUp;
    await vi.waitFor(() => expect(items.map(({ sequenceId }) => sequenceId)).toEqual([5, 6, 7, 8, 9, 10]), PATIENCE);
    expect(resumed.recovered).toBe(true);
  });
});

/** Accepts tokens such as `subscribe:file_change;300`, which consist of a scope and a lifetime in milliseconds. */
const readableTokens: Authenticator = {
  required: true,
  anonymous: NOBODY,
  authenticate: ({ value }) => {
    const [scope = '', lifeMs = ''] = value.split(';');
    if (!/^\d+$/u.test(lifeMs)) return Promise.reject(new ProtocolError('unauthenticated', 'Unknown token.'));
    const expiresAt = Date.now() + Number(lifeMs);
    return Promise.resolve({ kind: 'user', id: 'user:ana', scopes: [parseScope(scope)], expiresAt });
  },
  onRevoked: () => undefined,
  close: () => Promise.resolve(),
};

describe('credentials of the client', () => {
  test('an expiring token is replaced, and its subscription continues without loss (SEC-3)', async () => {
    const { gateway, url } = await serve({ authenticator: readableTokens });
    let fetched = 0;
    const client = clientOf(url, { token: () => `subscribe:*;${(fetched += 1) === 1 ? 200 : 60_000}` });
    const closes: number[] = [];
    client.on('closed', ({ code }) => closes.push(code));
    const subscription = client.subscribe({ events: ['file_change'], replay: { mode: 'none' } });
    const items = collect(subscription);
    await subscription.ready;
    for (let n = 0; n < 60; n += 1) {
      await gateway.publish('file_change', file(`${n}.ts`));
      await sleep(5);
    }
    await vi.waitFor(() => expect(items.length).toBe(60), PATIENCE);
    expect(items.map(({ sequenceId }) => sequenceId)).toEqual(Array.from({ length: 60 }, (_, n) => n + 1));
    expect([fetched, ...closes]).toEqual([2, 4100]);
  });

  test('a narrower credential ends subscriptions that it does not cover, with the reason', async () => {
    const { url } = await serve({ authenticator: readableTokens });
    const client = clientOf(url, { token: 'subscribe:*;60000' });
    const [files, entities] = [
      client.subscribe({ events: ['file_change'] }),
      client.subscribe({ events: ['entity_*'] }),
    ];
    await Promise.all([files.caughtUp, entities.caughtUp]);
    const ended = entities[Symbol.asyncIterator]().next();
    await client.authenticate('subscribe:file_change;60000');
    await expect(ended).rejects.toMatchObject({ name: 'SubscriptionError', reason: 'forbidden' });
    expect([files.state, client.subscriptions.length]).toEqual(['live', 1]);
  });

  test('a rejected credential stops the client with the server’s error', async () => {
    const { url } = await serve({ authenticator: readableTokens });
    const client = clientOf(url, { token: 'nonsense' });
    await expect(client.connect()).rejects.toMatchObject({ name: 'TidemarkError', code: 'unauthenticated' });
    expect(client.state).toBe('closed');
  });

  test('without a required credential, a subscription ends with unauthenticated', async () => {
    const { url } = await serve({ authenticator: readableTokens });
    const client = clientOf(url);
    await expect(client.subscribe({ events: ['*'] }).ready).rejects.toMatchObject({ code: 'unauthenticated' });
    expect((await client.connect()).authenticationRequired).toBe(true);
  });
});

describe('commands of the client', () => {
  test('sync resolves when every earlier event was received', async () => {
    const { gateway, url } = await serve();
    const client = clientOf(url);
    const subscription = client.subscribe({ events: ['*'], replay: { mode: 'none' } });
    await subscription.ready;
    for (let n = 0; n < 50; n += 1) await gateway.publish('file_change', file(`${n}.ts`));
    const { position } = await client.sync('main');
    expect([position.sequenceId, subscription.buffered]).toEqual([50, 50]);
  });

  test('broadcast publishes if enabled, and otherwise rejects with the reason', async () => {
    const on = await serve({ broadcast: 'on' });
    const client = clientOf(on.url);
    const event = { stream: 'main', event: 'file_change', payload: file('a.ts'), idempotencyKey: 'once' } as const;
    const first = await client.broadcast(event);
    expect(first).toMatchObject({ sequenceId: 1, duplicate: false });
    expect(await client.broadcast(event)).toEqual({ ...first, duplicate: true });
    const off = await serve();
    const refusal = await clientOf(off.url)
      .broadcast(event)
      .catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(TidemarkError);
  });

  test('a rejected subscribe has a pointer to the fault', async () => {
    const { url } = await serve();
    const subscription = clientOf(url).subscribe({ events: ['file_change'], filter: { entityTypes: ['class'] } });
    const error = await subscription.ready.catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'filter_not_applicable', retryable: false });
    expect(error).toHaveProperty('pointer');
  });

  test('list_subscriptions returns the remaining subscriptions after an unsubscribe', async () => {
    const { url } = await serve();
    const client = clientOf(url);
    const [kept, gone] = [client.subscribe({ events: ['*'] }), client.subscribe({ events: ['*'] })];
    await Promise.all([kept.ready, gone.ready]);
    await gone.unsubscribe();
    const { items } = await client.listSubscriptions();
    expect(items.map(({ subscriptionId }) => subscriptionId)).toEqual([kept.id]);
    expect(await client.ping()).toHaveProperty('time');
  });
});
