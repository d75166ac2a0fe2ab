/** A client that stops reading is disconnected. Its queue in the gateway is limited, and other clients are not affected (BCK-1, BCK-2). */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test, vi } from 'vitest';
import type { Gateway } from '../gateway.ts';
import type { RawClient } from '../testing/raw-client.ts';
import { ReaderFleet } from '../testing/reader-fleet.ts';
import type { ReaderReport } from '../testing/reader.ts';
import { PATIENCE, connect, onCleanup, serve } from '../testing/rig.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** More bytes than the operating system buffers for a loopback connection that is not read. */
const KERNEL_BYTES = 12 * 1024 * 1024;
const TEXT = 'x'.repeat(30_000);

/** Connects a client, creates one subscription, and stops reading. */
async function stall(url: string, subscriptionId = 's'): Promise<RawClient> {
  const client = await connect(url);
  await client.call('subscribe', { subscriptionId, events: ['tick'] });
  client.ws.pause();
  return client;
}

/** Publishes until the condition is true. Yields to the event loop after each event. */
async function publishUntil(gateway: Gateway, holds: () => boolean, text = TEXT): Promise<number> {
  let published = 0;
  while (!holds()) {
    if (published * text.length > 4 * KERNEL_BYTES) throw new Error('Timed out waiting for the condition.');
    await gateway.publish('tick', { text });
    published += 1;
    await new Promise((resolve) => setImmediate(resolve));
  }
  return published;
}

const backpressure = (gateway: Gateway): ReturnType<Gateway['health']>['backpressure'] => gateway.health().backpressure;

describe('a client that does not read', () => {
  test.each([
    ['bytes', { sendQueueBytes: 262_144, sendQueueMessages: 100_000, sendQueueAgeMs: 60_000 }],
    ['messages', { sendQueueBytes: 1_073_741_824, sendQueueMessages: 16, sendQueueAgeMs: 60_000 }],
    ['age', { sendQueueBytes: 1_073_741_824, sendQueueMessages: 100_000, sendQueueAgeMs: 100 }],
  ])(
    'is closed with 4201 past the bound on %s, after `closing`, and a resume repairs everything (BCK-2)',
    async (_bound, limits) => {
      const { gateway, url } = await serve({
        limits: { ...limits, heartbeatIntervalMs: 1000, historyBytes: 256 * 1024 * 1024 },
      });
      const client = await stall(url);
      const published = await publishUntil(gateway, () => backpressure(gateway).closedSlow === 1);
      client.ws.resume();
      expect((await client.closed).code).toBe(4201);
      expect(client.frames.at(-1)).toMatchObject({
        type: 'closing',
        data: { code: 4201, name: 'slow_consumer', retryable: true, retryAfterMs: expect.any(Number) },
      });
      const read = client.events();
      expect(read.map((each) => each['sequenceId'])).toEqual(read.map((_, at) => at + 1));
      const { epoch, sequenceId } = read.at(-1) ?? {};
      const again = await connect(url);
      await again.call('subscribe', { events: ['tick'], replay: { mode: 'resume', after: { epoch, sequenceId } } });
      await again.find((each) => each.type === 'replay_complete');
      const recovered = [...read, ...again.events()].map((each) => each['sequenceId']);
      expect(recovered).toEqual(Array.from({ length: published }, (_, at) => at + 1));
    },
  );

  test('is marked slow past half of a bound: in health, in the metrics and in the list of subscriptions (BCK-2)', async () => {
    const { gateway, url, httpUrl } = await serve({
      limits: { sendQueueBytes: 4 * 1024 * 1024, sendQueueAgeMs: 60_000 },
    });
    await stall(url);
    const reader = await connect(url);
    await reader.call('subscribe', { subscriptionId: 'reader', events: ['tick'] });
    expect(backpressure(gateway)).toEqual({ queuedBytes: 0, slow: 0, closedSlow: 0 });
    await publishUntil(gateway, () => backpressure(gateway).slow === 1);
    const { queuedBytes } = backpressure(gateway);
    expect(queuedBytes).toBeGreaterThan(2 * 1024 * 1024);
    const page = (await (await fetch(`${httpUrl}/ws/subscriptions`)).json()) as { items: Record<string, unknown>[] };
    const [slow, fast] = ['s', 'reader'].map((id) => page.items.find((each) => each['subscriptionId'] === id));
    expect(slow).toMatchObject({ slow: true, queuedBytes });
    expect(slow?.['lag']).toBeGreaterThan(50);
    expect(slow?.['oldestQueuedMs']).toBeGreaterThan(0);
    expect(fast).toMatchObject({ slow: false });
    const metrics = await (await fetch(`${httpUrl}/metrics`)).text();
    expect(metrics).toContain('tidemark_slow_connections 1\n');
    expect(metrics).toContain(`tidemark_longest_queue_bytes ${queuedBytes}\n`);
    expect(metrics).toMatch(/tidemark_oldest_queued_seconds (?!0\n)\d/);
    expect(metrics).toContain('tidemark_closed_slow_total 0\n');
  });

  test('receives no position before its queued replay if it subscribes while its socket is full (CON-7)', async () => {
    const { gateway, url } = await serve({ limits: { sendQueueBytes: 64 * 1024 * 1024, heartbeatIntervalMs: 1000 } });
    const client = await stall(url);
    const published = await publishUntil(gateway, () => backpressure(gateway).queuedBytes > 1024 * 1024);
    const epoch = gateway.health().streams[0]?.position.epoch;
    const replay = { mode: 'resume', after: { epoch, sequenceId: 0 } };
    const second = { subscriptionId: 'late', events: ['tick'], replay };
    const subscribed = client.call('subscribe', second);
    // Another client sends a command later. When that command is answered, the gateway has also received `subscribe`.
    const other = await connect(url);
    await other.call('ping');
    await other.until(() => other.frames.filter(({ type }) => type === 'heartbeat').length >= 1);
    client.ws.resume();
    await subscribed;
    await client.find(({ type, data }) => type === 'replay_complete' && data['subscriptionId'] === 'late');
    await client.until(() => client.frames.at(-1)?.type === 'heartbeat');
    let heartbeats = 0;
    for (const [at, { type, data }] of client.frames.entries()) {
      if (type !== 'heartbeat') continue;
      heartbeats += 1;
      const [position] = data['positions'] as readonly { readonly sequenceId: number }[];
      const begun = client.frames.slice(0, at).filter((each) => each.type === 'subscribed').length;
      const rest = client.frames
        .slice(at)
        .filter((each) => each.type === 'event' && (begun === 2 || each.data['isReplay'] === false));
      for (const each of rest) expect(each.data['sequenceId']).toBeGreaterThan(position?.sequenceId ?? 0);
    }
    expect(heartbeats).toBeGreaterThan(0);
    expect(client.events().length).toBe(2 * published);
  });

  test('receives its replies before queued events (BCK-1)', async () => {
    const { gateway, url } = await serve({ limits: { sendQueueBytes: 64 * 1024 * 1024 } });
    const client = await stall(url);
    const published = await publishUntil(gateway, () => backpressure(gateway).queuedBytes > 8 * 1024 * 1024);
    const pong = client.call('ping');
    // Another client sends a command later. When that command is answered, the gateway has also received `ping`.
    await (await connect(url)).call('ping');
    client.ws.resume();
    await pong;
    expect(client.events().length).toBeLessThan(published - 100);
    await client.until(() => client.events().length === published);
    expect(client.events().map((each) => each['sequenceId'])).toEqual(
      Array.from({ length: published }, (_, at) => at + 1),
    );
  });

  test('cannot fill the memory with replies', async () => {
    const limits = { sendQueueBytes: 262_144, commandsPerSecond: 100_000, commandBurst: 100_000 };
    const { gateway, url } = await serve({ limits });
    const client = await connect(url);
    for (let n = 0; n < 100; n += 1)
      client.sendText(JSON.stringify({ type: 'subscribe', data: { subscriptionId: `s${n}`, events: ['tick'] } }));
    await client.until(() => client.frames.filter((each) => each.type === 'replay_complete').length === 100);
    client.ws.pause();
    let largest = 0;
    for (let n = 0; n < 3000 && backpressure(gateway).closedSlow === 0; n += 1) {
      client.sendText('{"type":"list_subscriptions","data":{}}');
      if (n % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
      largest = Math.max(largest, backpressure(gateway).queuedBytes);
    }
    await vi.waitFor(() => expect(backpressure(gateway).closedSlow).toBe(1), PATIENCE);
    expect(largest).toBeLessThan(limits.sendQueueBytes * 1.2);
  });
});

describe('a client that reads', () => {
  test('is not marked as slow while a host publishes in one long loop', async () => {
    const { gateway, url } = await serve();
    const client = await connect(url);
    await client.call('subscribe', { events: ['tick'] });
    const count = 20_000;
    for (let n = 0; n < count; n += 1) await gateway.publish('tick', { text: 'y'.repeat(200) });
    await client.until(() => client.events().length === count);
    expect(backpressure(gateway).closedSlow).toBe(0);
  });
});

describe('a thousand subscribers', () => {
  const COUNT = 1000;
  const STALLED = Array.from({ length: COUNT / 100 }, (_, n) => n);
  const LIMIT = 4 * 1024 * 1024;
  const MIB = 1024 * 1024;

  const numbersOf = (report: ReaderReport): number => report.holes + report.duplicates + report.gaps;

  /** All readers subscribe to `main`. The first ten also subscribe to `bulk`, whose events fill only the system buffers of these ten. */
  async function openAll(url: string): Promise<ReaderFleet> {
    const fleet = await ReaderFleet.start();
    onCleanup(() => fleet.end());
    const readers = Array.from({ length: COUNT }, (_, n) =>
      n < STALLED.length
        ? { kind: 'raw' as const, id: `own${n}`, streams: ['main', 'workspace:bulk'] }
        : { kind: 'raw' as const, id: 'shared', streams: ['main'] },
    );
    await fleet.open(url, readers);
    return fleet;
  }

  /** Memory that is really in use. Garbage is collected first. */
  function memory(): { readonly rss: number; readonly buffers: number } {
    // The memory of buffers is released in the background. The second collection waits for the first.
    collectGarbage();
    collectGarbage();
    const { rss, arrayBuffers } = process.memoryUsage();
    return { rss, buffers: arrayBuffers };
  }

  test('lose nothing when one in a hundred stops reading; the queues of stalled readers stay bounded, and a resume recovers their events', async () => {
    const { gateway, url } = await serve({ limits: { sendQueueBytes: LIMIT, sendQueueAgeMs: 60_000 } });
    const fleet = await openAll(url);
    const published = { main: 0, bulk: 0 };
    const publish = async (): Promise<void> => {
      for (let n = 0; n < 5; n += 1) await gateway.publish('bulk', { text: TEXT }, { stream: 'workspace:bulk' });
      await gateway.publish('tick', { n: published.main });
      published.bulk += 5;
      published.main += 1;
      await new Promise((resolve) => setImmediate(resolve));
    };
    const caughtUp = async (): Promise<void> =>
      vi.waitFor(async () => {
        const reports = await fleet.reports();
        expect(reports.filter((each) => each.last['main'] !== published.main)).toEqual([]);
        expect(STALLED.filter((each) => reports[each]?.last['workspace:bulk'] !== published.bulk)).toEqual([]);
      }, PATIENCE);

    // First, all readers read until history is full and the heap has reached its size. After this, only queues can grow.
    while (published.bulk * TEXT.length < 34 * MIB) await publish();
    await caughtUp();
    await fleet.connect(url, STALLED);
    const before = memory();

    await fleet.stopReading(STALLED);
    let peak = { queued: 0, rss: 0, buffers: 0 };
    while (backpressure(gateway).closedSlow < STALLED.length) {
      await publish();
      const { queuedBytes: queued } = backpressure(gateway);
      if (queued < peak.queued + MIB) continue;
      const { rss, buffers } = memory();
      peak = { queued, rss: Math.max(peak.rss, rss), buffers: Math.max(peak.buffers, buffers) };
    }
    const bound = STALLED.length * LIMIT * 1.1;
    const grown = { queued: peak.queued, rss: peak.rss - before.rss, buffers: peak.buffers - before.buffers };
    console.log(
      `${STALLED.length} of ${COUNT} stalled, queue limit ${LIMIT / MIB} MiB, ${published.main} events to all, ${published.bulk} to them; growth:`,
      Object.entries(grown)
        .map(([what, bytes]) => `${what} ${(bytes / MIB).toFixed(1)} MiB`)
        .join(', '),
    );
    expect(grown.queued).toBeGreaterThan(STALLED.length * LIMIT * 0.5);
    expect(grown.queued).toBeLessThanOrEqual(bound);
    expect(grown.buffers).toBeLessThanOrEqual(bound);
    // Some growth is allowed, because the heap of the runtime also changes while it serves a thousand clients.
    expect(grown.rss).toBeLessThanOrEqual(bound + 32 * MIB);

    await fleet.readOn(STALLED);
    await vi.waitFor(async () => {
      const reports = await fleet.reports();
      expect(STALLED.map((each) => [reports[each]?.closing, reports[each]?.closeCode])).toEqual(
        STALLED.map(() => ['slow_consumer', 4201]),
      );
    }, PATIENCE);
    await fleet.connect(url, STALLED);
    await publish();
    await caughtUp();
    const reports = await fleet.reports();
    expect(reports.filter((each) => numbersOf(each) > 0)).toEqual([]);
    expect(reports.map((each) => each.events)).toEqual(
      reports.map((_, n) => published.main + (n < STALLED.length ? published.bulk : 0)),
    );
    expect(backpressure(gateway)).toMatchObject({ closedSlow: STALLED.length });
  });
});
