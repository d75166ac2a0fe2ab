import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { diagnose } from './diagnose.ts';
import { until } from './testing/fake-server.ts';
import { clientOf, fakeServer, modelServer } from './testing/harness.ts';

/** An HTTP server that opens no WebSocket. */
async function httpServer(statusOf: (path: string) => number, body = ''): Promise<{ readonly url: string }> {
  const server = createServer((request, response) => {
    response.writeHead(statusOf(request.url ?? ''), { 'content-type': 'application/json' }).end(body);
  });
  server.on('upgrade', (_request, socket) => socket.end('HTTP/1.1 403 Forbidden\r\n\r\n'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/ws` };
}

describe('the diagnosis of a client', () => {
  test('counts connections, gaps and failed attempts, and shows how the latest socket ended', async () => {
    const { server, model } = await modelServer();
    const client = clientOf(server);
    expect(client.diagnosis).toMatchObject({ state: 'idle', connections: 0, reconnects: 0, problem: undefined });
    const subscription = client.subscribe({ events: ['*'], replay: { mode: 'none' } });
    await subscription.ready;
    (await server.connection(1)).close(4200, 'shutdown');
    await until(() => client.diagnosis.reconnects === 1, 'the reconnect');
    await until(() => subscription.state === 'live', 'the resume');
    model.loseEpoch('e2');
    await until(() => client.diagnosis.gaps === 1, 'the gap');
    expect(client.diagnosis).toMatchObject({
      url: server.url,
      state: 'open',
      connections: 2,
      failedAttempts: 0,
      lastClose: { code: 4200, class: 'retry-resume', opened: true, willReconnect: true },
      losses: 0,
      problem: undefined,
      subscriptions: [{ id: subscription.id, stream: 'main', state: 'live', gapCount: 1 }],
    });
  });

  test('shows how far a reader is behind the newest event of its stream', async () => {
    const { server, model } = await modelServer();
    const client = clientOf(server);
    const subscription = client.subscribe({ events: ['file_change'], replay: { mode: 'none' } });
    expect(subscription.lag).toBeUndefined();
    await subscription.ready;
    for (const path of ['a', 'b', 'c']) model.publish('file_change', { path });
    await until(() => subscription.buffered === 3, 'three events');
    expect(client.diagnosis.subscriptions).toMatchObject([{ lag: 3, buffered: 3 }]);
    const iterator = subscription[Symbol.asyncIterator]();
    for (const lag of [2, 1, 0]) {
      await iterator.next();
      expect(subscription.lag).toBe(lag);
    }
  });

  test('reports that no WebSocket was opened, and how to find the reason', async () => {
    const gone = await fakeServer();
    await gone.close();
    const client = clientOf(gone, { maxAttempts: 2 });
    await expect(client.connect()).rejects.toThrow(/failed attempts: 2\. .*diagnose\(client\)/);
    const { problem, failedAttempts, lastClose } = client.diagnosis;
    expect(problem).toMatch(/No WebSocket was opened .* diagnose\(client\)/);
    expect([failedAttempts, lastClose?.opened]).toEqual([1, false]);
  });
});

describe('diagnose', () => {
  test('has nothing to report about a client that is connected or unused', async () => {
    const { server } = await modelServer();
    const client = clientOf(server);
    expect(await diagnose(client)).toMatchObject({ cause: 'none', diagnosis: { state: 'idle' } });
    await client.connect();
    expect(await diagnose(client)).toMatchObject({ cause: 'none', diagnosis: { state: 'open' } });
  });

  test('distinguishes a rejected credential from a connection that the server ended', async () => {
    const refusing = await fakeServer({ script: (to, command) => to.refuse(command, { code: 'unauthenticated' }) });
    const client = clientOf(refusing, { token: 'wrong' });
    await client.connect().catch(() => undefined);
    expect(await diagnose(client)).toMatchObject({
      cause: 'credentials',
      advice: expect.stringMatching(/unauthenticated: refused.*token/),
    });
    const { server } = await modelServer();
    const closed = clientOf(server);
    await closed.connect();
    (await server.connection(1)).close(4000, 'bad frames');
    await until(() => closed.state === 'closed', 'the end');
    expect(await diagnose(closed)).toMatchObject({
      cause: 'closed',
      advice: expect.stringContaining('4000 bad frames'),
    });
  });

  test('does not report the credential as the cause of an unrelated error', async () => {
    const busy = await fakeServer({
      script: (to, command) => to.refuse(command, { code: 'rate_limited', retryable: true, retryAfterMs: 60_000 }),
    });
    const client = clientOf(busy, { token: 'good' });
    client.connect().catch(() => undefined);
    await until(() => client.diagnosis.lastClose !== undefined, 'the end of the connection');
    expect(await diagnose(client)).toMatchObject({
      cause: 'closed',
      advice: expect.stringMatching(/ended with .*The latest error is rate_limited: refused/),
    });
  });

  test.each([
    [404, 'path'],
    [403, 'credentials'],
    [426, 'unknown'],
    [200, 'unknown'],
  ])('reads the status %i of the address, without an origin, as %s', async (status, cause) => {
    const client = clientOf(await httpServer(() => status), { maxAttempts: 1 });
    await client.connect().catch(() => undefined);
    expect(await diagnose(client)).toMatchObject({ cause, advice: expect.any(String) });
  });

  test.each([
    ['{"channels":{"connection":{"address":"/ws"}}}', 'origin', /--allow-origin https:\/\/ide\.example/],
    ['{"channels":{"connection":{"address":"/events"}}}', 'path', /is at \/events, not at \/ws/],
  ])('reads the contract %s across origins as %s', async (contract, cause, advice) => {
    const origin = 'http://ide.example'.replace('http:', 'https:');
    const server = await httpServer((path) => (path === '/asyncapi.yaml' ? 200 : 404), contract);
    const client = clientOf(server, { maxAttempts: 1 });
    await client.connect().catch(() => undefined);
    expect(await diagnose(client, { origin })).toMatchObject({ cause, advice: expect.stringMatching(advice) });
  });

  test('reports a server without a contract, no server, and a page that may not use ws:', async () => {
    const other = clientOf(await httpServer(() => 404), { maxAttempts: 1 });
    await other.connect().catch(() => undefined);
    expect(await diagnose(other, { origin: 'http://ide.example' })).toMatchObject({ cause: 'unknown' });
    const gone = await fakeServer();
    await gone.close();
    const client = clientOf(gone, { maxAttempts: 1 });
    await client.connect().catch(() => undefined);
    for (const origin of [undefined, 'http://ide.example'])
      expect(await diagnose(client, { origin })).toMatchObject({ cause: 'unreachable' });
    const diagnosis = { ...client.diagnosis, url: 'ws://gateway.example/ws' };
    expect(await diagnose({ diagnosis }, { origin: 'https://ide.example' })).toMatchObject({ cause: 'mixed-content' });
  });
});
