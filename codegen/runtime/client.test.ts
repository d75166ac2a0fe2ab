import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { WebSocket as WsWebSocket } from 'ws';
import { ConnectionError, ProtocolViolation, TidemarkError } from './errors.ts';
import { until } from './testing/fake-server.ts';
import { clientOf, fakeServer, modelServer, rejection } from './testing/harness.ts';
import { SampleClient } from './testing/sample-client.ts';

/** The error that a function throws, with everything that a log may show of it. */
function shown(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    return inspect(error, { depth: Infinity, showHidden: true });
  }
  throw new Error('no error was thrown');
}

describe('connecting', () => {
  test('connects on first use, and resolves with the welcome', async () => {
    const { server } = await modelServer();
    const client = clientOf(server);
    const seen: string[] = [];
    for (const name of ['connecting', 'open', 'welcome', 'ready'] as const) client.on(name, () => seen.push(name));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect([client.state, server.connections.length]).toEqual(['idle', 0]);
    expect((await client.connect()).connectionId).toBe('n1');
    expect([client.state, ...seen]).toEqual(['open', 'connecting', 'open', 'welcome', 'ready']);
    expect((await client.connect()).connectionId).toBe('n1');
  });

  test('subscribes before the welcome, which a server may send late', async () => {
    const server = await fakeServer({ greet: 'no' });
    clientOf(server).subscribe({ events: ['file_change'] });
    const connection = await server.connection(1);
    expect((await connection.take('subscribe')).data.events).toEqual(['file_change']);
  });

  test('works with another WebSocket class', async () => {
    const { server } = await modelServer();
    expect(await clientOf(server, { WebSocket: WsWebSocket }).ping()).toHaveProperty('time');
  });

  test('retries until the server is reachable', async () => {
    const first = await fakeServer();
    const port = Number(new URL(first.url).port);
    await first.close();
    const client = clientOf(first);
    const delays: number[] = [];
    client.on('reconnecting', ({ delayMs }) => delays.push(delayMs));
    const welcome = client.connect();
    await until(() => delays.length >= 3, 'three attempts');
    await fakeServer({ port });
    await welcome;
    expect(Math.max(...delays)).toBeLessThanOrEqual(20);
  });

  test('gives up after maxAttempts attempts', async () => {
    const server = await fakeServer();
    await server.close();
    const client = clientOf(server, { maxAttempts: 3 });
    const attempts: number[] = [];
    client.on('connecting', ({ attempt }) => attempts.push(attempt));
    const subscription = client.subscribe({ events: ['*'] });
    const error = await rejection(client.ping());
    expect(error).toMatchObject({ name: 'ConnectionError', reason: 'unreachable' });
    expect(await rejection(subscription.ready)).toBe(error);
    expect([client.state, ...attempts]).toEqual(['closed', 1, 2, 3]);
  });

  test('gives up on a server that accepts the connection and then sends nothing', async () => {
    const server = await fakeServer({ greet: 'no' });
    const client = clientOf(server, { openTimeoutMs: 30 });
    void client.connect().catch(() => undefined);
    expect(await server.connection(2)).toMatchObject({ isOpen: true });
  });

  test.each([
    'ftp://localhost/ws',
    'ws://localhost/ws?access_token=s3cret',
    'ws://ana:s3cret@localhost/ws',
    'ftp://ana:s3cret@localhost/ws',
    'ws://ana:s3cret@localhost:99999/ws',
    'ws://ana:s3cret/ws',
    'ana:s3cret@localhost',
    'localhost:7400/ws',
  ])('rejects the address %s immediately, and does not repeat a secret', (url) => {
    const make = (): unknown => new SampleClient({ url });
    expect(make).toThrow(TypeError);
    expect(shown(make)).not.toContain('s3cret');
  });

  test.each(['HTTP://localhost/ws', ' ws://localhost/ws', 'ws://LOCALHOST/ws#top', new URL('http://localhost/ws')])(
    'reads the address %s as one for a WebSocket',
    (url) => {
      expect(new SampleClient({ url }).diagnosis.url).toBe('ws://localhost/ws');
    },
  );
});

describe('commands', () => {
  test('resolve with the reply of their own id, whatever the order of the replies', async () => {
    const server = await fakeServer();
    const client = clientOf(server);
    const [a, b] = [client.sync('main'), client.sync('main')];
    const connection = await server.connection(1);
    const first = await connection.take('sync');
    const second = await connection.take('sync');
    expect(first.id).not.toBe(second.id);
    connection.reply(second, 'synced', { stream: 'main', position: { epoch: 'e', sequenceId: 2 } });
    connection.reply(first, 'synced', { stream: 'main', position: { epoch: 'e', sequenceId: 1 } });
    expect([(await a).position.sequenceId, (await b).position.sequenceId]).toEqual([1, 2]);
  });

  test('reject with every member of the error', async () => {
    const server = await fakeServer({
      script: (connection, command) =>
        connection.refuse(command, {
          code: 'rate_limited',
          retryable: true,
          retryAfterMs: 400,
          pointer: '/data/event',
        }),
    });
    const error = await rejection(clientOf(server).broadcast({ event: 'x', payload: {} }));
    expect(error).toBeInstanceOf(TidemarkError);
    expect(error).toMatchObject({ code: 'rate_limited', retryable: true, retryAfterMs: 400, pointer: '/data/event' });
  });

  test('each send the members that the contract names', async () => {
    const { server } = await modelServer();
    const client = clientOf(server);
    await client.subscribe({ events: ['file_change'], subscriptionId: 'mine' }).ready;
    expect((await client.listSubscriptions()).items).toEqual([{ subscriptionId: 'mine' }]);
    expect(await client.broadcast({ event: 'file_change', payload: { path: 'a' } })).toMatchObject({ sequenceId: 1 });
    expect((await client.sync('main')).position).toEqual({ epoch: 'e1', sequenceId: 1 });
    expect(await client.command('ping', {})).toHaveProperty('time');
  });

  test('without a reply in time reject, and a late reply is ignored', async () => {
    const server = await fakeServer();
    const client = clientOf(server);
    const errors: Error[] = [];
    client.on('error', (error) => errors.push(error));
    const error = await rejection(client.ping({ timeoutMs: 60 }));
    expect(error).toMatchObject({ name: 'ConnectionError', reason: 'timeout', retryable: true });
    const connection = await server.connection(1);
    connection.reply(await connection.take('ping'), 'pong', { time: '' });
    const next = client.ping();
    connection.reply(await connection.take('ping'), 'pong', { time: 'now' });
    expect([(await next).time, errors.length]).toEqual(['now', 0]);
  });

  test('that were sent when the connection ended are not sent again', async () => {
    const server = await fakeServer();
    const client = clientOf(server);
    const reply = rejection(client.broadcast({ event: 'x', payload: {} }));
    const connection = await server.connection(1);
    await connection.take('broadcast');
    connection.drop();
    expect(await reply).toMatchObject({ reason: 'connection_lost', closeCode: 1006, closeClass: 'retry-resume' });
    const second = await server.connection(2);
    void client.ping().catch(() => undefined);
    await second.take('ping');
    expect(second.commands.map(({ type }) => type)).toEqual(['ping']);
  });

  test('that wait for a connection are sent on the next one', async () => {
    const { server } = await modelServer();
    const client = clientOf(server);
    await client.connect();
    server.connections[0]?.drop();
    await until(() => client.state === 'reconnecting', 'the drop');
    expect(await client.ping()).toHaveProperty('time');
    expect(server.connections.length).toBe(2);
  });

  test('that are aborted reject with the reason, sent or not', async () => {
    const server = await fakeServer();
    const client = clientOf(server);
    const reason = new Error('enough');
    expect(await rejection(client.ping({ signal: AbortSignal.abort(reason) }))).toBe(reason);
    const controller = new AbortController();
    const pending = rejection(client.ping({ signal: controller.signal }));
    const connection = await server.connection(1);
    const command = await connection.take('ping');
    controller.abort(reason);
    expect(await pending).toBe(reason);
    expect(command.id).toBeDefined();
  });

  test('answered with the wrong message reject as a violation', async () => {
    const server = await fakeServer({ script: (connection, command) => connection.reply(command, 'synced', {}) });
    expect(await rejection(clientOf(server).ping())).toBeInstanceOf(ProtocolViolation);
  });
});

describe('closing', () => {
  test('rejects pending calls, ends iterators without an error, and rejects later calls', async () => {
    const server = await fakeServer();
    const client = clientOf(server);
    const pending = rejection(client.ping());
    const subscription = client.subscribe({ events: ['*'] });
    const next = subscription[Symbol.asyncIterator]().next();
    const connection = await server.connection(1);
    await connection.take('ping');
    await client.close();
    expect(await pending).toMatchObject({ reason: 'client_closed', retryable: false });
    expect(await next).toEqual({ done: true, value: undefined });
    await until(() => connection.closeCode !== undefined, 'the close');
    expect([connection.closeCode, client.state]).toEqual([1000, 'closed']);
    expect(await rejection(client.ping())).toBeInstanceOf(ConnectionError);
    expect(await rejection(client.connect())).toBeInstanceOf(ConnectionError);
    expect(() => client.subscribe({ events: ['*'] })).toThrow(ConnectionError);
  });

  test('while waiting for the next attempt cancels it', async () => {
    const server = await fakeServer();
    const client = clientOf(server, { backoff: { minMs: 30, maxMs: 30 }, random: () => 1 });
    await client.connect();
    server.connections[0]?.drop();
    await until(() => client.state === 'reconnecting', 'the drop');
    await client.close();
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(server.connections.length).toBe(1);
  });

  test('is safe from any listener', async () => {
    for (const name of ['connecting', 'open', 'welcome', 'closed', 'reconnecting'] as const) {
      const server = await fakeServer();
      const client = clientOf(server);
      client.on(name, () => void client.close());
      const ended = client.connect().catch(() => undefined);
      if (name === 'closed' || name === 'reconnecting') {
        await ended;
        server.connections[0]?.drop();
      }
      await until(() => client.state === 'closed', `the end after "${name}"`);
      await ended;
      expect(server.connections.length).toBeLessThanOrEqual(1);
    }
  });

  test('by the signal rejects calls with its reason, and ends loops without an error', async () => {
    const server = await fakeServer();
    const controller = new AbortController();
    const client = clientOf(server, { signal: controller.signal });
    const pending = rejection(client.ping());
    const subscription = client.subscribe({ events: ['*'] });
    const next = subscription[Symbol.asyncIterator]().next();
    const reason = new Error('shutting down');
    controller.abort(reason);
    expect(await pending).toBe(reason);
    expect(await next).toEqual({ done: true, value: undefined });
    expect(await rejection(subscription.ready)).toBe(reason);
    expect(client.state).toBe('closed');
  });

  test('a listener that throws stops neither the others nor the client', async () => {
    const { server } = await modelServer();
    const client = clientOf(server);
    const uncaught = new Promise((resolve) => process.once('uncaughtException', resolve));
    const keep = process
      .listeners('uncaughtException')
      .filter((l) => l !== process.listeners('uncaughtException').at(-1));
    for (const listener of keep) process.removeListener('uncaughtException', listener);
    client.on('open', () => {
      throw new Error('listener');
    });
    let opened = 0;
    client.on('open', () => (opened += 1));
    await client.connect();
    expect(await uncaught).toMatchObject({ message: 'listener' });
    for (const listener of keep) process.on('uncaughtException', listener);
    expect(opened).toBe(1);
  });

  test('a listener can be removed, by its function or by a signal', async () => {
    const { server } = await modelServer();
    const client = clientOf(server);
    const seen: string[] = [];
    const controller = new AbortController();
    const off = client.on('open', () => seen.push('off'));
    client.on('open', () => seen.push('signal'), { signal: controller.signal });
    client.on('open', () => seen.push('kept'));
    off();
    controller.abort();
    await client.connect();
    expect(seen).toEqual(['kept']);
  });
});
