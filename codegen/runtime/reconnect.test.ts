import { describe, expect, test } from 'vitest';
import { ConnectionError, TidemarkError } from './errors.ts';
import { until } from './testing/fake-server.ts';
import type { Script } from './testing/fake-server.ts';
import { clientOf, collect, fakeServer, modelServer, rejection } from './testing/harness.ts';
import type { Frame } from './wire.ts';

describe('close codes', () => {
  test.each([4000, 4003, 4006, 4008, 1008])(
    '%i: the client stops, and every pending call gets the reason',
    async (code) => {
      const { server } = await modelServer();
      const client = clientOf(server);
      const subscription = client.subscribe({ events: ['*'] });
      await subscription.ready;
      const { ended } = collect(subscription);
      const closed = new Promise((resolve) => client.on('closed', resolve));
      server.connections[0]?.close(code, 'because');
      expect(await closed).toMatchObject({ code, class: 'do-not-retry', willReconnect: false });
      expect(await ended).toMatchObject({ name: 'ConnectionError', reason: 'refused', closeCode: code });
      expect(client.state).toBe('closed');
      expect(await rejection(client.ping())).toBeInstanceOf(ConnectionError);
    },
  );

  test.each([4200, 4201, 4202, 4203, 4204, 4205, 1000, 1001, 1011, 1012, 1013])(
    '%i: the client reconnects and resumes',
    async (code) => {
      const { server, model } = await modelServer();
      const client = clientOf(server);
      const subscription = client.subscribe({ events: ['file_change'], replay: { mode: 'none' } });
      const { items } = collect(subscription);
      await subscription.ready;
      model.publish('file_change', { path: 'a' });
      await until(() => items.length === 1, 'the first event');
      server.connections[0]?.close(code);
      const second = await server.connection(2);
      const { data } = await second.take('subscribe');
      expect(data.replay).toEqual({ mode: 'resume', after: { epoch: 'e1', sequenceId: 1 } });
    },
  );

  test('4300: the client reconnects without a position, and reports the loss', async () => {
    const { server, model } = await modelServer();
    const client = clientOf(server);
    const subscription = client.subscribe({ events: ['entity_created'], gaps: 'inline' });
    const { items } = collect(subscription);
    model.publish('entity_created', { id: 'x' });
    await until(() => items.length === 1, 'the entity');
    await subscription.caughtUp;
    server.connections[0]?.close(4300);
    const second = await server.connection(2);
    expect((await second.take('subscribe')).data.replay).toEqual({ mode: 'warm' });
    await until(() => items.length === 3, 'the gap and the picture');
    expect(items[1]).toMatchObject({ kind: 'gap', reason: 'state_invalidated', noticedBy: 'client' });
    expect(items[2]).toMatchObject({ event: 'entity_created', isReplay: true, sequenceId: 1 });
  });

  test('a closing push takes effect even when its close frame is lost', async () => {
    const { server } = await modelServer();
    const client = clientOf(server, { backoff: { minMs: 10_000, maxMs: 10_000 }, random: () => 1 });
    const closing = new Promise((resolve) => client.on('closing', resolve));
    const delays: number[] = [];
    client.on('reconnecting', ({ delayMs }) => delays.push(delayMs));
    await client.connect();
    server.connections[0]?.send('closing', { code: 4200, name: 'shutdown', retryable: true, retryAfterMs: 140 });
    await closing;
    const droppedAt = performance.now();
    server.connections[0]?.drop();
    (await server.connection(2)).drop();
    expect(performance.now() - droppedAt).toBeGreaterThan(135);
    await until(() => delays.length === 2, 'the second drop');
    expect(delays).toEqual([140, 10_000]);
  });

  test('a connection that was ready before it broke does not count as a failed attempt', async () => {
    const { server } = await modelServer();
    const client = clientOf(server, { maxAttempts: 1 });
    void client.connect();
    for (const nth of [1, 2, 3]) {
      const connection = await server.connection(nth);
      await client.connect();
      connection.drop();
    }
    expect(await server.connection(4)).toMatchObject({ isOpen: true });
  });

  test('the wait grows with each connection that does not last, and is reset after one that did', async () => {
    const { server } = await modelServer();
    const client = clientOf(server, { backoff: { minMs: 2, maxMs: 100 }, random: () => 1, stableAfterMs: 1_000 });
    const delays: number[] = [];
    client.on('reconnecting', ({ delayMs }) => delays.push(delayMs));
    void client.connect();
    for (const nth of [1, 2, 3]) {
      (await server.connection(nth)).drop();
      await server.connection(nth + 1);
    }
    await client.connect();
    await new Promise((resolve) => setTimeout(resolve, 1_020));
    server.connections[3]?.drop();
    await server.connection(5);
    expect(delays).toEqual([2, 4, 8, 2]);
  });
});

describe('silence', () => {
  test('of more than two heartbeat intervals ends the connection', async () => {
    const server = await fakeServer({ heartbeatIntervalMs: 40 });
    const client = clientOf(server);
    const closed = new Promise((resolve) => client.on('closed', resolve));
    await client.connect();
    server.connections[0]?.freeze();
    const from = performance.now();
    expect(await closed).toMatchObject({ code: 1006, willReconnect: true });
    expect(performance.now() - from).toBeGreaterThan(60);
    await server.connection(2);
  });

  test('is broken by any message', async () => {
    const { server, model } = await modelServer({ heartbeatIntervalMs: 400 });
    const client = clientOf(server);
    await client.connect();
    const connection = await server.connection(1);
    for (let n = 0; n < 6; n += 1) {
      await new Promise((resolve) => setTimeout(resolve, 200));
      model.heartbeat(connection);
    }
    expect([client.state, server.connections.length]).toEqual(['open', 1]);
  });
});

describe('credentials', () => {
  test('the token is sent first, and every other command waits for its reply', async () => {
    const server = await fakeServer();
    const client = clientOf(server, { token: 'secret' });
    client.subscribe({ events: ['*'] });
    const connection = await server.connection(1);
    const authenticate = await connection.take('authenticate');
    expect(authenticate.data).toEqual({ token: 'secret' });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(connection.commands.length).toBe(1);
    connection.reply(authenticate, 'authenticated', { principal: { id: 'user:ana' } });
    await connection.take('subscribe');
  });

  test('an API key is sent in the same way', async () => {
    const server = await fakeServer();
    void clientOf(server, { apiKey: 'tm_1' })
      .connect()
      .catch(() => undefined);
    expect((await (await server.connection(1)).take('authenticate')).data).toEqual({ apiKey: 'tm_1' });
  });

  test('41xx: the token function is called again, and subscriptions continue', async () => {
    const { server, model } = await modelServer();
    let fetched = 0;
    const client = clientOf(server, { token: async () => `t${(fetched += 1)}` });
    const subscription = client.subscribe({ events: ['file_change'], replay: { mode: 'none' } });
    const { items } = collect(subscription);
    await subscription.ready;
    server.connections[0]?.close(4100);
    const second = await server.connection(2);
    expect((await second.take('authenticate')).data).toEqual({ token: 't2' });
    await until(() => subscription.recovered === true, 'the resume');
    model.publish('file_change', { path: 'a' });
    await until(() => items.length === 1, 'the event');
  });

  test('41xx with a fixed token stops the client, because the token cannot be renewed', async () => {
    const { server } = await modelServer();
    const client = clientOf(server, { token: 'fixed' });
    await client.connect();
    const { ended } = collect(client.subscribe({ events: ['*'] }));
    server.connections[0]?.close(4100);
    expect(await ended).toMatchObject({ reason: 'refused', closeCode: 4100 });
  });

  test('after a rejected token, the token function is called once more; a second rejection is final', async () => {
    const server = await fakeServer({
      script: (connection, command) => connection.refuse(command, { code: 'unauthenticated' }),
    });
    let fetched = 0;
    const client = clientOf(server, { token: () => `t${(fetched += 1)}` });
    const error = await rejection(client.connect());
    expect(error).toBeInstanceOf(TidemarkError);
    expect(error).toMatchObject({ code: 'unauthenticated' });
    expect([fetched, server.connections.length, client.state]).toEqual([2, 2, 'closed']);
  });

  test('a server that cannot verify the token yet is retried after its retryAfterMs', async () => {
    const server = await fakeServer({
      script: (connection, command) => {
        if (server.connections.length > 1) connection.reply(command, 'authenticated', { principal: { id: 'u' } });
        else connection.refuse(command, { code: 'broker_unavailable', retryable: true, retryAfterMs: 115 });
      },
    });
    const client = clientOf(server, { token: 'fixed' });
    const delays: number[] = [];
    client.on('reconnecting', ({ delayMs }) => delays.push(delayMs));
    await client.connect();
    expect(delays).toEqual([115]);
  });

  test('a token function that fails is called again later', async () => {
    const { server } = await modelServer();
    let calls = 0;
    const client = clientOf(server, {
      token: () => {
        calls += 1;
        if (calls < 3) throw new Error('no network');
        return 'ok';
      },
    });
    const errors: Error[] = [];
    client.on('error', (error) => errors.push(error));
    await client.connect();
    expect([calls, errors.length, server.connections.length]).toEqual([3, 2, 1]);
    expect(errors[0]?.cause).toMatchObject({ message: 'no network' });
  });

  test('a client that is closed when its token function fails does not connect again', async () => {
    const server = await fakeServer();
    const client = clientOf(server, {
      token: () => {
        throw new Error('no network');
      },
    });
    client.on('error', () => void client.close());
    expect(await rejection(client.connect())).toMatchObject({ reason: 'client_closed' });
    expect(client.state).toBe('closed');
  });

  test('after a rejected token, close() resolves when the connection is closed', async () => {
    const server = await fakeServer({
      script: (connection, command) => connection.refuse(command, { code: 'unauthenticated' }),
    });
    const client = clientOf(server, { token: 'fixed' });
    expect(await rejection(client.connect())).toBeInstanceOf(TidemarkError);
    await client.close();
    expect(server.connections[0]?.isOpen).toBe(false);
  });

  test.each([
    ['token', { token: 'old' }],
    ['API key', { apiKey: 'tm_1' }],
  ])('authenticate replaces the %s of the connection and of later ones', async (_name, credential) => {
    const { server } = await modelServer();
    const client = clientOf(server, credential);
    await client.connect();
    expect((await client.authenticate('new')).principal.id).toBe('user:ana');
    server.connections[0]?.drop();
    const second = await server.connection(2);
    expect((await second.take('authenticate')).data).toEqual({ token: 'new' });
  });

  test('a token is renewed before it expires, without a new connection', async () => {
    let fetched = 0;
    const server = await fakeServer({
      script: acceptFor(({ token }) => (token === 't1' ? 3_000 : 3_600_000)),
    });
    const client = clientOf(server, { token: () => `t${(fetched += 1)}` });
    await client.connect();
    const connection = await server.connection(1);
    await connection.take('authenticate');
    expect((await connection.take('authenticate')).data).toEqual({ token: 't2' });
    expect(server.connections.length).toBe(1);
  });

  test('a token that the application sends is renewed before it expires too', async () => {
    let fetched = 0;
    const server = await fakeServer({ script: acceptFor(({ token }) => (token === 'own' ? 3_000 : 3_600_000)) });
    const client = clientOf(server, { token: () => `t${(fetched += 1)}` });
    let authenticated = 0;
    client.on('authenticated', () => (authenticated += 1));
    await client.connect();
    await client.authenticate('own');
    expect(authenticated).toBe(2);
    const connection = await server.connection(1);
    for (const token of ['t1', 'own', 't2']) expect((await connection.take('authenticate')).data).toEqual({ token });
    expect(server.connections.length).toBe(1);
  });

  test('a client that is closed as soon as its token is accepted fetches no other token', async () => {
    let fetched = 0;
    const server = await fakeServer({ script: acceptFor(() => 3_000) });
    const client = clientOf(server, { token: () => `t${(fetched += 1)}` });
    client.on('authenticated', () => void client.close());
    await rejection(client.connect());
    // The renewal of a later client shows that the renewal of the first one would be due.
    await clientOf(server, { token: () => 'other' }).connect();
    const other = await server.connection(2);
    await other.take('authenticate');
    await other.take('authenticate');
    expect(fetched).toBe(1);
  });
});

/** A script that accepts every credential, for as long as the function returns, in milliseconds. */
function acceptFor(lifeOf: (credential: Frame['data']) => number): Script {
  return (connection, command) => {
    const expiresAt = new Date(Date.now() + lifeOf(command.data)).toISOString();
    connection.reply(command, 'authenticated', { principal: { id: 'user:ana', expiresAt } });
  };
}
