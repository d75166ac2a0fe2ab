/** Ends the connection of a client (OPS-8): on one node, on several nodes with a real Redis, and with the command line. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import type { DisconnectRequest, DisconnectResult } from '../../generated/types.ts';
import { httpValidators } from '../../generated/validators.js';
import { redisBroker } from '../broker/redis/redis-broker.ts';
import { RedisProcess } from '../broker/testing/redis-process.ts';
import { CliRunner } from '../testing/cli-process.ts';
import { GatewayProcess } from '../testing/gateway-process.ts';
import type { RawClient } from '../testing/raw-client.ts';
import { PATIENCE, clientOf, collect, connect, onCleanup, serve } from '../testing/rig.ts';
import type { Served } from '../testing/rig.ts';

const NOBODY = '01AAAAAAAAAAAAAAAAAAAAAAAA';

let redis: RedisProcess;
let prefixes = 0;
const home = mkdtempSync(join(tmpdir(), 'tidemark-disconnect-'));
const runner = new CliRunner(home);

beforeAll(async () => {
  redis = await RedisProcess.start();
});
afterEach(() => runner.close());
afterAll(async () => {
  await redis.stop();
  rmSync(home, { recursive: true });
});

async function disconnect(httpUrl: string, request: DisconnectRequest): Promise<DisconnectResult> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${httpUrl}/ws/disconnect`, { method: 'POST', headers, body: JSON.stringify(request) });
  const result: unknown = await response.json();
  expect([result, httpValidators.disconnect_result(result)]).toEqual([result, true]);
  return result as DisconnectResult;
}

async function idOf(client: RawClient): Promise<string> {
  return String((await client.find(({ type }) => type === 'welcome')).data['connectionId']);
}

/** Subscribes a client of the SDK to `tick`. @returns the client, and a function that lists the sequenceIds that it has received */
async function follower(url: string) {
  const client = clientOf(url);
  const subscription = client.subscribe({ events: ['tick'], replay: { mode: 'none' } });
  const events = collect(subscription);
  await subscription.ready;
  return { client, numbers: () => events.map(({ sequenceId }) => sequenceId) };
}

const nodeOn = (nodeId: string, prefix: string): Promise<Served> =>
  serve({ nodeId, broker: redisBroker({ url: `${redis.url}?prefix=${prefix}` }), limits: { commandBurst: 10_000 } });

const freshPrefix = (): string => `d${(prefixes += 1)}`;

describe('a client that an operator disconnects', () => {
  test('reconnects and resumes without loss by default', async () => {
    const { gateway, httpUrl, url } = await serve();
    const { client, numbers } = await follower(url);
    await gateway.publish('tick', {});
    await vi.waitFor(() => expect(numbers()).toEqual([1]), PATIENCE);
    const before = client.welcome?.connectionId ?? '';
    const codes: unknown[] = [];
    client.on('closed', ({ code }) => codes.push(code));
    expect(await disconnect(httpUrl, { connectionId: before })).toEqual({
      disconnected: true,
      nodeId: gateway.nodeId,
      partial: false,
      missingNodes: [],
    });
    await gateway.publish('tick', {});
    await vi.waitFor(() => expect(numbers()).toEqual([1, 2]), PATIENCE);
    expect(codes).toEqual([4205]);
    expect(client.welcome?.connectionId).not.toBe(before);
  });

  test('does not reconnect with `reconnect: false`, and receives its queued messages first', async () => {
    const { gateway, httpUrl, url } = await serve();
    const client = await connect(url);
    await client.call('subscribe', { events: ['tick'], replay: { mode: 'none' } });
    await gateway.publish('tick', {});
    await disconnect(httpUrl, { connectionId: await idOf(client), reconnect: false });
    expect((await client.closed).code).toBe(4009);
    expect(client.frames.map(({ type }) => type).slice(-2)).toEqual(['event', 'closing']);
    await vi.waitFor(async () => expect(await gateway.metrics()).toMatch(/^tidemark_closed_total\{code="4009"\} 1$/m), {
      ...PATIENCE,
      interval: 50,
    });

    const sdk = await follower(url);
    await disconnect(httpUrl, { connectionId: sdk.client.welcome?.connectionId ?? '', reconnect: false });
    await vi.waitFor(() => expect(sdk.client.state).toBe('closed'), PATIENCE);
    // The gateway may notice later than the client that the socket has ended.
    await vi.waitFor(() => expect(gateway.health().connections).toBe(0), PATIENCE);
  });

  test('is disconnected once: a repetition, an unknown id and a closing connection have no effect', async () => {
    const { httpUrl, url } = await serve();
    const [client, other] = [await connect(url), await connect(url)];
    const connectionId = await idOf(client);
    const results = await Promise.all(Array.from({ length: 5 }, () => disconnect(httpUrl, { connectionId })));
    expect(results.filter(({ disconnected }) => disconnected)).toHaveLength(1);
    expect(await disconnect(httpUrl, { connectionId: NOBODY })).toEqual({
      disconnected: false,
      partial: false,
      missingNodes: [],
    });
    expect((await other.call('ping')).type).toBe('pong');
  });

  test('is recorded in the audit log with the principal of the operator', async () => {
    const audit: string[] = [];
    const { httpUrl, url } = await serve({ auditSink: (line) => audit.push(line) });
    const connectionId = await idOf(await connect(url));
    await disconnect(httpUrl, { connectionId });
    const entries = audit.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(entries.filter(({ kind }) => kind === 'disconnect')).toMatchObject([
      { outcome: 'allowed', principal: 'anonymous', remoteAddress: '127.0.0.1', connectionId },
    ]);
  });
});

describe('on several nodes', () => {
  test('a client can be disconnected through any of them; a frozen node is reported until it answers again', async () => {
    const prefix = freshPrefix();
    const [a, b] = [await nodeOn('a', prefix), await nodeOn('b', prefix)];
    const frozen = await GatewayProcess.start({ redisUrl: `${redis.url}?prefix=${prefix}`, nodeId: 'frozen node' });
    onCleanup(() => frozen.kill());
    const [onB, onFrozen] = [await connect(b.url), await connect(frozen.url)];
    expect(await disconnect(a.httpUrl, { connectionId: await idOf(onB) })).toMatchObject({
      disconnected: true,
      nodeId: 'b',
    });
    expect((await onB.closed).code).toBe(4205);
    const there = await idOf(onFrozen);
    frozen.freeze();
    const missing = { disconnected: false, partial: true, missingNodes: ['frozen node'] };
    expect(await disconnect(a.httpUrl, { connectionId: NOBODY })).toEqual(missing);
    // A node that receives the request late still executes it. This does not contradict the answer, which reports the node as missing.
    expect(await disconnect(a.httpUrl, { connectionId: there })).toEqual(missing);
    frozen.thaw();
    expect((await onFrozen.closed).code).toBe(4205);
  });
});

describe('tidemark disconnect', () => {
  test('ends a connection, with exit code 1 for an id that no connection has and 4 without the scope', async () => {
    const { url, gateway } = await serve();
    const env = { TIDEMARK_URL: url };
    const client = await connect(url);
    const id = await idOf(client);
    const done = await runner.finish(['disconnect', id, '--no-reconnect'], { env });
    expect([done.code, done.stdout]).toEqual([
      0,
      `${id} on node ${gateway.nodeId} was disconnected. The client does not reconnect automatically.\n`,
    ]);
    expect((await client.closed).code).toBe(4009);
    const again = await runner.finish(['disconnect', id, '--json'], { env });
    expect([again.code, JSON.parse(again.stdout)]).toEqual([
      1,
      { disconnected: false, partial: false, missingNodes: [] },
    ]);
    expect(again.stderr).toContain(`No open connection has the id ${id}.`);
    expect((await runner.finish(['disconnect', 'everyone'], { env })).code).toBe(2);
  });
});
