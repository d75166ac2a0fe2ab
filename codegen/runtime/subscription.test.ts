import { describe, expect, test } from 'vitest';
import { ProtocolViolation, SubscriptionError, TidemarkError } from './errors.ts';
import { until } from './testing/fake-server.ts';
import { clientOf, collect, fakeServer, modelServer, rejection, take } from './testing/harness.ts';

const sequenceIds = (items: readonly { readonly sequenceId?: number }[]): (number | undefined)[] =>
  items.map(({ sequenceId }) => sequenceId);

describe('a subscription', () => {
  test('resolves with the reply, yields the warm replay, and continues live', async () => {
    const { server, model } = await modelServer();
    model.publish('entity_created', { id: 'a' });
    model.publish('file_change', { path: 'x' });
    const client = clientOf(server);
    const subscription = client.subscribe({ events: ['entity_*', 'file_change'] });
    expect(subscription.state).toBe('waiting');
    expect((await subscription.ready).recovery).toEqual({ attempted: false });
    expect(await subscription.caughtUp).toEqual({ position: model.head, count: 1, truncated: false });
    expect([subscription.state, subscription.recovered, subscription.stream]).toEqual(['live', undefined, 'main']);
    model.publish('file_change', { path: 'y' });
    const items = await take(subscription, 2);
    expect(items.map(({ sequenceId, isReplay }) => [sequenceId, isReplay])).toEqual([
      [1, true],
      [3, false],
    ]);
  });

  test('rejects an invalid position to resume from: a fresh start would hide a loss', async () => {
    const client = clientOf(await fakeServer());
    const after = { epoch: 'e1', sequenceId: 1 };
    for (const [replay, text] of [
      [{ mode: 'resume', after: { ...after, sequenceId: '1' } }, /`replay\.after` must be a position/],
      [{ mode: 'resume', after: { ...after, sequenceId: 2 ** 53 } }, /`replay\.after` must be a position/],
      [{ mode: 'resume', after: { ...after, sequenceId: -1 } }, /`replay\.after` must be a position/],
      [{ mode: 'resume', after: { sequenceId: 1 } }, /`replay\.after` must be a position/],
      [{ mode: 'resume' }, /`replay\.after` must be a position/],
      [{ mode: 'all' }, /`replay\.mode` must be "none", "warm" or "resume"/],
      [{ after }, /`replay\.mode` must be/],
    ] as const)
      expect(() => client.subscribe({ events: ['*'], replay: replay as never })).toThrow(text);
  });

  test('sends the contract’s fields and nothing else', async () => {
    const server = await fakeServer();
    clientOf(server).subscribe({
      events: ['file_change'],
      stream: 'workspace:w',
      filter: { extensions: ['.ts'] },
      replay: { mode: 'none' },
      subscriptionId: 'mine',
    });
    expect((await (await server.connection(1)).take('subscribe')).data).toEqual({
      subscriptionId: 'mine',
      stream: 'workspace:w',
      events: ['file_change'],
      filter: { extensions: ['.ts'] },
      replay: { mode: 'none' },
    });
  });

  test('shares an event that matches several of them', async () => {
    const { server, model } = await modelServer();
    const client = clientOf(server);
    const [all, files] = [client.subscribe({ events: ['*'] }), client.subscribe({ events: ['file_change'] })];
    await Promise.all([all.caughtUp, files.caughtUp]);
    model.publish('file_change', { path: 'x' });
    model.publish('entity_created', { id: 'a' });
    model.publish('file_change', { path: 'y' });
    expect(sequenceIds(await take(all, 3))).toEqual([1, 2, 3]);
    expect(sequenceIds(await take(files, 2))).toEqual([1, 3]);
    expect(all.id).not.toBe(files.id);
  });

  test('has the position of its reader, from which another process can resume', async () => {
    const { server, model } = await modelServer();
    const client = clientOf(server);
    const subscription = client.subscribe({ events: ['*'], replay: { mode: 'none' } });
    await subscription.ready;
    for (const path of ['a', 'b', 'c']) model.publish('file_change', { path });
    await until(() => subscription.buffered === 3, 'three events');
    expect(subscription.position).toEqual({ epoch: 'e1', sequenceId: 0 });
    await take(subscription, 2);
    const after = subscription.position;
    if (after === undefined) throw new Error('no position');
    expect(after.sequenceId).toBe(2);
    const other = clientOf(server).subscribe({ events: ['*'], replay: { mode: 'resume', after } });
    expect(sequenceIds(await take(other, 1))).toEqual([3]);
    expect([other.recovered, other.recovery]).toEqual([true, { attempted: true, recovered: true }]);
  });

  test('a heartbeat moves the position of a subscription without events', async () => {
    const { server, model } = await modelServer();
    const client = clientOf(server);
    const subscription = client.subscribe({ events: ['entity_created'], replay: { mode: 'none' } });
    await subscription.ready;
    for (const path of ['a', 'b', 'c']) model.publish('file_change', { path });
    const connection = await server.connection(1);
    model.heartbeat(connection);
    await until(() => subscription.position?.sequenceId === 3, 'the heartbeat');
    connection.drop();
    const again = await (await server.connection(2)).take('subscribe');
    expect(again.data.replay).toEqual({ mode: 'resume', after: { epoch: 'e1', sequenceId: 3 } });
  });

  test('rejects an id that is in use', async () => {
    const { server } = await modelServer();
    const client = clientOf(server);
    client.subscribe({ events: ['*'], subscriptionId: 's1' });
    expect(() => client.subscribe({ events: ['*'], subscriptionId: 's1' })).toThrow(TypeError);
    expect(client.subscribe({ events: ['*'] }).id).toBe('s2');
    expect(client.subscriptions.map(({ id }) => id)).toEqual(['s1', 's2']);
  });

  test('that the server rejects ends with its error', async () => {
    const server = await fakeServer({
      script: (connection, command) => connection.refuse(command, { code: 'filter_invalid', pointer: '/data/filter' }),
    });
    const client = clientOf(server);
    const subscription = client.subscribe({ events: ['*'] });
    const error = await rejection(subscription.ready);
    expect(error).toBeInstanceOf(TidemarkError);
    expect(error).toMatchObject({ code: 'filter_invalid', pointer: '/data/filter' });
    expect(await rejection(take(subscription, 1))).toBe(error);
    expect([subscription.state, client.subscriptions.length]).toEqual(['ended', 0]);
  });

  test('that the server temporarily refuses is retried after its retryAfterMs', async () => {
    let refusals = 0;
    const server = await fakeServer({
      script: (connection, command) => {
        refusals += 1;
        if (refusals < 3) connection.refuse(command, { code: 'rate_limited', retryable: true, retryAfterMs: 105 });
        else {
          const position = { epoch: 'e', sequenceId: 0 };
          connection.reply(command, 'subscribed', { ...command.data, position, recovery: { attempted: false } });
        }
      },
    });
    const client = clientOf(server);
    const postponed: unknown[] = [];
    client.on('postponed', (detail) => postponed.push(detail));
    expect(await client.subscribe({ events: ['*'] }).ready).toHaveProperty('position');
    const error = expect.objectContaining({ code: 'rate_limited' }) as unknown;
    const once = { subscriptionId: 's1', stream: 'main', error, delayMs: 105 };
    expect(postponed).toEqual([once, once]);
    expect([refusals, server.connections.length]).toEqual([3, 1]);
  });

  test('shares a rate limit with other subscriptions, and the client paces their commands so that few are refused', async () => {
    let [allowance, refusals] = [20, 0];
    const refill = setInterval(() => (allowance = Math.min(20, allowance + 4)), 4);
    const server = await fakeServer({
      script: (connection, command) => {
        allowance -= 1;
        if (allowance < 0) {
          allowance = 0;
          refusals += 1;
          connection.refuse(command, { code: 'rate_limited', retryable: true, retryAfterMs: 10 });
          return;
        }
        const position = { epoch: 'e', sequenceId: 0 };
        connection.reply(command, 'subscribed', { ...command.data, position, recovery: { attempted: false } });
      },
    });
    const client = clientOf(server);
    const subscriptions = Array.from({ length: 100 }, () => client.subscribe({ events: ['*'] }));
    await Promise.all(subscriptions.map(({ ready }) => ready));
    clearInterval(refill);
    expect(server.connections.length).toBe(1);
    expect(refusals).toBeGreaterThan(0);
    expect(refusals).toBeLessThan(20);
  });

  test('without an answer makes the client reconnect', async () => {
    const server = await fakeServer();
    clientOf(server, { commandTimeoutMs: 30 }).subscribe({ events: ['*'] });
    await (await server.connection(1)).take('subscribe');
    expect((await (await server.connection(2)).take('subscribe')).data.subscriptionId).toBe('s1');
  });

  test('whose reply has no position ends as a violation', async () => {
    const server = await fakeServer({
      script: (connection, command) =>
        connection.reply(command, command.type === 'subscribe' ? 'subscribed' : 'unsubscribed', {}),
    });
    expect(await rejection(clientOf(server).subscribe({ events: ['*'] }).ready)).toBeInstanceOf(ProtocolViolation);
  });

  test('that the server ends yields received events, then throws the reason', async () => {
    const { server, model } = await modelServer();
    const client = clientOf(server);
    const subscription = client.subscribe({ events: ['*'], replay: { mode: 'none' } });
    await subscription.ready;
    model.publish('file_change', { path: 'a' });
    server.connections[0]?.send('subscription_closed', { subscriptionId: 's1', reason: 'forbidden' });
    await until(() => subscription.state === 'ended', 'the end');
    const { items, ended } = collect(subscription);
    expect(await ended).toMatchObject({ name: 'SubscriptionError', reason: 'forbidden', position: { sequenceId: 1 } });
    expect([items.length, client.subscriptions.length]).toEqual([1, 0]);
    expect(server.connections[0]?.commands.map(({ type }) => type)).toEqual(['subscribe']);
  });
});

describe('a full buffer', () => {
  test('parks the subscription, and resumes it when half has been read, without a loss', async () => {
    const { server, model } = await modelServer();
    const client = clientOf(server);
    const parked: unknown[] = [];
    const gaps: unknown[] = [];
    client.on('parked', (detail) => parked.push(detail));
    client.on('gap', (gap) => gaps.push(gap));
    const subscription = client.subscribe({ events: ['*'], replay: { mode: 'none' }, buffer: { limit: 10 } });
    await subscription.ready;
    for (let n = 0; n < 25; n += 1) model.publish('file_change', { path: String(n) });
    await until(() => subscription.state === 'parked' && model.subscribers === 0, 'the pause');
    expect([subscription.buffered, parked.length]).toEqual([10, 1]);
    for (let n = 0; n < 25; n += 1) model.publish('file_change', { path: String(n) });
    const items = await take(subscription, 50);
    expect(sequenceIds(items)).toEqual(Array.from({ length: 50 }, (_, index) => index + 1));
    expect(gaps).toEqual([]);
  });

  test('smaller than the warm replay still yields all of it', async () => {
    const { server, model } = await modelServer();
    for (let n = 0; n < 100; n += 1) model.publish('entity_created', { id: String(n) });
    const client = clientOf(server);
    const subscription = client.subscribe({ events: ['*'], buffer: { limit: 16 } });
    expect(sequenceIds(await take(subscription, 100))).toEqual(Array.from({ length: 100 }, (_, index) => index + 1));
    expect((await subscription.caughtUp).position).toEqual(model.head);
  });

  test('reports a gap when the subscription is paused for too long', async () => {
    const { server, model } = await modelServer();
    model.window = 20;
    const client = clientOf(server);
    const options = { events: ['*'], replay: { mode: 'none' }, buffer: { limit: 10 }, gaps: 'inline' } as const;
    const subscription = client.subscribe(options);
    await subscription.ready;
    for (let n = 0; n < 100; n += 1) model.publish('file_change', { path: String(n) });
    await until(() => subscription.state === 'parked' && model.subscribers === 0, 'the pause');
    const items = await take(subscription, 11);
    expect(items[10]).toMatchObject({ kind: 'gap', reason: 'window_exceeded', from: { sequenceId: 10 } });
    expect([subscription.recovered, subscription.gapCount]).toEqual([false, 1]);
  });

  test('can end the subscription instead, with the position to resume from', async () => {
    const { server, model } = await modelServer();
    const client = clientOf(server);
    const subscription = client.subscribe({
      events: ['*'],
      replay: { mode: 'none' },
      buffer: { limit: 10, onFull: 'error' },
    });
    await subscription.ready;
    for (let n = 0; n < 25; n += 1) model.publish('file_change', { path: String(n) });
    await until(() => subscription.state === 'ended', 'the end');
    const { items, ended } = collect(subscription);
    const error = await ended;
    expect(error).toBeInstanceOf(SubscriptionError);
    expect(error).toMatchObject({ reason: 'buffer_overflow', position: { epoch: 'e1', sequenceId: 10 } });
    expect(items.length).toBe(10);
  });
});
