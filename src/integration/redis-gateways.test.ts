/** Several gateways on one real Redis. Their clients share one stream, regardless of the node to which they are connected. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { TidemarkClient, TidemarkEvent } from '../../generated/client.ts';
import type { SessionEventPayload } from '../../generated/types.ts';
import { RedisProcess } from '../broker/testing/redis-process.ts';
import { Balancer } from '../testing/balancer.ts';
import { PATIENCE, clientOf, collect, onCleanup } from '../testing/rig.ts';
import { healthOf, nodeOn, processOn } from '../testing/redis-nodes.ts';
import type { Node } from '../testing/redis-nodes.ts';

let redis: RedisProcess;
let prefixes = 0;

/** The address of the Redis with a new key prefix, so that tests do not share keys. */
const freshUrl = (): string => `${redis.url}?prefix=g${(prefixes += 1)}`;

beforeAll(async () => {
  redis = await RedisProcess.start();
});
afterAll(() => redis.stop());

const upTo = (count: number, first = 1): number[] => Array.from({ length: count }, (_, index) => first + index);
const numbersOf = (events: readonly TidemarkEvent[]): number[] => events.map(({ sequenceId }) => sequenceId);

describe('a gateway that is killed under load', () => {
  test('causes no loss: its clients resume on another node, in order and without duplicates', async () => {
    const redisUrl = freshUrl();
    const doomed = await processOn(redisUrl, 'doomed');
    const nodes = [await nodeOn(redisUrl, 'a'), await nodeOn(redisUrl, 'b')];
    const balancer = await Balancer.before([doomed.url, ...nodes.map(({ url }) => url)]);
    onCleanup(() => balancer.close());

    const troubles: unknown[] = [];
    const readers = await Promise.all(upTo(24).map(() => reader(balancer.url, troubles)));
    const onDoomed = readers.filter(({ client }) => client.welcome?.nodeId === 'doomed');
    expect(onDoomed.length).toBe(8);

    const publishers = upTo(6).map((publisher) => publishAll(balancer.httpUrl, publisher, 150));
    await vi.waitFor(() => expect(readers[0]?.events.length).toBeGreaterThan(200), PATIENCE);
    await doomed.kill();
    await Promise.all(publishers);

    await vi.waitFor(
      () => expect(readers.map(({ events }) => events.length)).toEqual(upTo(24).map(() => 900)),
      PATIENCE,
    );
    for (const { events, client } of readers) {
      expect(numbersOf(events)).toEqual(upTo(900));
      expect(client.welcome?.nodeId).not.toBe('doomed');
    }
    const published = readers[0]?.events.map(({ payload }) => JSON.stringify(payload)) ?? [];
    expect(new Set(published).size).toBe(900);
    for (const { resumed } of onDoomed) expect(resumed).toEqual([{ attempted: true, recovered: true }]);
    expect(troubles).toEqual([]);
  });

  interface Reader {
    readonly client: TidemarkClient;
    readonly events: readonly TidemarkEvent[];
    /** The results of the resumes. */
    readonly resumed: readonly unknown[];
  }

  async function reader(url: string, troubles: unknown[]): Promise<Reader> {
    const client = clientOf(url);
    for (const name of ['gap', 'loss', 'error'] as const) client.on(name, (detail) => troubles.push([name, detail]));
    const resumed: unknown[] = [];
    client.on('resumed', ({ recovery }) => resumed.push(recovery));
    const subscription = client.subscribe({ events: ['*'], replay: { mode: 'none' } });
    const events = collect(subscription);
    await subscription.ready;
    return { client, events, resumed };
  }

  /** Publishes events one after another over HTTP. A request without an answer is repeated with the same key; any node may answer it. */
  async function publishAll(httpUrl: string, publisher: number, count: number): Promise<void> {
    for (const number of upTo(count)) {
      const idempotencyKey = `${publisher}/${number}`;
      const body = JSON.stringify({
        stream: 'main',
        event: 'load.made',
        payload: { publisher, number },
        idempotencyKey,
      });
      while (!(await post(`${httpUrl}/ws/broadcast`, body))) await delay(5);
    }
  }

  async function post(url: string, body: string): Promise<boolean> {
    const headers = { 'content-type': 'application/json', connection: 'close' };
    const response = await fetch(url, { method: 'POST', body, headers }).catch(() => undefined);
    await response?.arrayBuffer().catch(() => undefined);
    return response?.ok === true;
  }
});

describe('a resume on another node than before', () => {
  test('replays exactly the later events, the same from either node', async () => {
    const redisUrl = freshUrl();
    const [a, b] = [await nodeOn(redisUrl, 'a'), await nodeOn(redisUrl, 'b')];
    const before = clientOf(a.url).subscribe({ events: ['*'], replay: { mode: 'none' } });
    await before.ready;
    for (const n of upTo(40)) await (n % 2 === 0 ? a : b).gateway.publish('step.done', { n });
    for await (const { sequenceId } of before) if (sequenceId === 15) break;
    const after = before.position;
    if (after === undefined) throw new Error('no position');
    const read = async ({ url }: Node): Promise<readonly TidemarkEvent[]> => {
      const resumed = clientOf(url).subscribe({
        events: ['*'],
        replay: { mode: 'resume', after },
        subscriptionId: 's',
      });
      const events = collect(resumed);
      expect(await resumed.caughtUp).toMatchObject({ count: 25, truncated: false });
      await vi.waitFor(() => expect(events.length).toBe(25), PATIENCE);
      expect(resumed.recovered).toBe(true);
      return events;
    };
    const elsewhere = await read(b);
    expect(numbersOf(elsewhere)).toEqual(upTo(25, 16));
    expect(elsewhere.every(({ isReplay }) => isReplay)).toBe(true);
    expect(elsewhere).toEqual(await read(a));
  });

  test('fails with a gap if the position is ahead of the stream', async () => {
    const redisUrl = freshUrl();
    const [a, b] = [await nodeOn(redisUrl, 'a'), await nodeOn(redisUrl, 'b')];
    const { epoch } = await a.gateway.publish('step.done', { n: 1 });
    const after = { epoch, sequenceId: 9 };
    const subscription = clientOf(b.url).subscribe({ events: ['*'], replay: { mode: 'resume', after } });
    expect((await subscription.ready).recovery).toEqual({
      attempted: true,
      recovered: false,
      reason: 'unknown_position',
    });
    await subscription.caughtUp;
    expect(subscription.gapCount).toBe(1);
  });
});

describe('a session', () => {
  const session = (sessionEvent: SessionEventPayload['sessionEvent'], actor: string): SessionEventPayload => ({
    sessionId: 's1',
    sessionEvent,
    actor,
  });
  const textsOf = (events: readonly TidemarkEvent[]): string[] =>
    events.map(({ payload, isReplay }) => `${JSON.stringify(payload)} ${isReplay ? 'replay' : 'live'}`);

  test('is one log for agents on several nodes, and a late subscriber receives all of it', async () => {
    const redisUrl = freshUrl();
    const nodes = [await nodeOn(redisUrl, 'a'), await nodeOn(redisUrl, 'b'), await nodeOn(redisUrl, 'c')];
    const agents = nodes.map(({ url }) => clientOf(url));
    const subscription = agents[0]?.subscribe({ stream: 'session:s1', events: ['session_event'] });
    if (subscription === undefined) throw new Error('no agent');
    const first = collect(subscription);
    await subscription.caughtUp;
    const course = [
      'session_started',
      'modified',
      'broke',
      'session_checkpoint',
      'session_handoff',
      'test_pass',
    ] as const;
    for (const [index, sessionEvent] of course.entries()) {
      const payload = session(sessionEvent, `agent-${index % 3}`);
      await agents[index % 3]?.broadcast({ stream: 'session:s1', event: 'session_event', payload });
    }
    await vi.waitFor(() => expect(first.length).toBe(6), PATIENCE);
    const late = clientOf(nodes[2]?.url ?? '').subscribe({ stream: 'session:s1', events: ['session_event'] });
    const all = collect(late);
    expect(await late.caughtUp).toMatchObject({ count: 6, truncated: false });
    await vi.waitFor(() => expect(all.length).toBe(6), PATIENCE);
    expect(textsOf(all)).toEqual(textsOf(first).map((text) => text.replace(/live$/, 'replay')));
    expect(all.map(({ payload }) => payload.sessionEvent)).toEqual(course);
    expect(numbersOf(all)).toEqual(upTo(6));
  });

  test('expires without traffic for its TTL: it starts again with another epoch, and a resume reports this', async () => {
    const redisUrl = freshUrl();
    const limits = { sessionTtlMs: 1_000 };
    const [a, b] = [await nodeOn(redisUrl, 'a', limits), await nodeOn(redisUrl, 'b', limits)];
    const publish = ({ gateway }: Node): Promise<{ epoch: string; sequenceId: number }> =>
      gateway.publish('session_event', session('modified', 'ana'), { stream: 'session:s1' });
    const before = await publish(a);
    expect(await publish(b)).toMatchObject({ epoch: before.epoch, sequenceId: 2 });
    await vi.waitFor(async () => expect(await redis.command('EXISTS', metaKey(redisUrl))).toBe(':0\r\n'), PATIENCE);
    const after = await publish(b);
    expect(after.sequenceId).toBe(1);
    expect(after.epoch).not.toBe(before.epoch);
    const resumed = clientOf(a.url).subscribe({
      stream: 'session:s1',
      events: ['session_event'],
      replay: { mode: 'resume', after: { epoch: before.epoch, sequenceId: 2 } },
    });
    expect((await resumed.ready).recovery).toMatchObject({ recovered: false, reason: 'epoch_changed' });
    expect(await resumed.caughtUp).toMatchObject({ count: 1, position: { epoch: after.epoch, sequenceId: 1 } });
  });

  const metaKey = (redisUrl: string): string =>
    `${new URL(redisUrl).searchParams.get('prefix') ?? ''}:{session:s1}:meta`;
});

describe('while Redis is frozen', () => {
  test('publishes are rejected, health reports it, connections stay open, and nothing is lost', async () => {
    const own = await RedisProcess.start();
    onCleanup(() => own.stop());
    const nodes = [await nodeOn(own.url, 'a'), await nodeOn(own.url, 'b')];
    const [a, b] = nodes;
    if (a === undefined || b === undefined) throw new Error('no nodes');
    const clients = nodes.map(({ url }) => clientOf(url));
    const troubles: unknown[] = [];
    for (const client of clients)
      for (const name of ['closed', 'gap', 'loss', 'error'] as const)
        client.on(name, (it) => troubles.push([name, it]));
    const subscriptions = clients.map((client) => client.subscribe({ events: ['*'], replay: { mode: 'none' } }));
    const reads = subscriptions.map((each) => collect(each));
    await Promise.all(subscriptions.map(({ ready }) => ready));
    await a.gateway.publish('step.done', { n: 1 });
    expect(await healthOf(a)).toMatchObject({ status: 'ok', broker: { kind: 'redis', connected: true } });

    own.freeze();
    for (const node of nodes)
      await vi.waitFor(async () => expect((await healthOf(node)).status).toBe('degraded'), PATIENCE);
    const { broker } = await healthOf(a);
    expect(broker).toMatchObject({ kind: 'redis', connected: false });
    expect(broker.lagMs).toBeGreaterThan(1_400);
    expect((await fetch(`${a.httpUrl}/readyz`)).status).toBe(503);
    expect((await fetch(`${a.httpUrl}/healthz`)).status).toBe(200);
    await expect(a.gateway.publish('step.done', { n: 2 })).rejects.toMatchObject({ code: 'broker_unavailable' });
    await expect(clients[1]?.broadcast({ stream: 'main', event: 'step.done', payload: {} })).rejects.toMatchObject({
      code: 'broker_unavailable',
      retryable: true,
    });
    await expect(clients[1]?.ping()).resolves.toBeDefined();

    own.thaw();
    for (const node of nodes) await vi.waitFor(async () => expect((await healthOf(node)).status).toBe('ok'), PATIENCE);
    await vi.waitFor(async () => expect((await healthOf(a)).broker.lagMs).toBeLessThan(500), PATIENCE);
    await b.gateway.publish('step.done', { n: 3 });
    await vi.waitFor(() => expect(reads.map((events) => events.length)).toEqual([2, 2]), PATIENCE);
    for (const events of reads) expect(events.map(({ payload }) => payload)).toEqual([{ n: 1 }, { n: 3 }]);
    expect(troubles).toEqual([]);
  });
});
