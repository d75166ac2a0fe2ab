/**
 * How a node shuts down (CON-5): it accepts no new clients, asks all clients to reconnect after a delay, and finally ends every connection.
 */
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import type { Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { openAuthenticator } from '../auth/authenticator.ts';
import { MemoryBroker } from '../broker/memory.ts';
import { RedisProcess } from '../broker/testing/redis-process.ts';
import { resolveOptions } from '../options.ts';
import { RawClient } from '../testing/raw-client.ts';
import { rollingRestart } from '../testing/rolling-restart.ts';
import { PATIENCE, connect, onCleanup, serve } from '../testing/rig.ts';
import type { Served } from '../testing/rig.ts';

/** Connects a client that reads everything, but never answers, not even to a close frame. */
async function deaf({ port, gateway }: Served): Promise<Socket> {
  const before = gateway.health().connections;
  const socket = connectTcp(port, '127.0.0.1');
  onCleanup(() => void socket.destroy());
  await once(socket, 'connect');
  socket.on('data', () => undefined);
  socket.on('error', () => undefined);
  const headers = ['Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 13'];
  socket.write(
    `GET /ws HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n${headers.join('\r\n')}\r\nSec-WebSocket-Key: ${Buffer.alloc(16).toString('base64')}\r\n\r\n`,
  );
  await vi.waitFor(() => expect(gateway.health().connections).toBe(before + 1), PATIENCE);
  return socket;
}

describe('a node that drains', () => {
  test('is reported as not ready and accepts no new clients while it waits for the last client', async () => {
    const served = await serve();
    await deaf(served);
    const closed = served.gateway.close({ drainMs: 60_000 });
    const ready = await fetch(`${served.httpUrl}/readyz`);
    expect([ready.status, ready.headers.get('retry-after'), await ready.json()]).toEqual([
      503,
      '2',
      { status: 'draining' },
    ]);
    expect((await fetch(`${served.httpUrl}/healthz`)).status).toBe(200);
    expect(served.gateway.health()).toMatchObject({ status: 'draining', connections: 1 });
    const refused = await RawClient.refused(served.url);
    expect([refused.status, refused.headers['retry-after']]).toEqual([503, '2']);
    expect(JSON.parse(refused.body)).toMatchObject({ type: 'error', data: { code: 'rate_limited', retryable: true } });
    await served.gateway.close({ drainMs: 0 });
    await closed;
  });

  test('sends each client its positions, then closing, and spreads their reconnects', async () => {
    const { gateway, url } = await serve();
    const all = await Promise.all(Array.from({ length: 120 }, () => connect(url)));
    for (const client of all) await client.call('subscribe', { events: ['tick'] });
    for (let n = 0; n < 3; n += 1) await gateway.publish('tick', { n });
    await gateway.close();
    const codes = await Promise.all(all.map(async (client) => (await client.closed).code));
    expect(new Set(codes)).toEqual(new Set([4200]));
    for (const { frames } of all) {
      expect(frames.slice(-2)).toMatchObject([
        { type: 'heartbeat', data: { delivered: 3, positions: [{ stream: 'main', sequenceId: 3 }] } },
        { type: 'closing', data: { code: 4200, name: 'shutdown', retryable: true } },
      ]);
    }
    const waits = all.map(({ frames }) => Number(frames.at(-1)?.data['retryAfterMs'])).toSorted((a, b) => a - b);
    expect(waits[0]).toBeLessThan(250);
    expect(waits.at(-1)).toBeGreaterThan(750);
    expect(waits.at(-1)).toBeLessThanOrEqual(1000);
    expect(new Set(waits).size).toBeGreaterThan(60);
  });

  test('spreads the reconnects of many clients over more time than those of few', async () => {
    const { gateway, url } = await serve({ limits: { acceptsPerSecond: 40 }, random: () => 0.999 });
    const all = await Promise.all(Array.from({ length: 40 }, () => connect(url)));
    await gateway.close();
    const closing = await all[0]?.find((each) => each.type === 'closing');
    // Reconnecting clients may use half of the forty accepts per second, so the forty clients reconnect over two seconds.
    expect(closing?.data['retryAfterMs']).toBe(1998);
  });

  test('cuts the remaining connections at the end of the drain', async () => {
    const served = await serve();
    const socket = await deaf(served);
    const start = performance.now();
    const [gone] = await Promise.all([once(socket, 'close'), served.gateway.close({ drainMs: 300 })]);
    expect(gone).toEqual([false]);
    expect(performance.now() - start).toBeGreaterThan(290);
    expect(performance.now() - start).toBeLessThan(30_000);
  });

  test('stops immediately at a second close', async () => {
    const served = await serve();
    const [one, two] = [await deaf(served), await deaf(served)];
    const closed = served.gateway.close({ drainMs: 60_000 });
    const start = performance.now();
    await Promise.all([once(one, 'close'), once(two, 'close'), served.gateway.close({ drainMs: 0 }), closed]);
    expect(performance.now() - start).toBeLessThan(30_000);
  });

  test('does not accept a client whose credential was still being checked', async () => {
    let answer: () => void = () => undefined;
    const asked = new Promise<void>((resolve) => {
      answer = resolve;
    });
    let askedFor = 0;
    const open = openAuthenticator();
    const authenticator = {
      ...open,
      anonymous: open.anonymous,
      required: true,
      authenticate: async () => {
        askedFor += 1;
        await asked;
        return open.anonymous;
      },
    };
    const served = await serve({ authenticator });
    await deaf(served);
    const refused = RawClient.refused(served.url, { headers: { authorization: 'Bearer x.y.z' } });
    await vi.waitFor(() => expect(askedFor).toBe(1), PATIENCE);
    const closed = served.gateway.close({ drainMs: 60_000 });
    answer();
    expect((await refused).status).toBe(503);
    await served.gateway.close({ drainMs: 0 });
    await closed;
  });

  test('does not wait for a client whose commands it has stopped reading', async () => {
    const { limits, events } = resolveOptions({});
    class StuckBroker extends MemoryBroker {
      override sync(): Promise<void> {
        return new Promise(() => undefined);
      }
    }
    const { gateway, url } = await serve({ broker: new StuckBroker({ limits, events }) });
    const client = await connect(url);
    for (let n = 0; n < 90; n += 1) client.sendText('{"type":"subscribe","data":{"events":["tick"]}}');
    const other = await connect(url);
    await other.call('ping');
    await gateway.close({ drainMs: 30_000 });
    expect((await client.closed).code).toBe(4200);
  });
});

describe('a rolling restart of two nodes on one Redis', () => {
  let redis: RedisProcess;
  beforeAll(async () => {
    redis = await RedisProcess.start();
  });
  afterAll(() => redis.stop());

  test('loses no event for a hundred clients, which reconnect at most as fast as a node accepts them', async () => {
    const limits = { acceptsPerSecond: 200 };
    const result = await rollingRestart({ redisUrl: redis.url, clients: 100, limits, everyMs: 10 });
    expect(result.reports.filter((each) => each.holes + each.duplicates + each.gaps > 0)).toEqual([]);
    expect(result.reports.filter((each) => each.connections < 2)).toEqual([]);
    expect(result.peakArrivalsPerSecond).toBeLessThanOrEqual(limits.acceptsPerSecond);
    expect(result.failedAttempts).toBeLessThan(result.arrivals / 10);
  });
});
