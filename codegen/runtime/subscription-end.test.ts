import { describe, expect, test } from 'vitest';
import { SubscriptionError } from './errors.ts';
import { until } from './testing/fake-server.ts';
import { clientOf, collect, fakeServer, modelServer, rejection, take } from './testing/harness.ts';

describe('ending a subscription', () => {
  test('by leaving the loop unsubscribes and frees its state', async () => {
    const { server, model } = await modelServer();
    const client = clientOf(server);
    const subscription = client.subscribe({ events: ['*'], replay: { mode: 'none' } });
    await subscription.ready;
    model.publish('file_change', { path: 'a' });
    model.publish('file_change', { path: 'b' });
    for await (const event of subscription) {
      expect(event.sequenceId).toBe(1);
      break;
    }
    await until(() => model.subscribers === 0, 'the unsubscribe');
    expect(await take(subscription, 1)).toEqual([]);
    await until(() => client.subscriptions.length === 0, 'released resources');
  });

  test('waits for the server’s reply, and yields nothing meanwhile', async () => {
    const { server, model } = await modelServer();
    const client = clientOf(server);
    const subscription = client.subscribe({ events: ['*'] });
    const { items, ended } = collect(subscription);
    await subscription.caughtUp;
    const done = subscription.unsubscribe();
    model.publish('file_change', { path: 'late' });
    expect(subscription.state).toBe('ended');
    await done;
    expect([await ended, items, client.subscriptions]).toEqual([undefined, [], []]);
  });

  test('in the middle of its replay works like at any other time', async () => {
    const { server, model } = await modelServer();
    for (let n = 0; n < 500; n += 1) model.publish('entity_created', { id: String(n) });
    const client = clientOf(server);
    const subscription = client.subscribe({ events: ['entity_created'] });
    await take(subscription, 3);
    expect(subscription.state).not.toBe('ended');
    await subscription.unsubscribe();
    expect([model.subscribers, await take(subscription, 1)]).toEqual([0, []]);
  });

  test('before its subscribe was answered waits for that reply, so that no subscription is left on the server', async () => {
    const server = await fakeServer();
    const client = clientOf(server);
    const subscription = client.subscribe({ events: ['*'] });
    const connection = await server.connection(1);
    const subscribe = await connection.take('subscribe');
    const done = subscription.unsubscribe();
    expect(await rejection(subscription.ready)).toBeInstanceOf(SubscriptionError);
    await new Promise((resolve) => setTimeout(resolve, 15));
    expect(connection.commands.length).toBe(1);
    const position = { epoch: 'e', sequenceId: 0 };
    connection.reply(subscribe, 'subscribed', { subscriptionId: 's1', position, recovery: { attempted: false } });
    const unsubscribe = await connection.take('unsubscribe');
    expect(unsubscribe.data).toEqual({ subscriptionId: 's1' });
    connection.reply(unsubscribe, 'unsubscribed', { subscriptionIds: ['s1'] });
    await done;
  });

  test('without a connection resolves, and is not subscribed on the next connection', async () => {
    const { server } = await modelServer();
    const client = clientOf(server);
    const [gone, kept] = [client.subscribe({ events: ['*'] }), client.subscribe({ events: ['*'] })];
    await Promise.all([gone.ready, kept.ready]);
    server.connections[0]?.drop();
    await until(() => client.state === 'reconnecting', 'the drop');
    await gone.unsubscribe();
    const second = await server.connection(2);
    await second.take('subscribe');
    expect(second.commands.map(({ data }) => data.subscriptionId)).toEqual([kept.id]);
  });

  test('frees its id', async () => {
    const { server } = await modelServer();
    const client = clientOf(server);
    for (let n = 0; n < 3; n += 1) {
      const subscription = client.subscribe({ events: ['*'], subscriptionId: 'same' });
      await subscription.ready;
      await subscription.unsubscribe();
    }
    expect(server.connections[0]?.commands.length).toBe(6);
  });

  test('that the server no longer has succeeds', async () => {
    const { server, model } = await modelServer();
    const client = clientOf(server);
    const subscription = client.subscribe({ events: ['*'] });
    await subscription.ready;
    model.script = (connection, command) => connection.refuse(command, { code: 'subscription_not_found' });
    await subscription.unsubscribe();
    expect(client.subscriptions).toEqual([]);
  });

  test('by its signal ends the loop without an error', async () => {
    const { server, model } = await modelServer();
    const client = clientOf(server);
    const controller = new AbortController();
    const subscription = client.subscribe({ events: ['*'], signal: controller.signal });
    await subscription.ready;
    const { ended } = collect(subscription);
    controller.abort(new Error('enough'));
    expect(await ended).toBeUndefined();
    await until(() => model.subscribers === 0, 'the unsubscribe');
  });

  test('by a signal that is already aborted never sends a subscribe', async () => {
    const { server } = await modelServer();
    const client = clientOf(server);
    const reason = new Error('too late');
    const subscription = client.subscribe({ events: ['*'], signal: AbortSignal.abort(reason) });
    expect(await rejection(subscription.ready)).toBe(reason);
    expect(await take(subscription, 1)).toEqual([]);
    expect([client.subscriptions.length, server.connections.length]).toEqual([0, 0]);
  });
});
