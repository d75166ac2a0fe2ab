/** Subscriptions to many streams, on a gateway with the memory broker (MUL-1 to MUL-8). */
import { describe, expect, test } from 'vitest';
import { StreamUnread } from '../broker/broker.ts';
import { MemoryBroker } from '../broker/memory.ts';
import { ProtocolError } from '../errors.ts';
import type { RawClient } from '../testing/raw-client.ts';
import { connect, serve } from '../testing/rig.ts';
import type { Served } from '../testing/rig.ts';

const NONE = { mode: 'none' } as const;

async function follow(client: RawClient, streams: readonly string[], more: object = {}): Promise<void> {
  await client.call('subscribe', { subscriptionId: 'all', streams, events: ['*'], ...more });
}

const note = ({ gateway }: Served, stream: string, n: number): Promise<unknown> =>
  gateway.publish('suite.note', { n }, { stream });

describe('a subscription to many streams', () => {
  test('receives a thousand streams that are created later, each from its first event and in order', async () => {
    const served = await serve();
    const client = await connect(served.url);
    await follow(client, ['session:*'], { replay: NONE });
    for (let n = 1; n <= 3; n += 1) for (let at = 0; at < 1000; at += 1) await note(served, `session:${at}`, n);
    await note(served, 'session:last', 1);
    await client.find((each) => each.type === 'event' && each.data['stream'] === 'session:last');
    const byStream = Map.groupBy(
      client.frames.filter(({ type }) => type === 'event'),
      ({ data }) => String(data['stream']),
    );
    expect(byStream.size).toBe(1001);
    byStream.delete('session:last');
    const orders = [...byStream.values()].map((events) => events.map(({ data }) => data['sequenceId']).join(' '));
    expect(new Set(orders)).toEqual(new Set(['1 2 3']));
  });

  test('receives heartbeats that report no position of a queued event, even while a replay waits', async () => {
    const served = await serve({ limits: { heartbeatIntervalMs: 100 } });
    for (let at = 0; at < 50; at += 1) await note(served, `session:${at}`, 1);
    const client = await connect(served.url);
    await follow(client, ['session:*']);
    await client.find((each) => each.type === 'replay_complete');
    await note(served, 'session:7', 2);
    const beat = await client.find(
      (each) => each.type === 'heartbeat' && JSON.stringify(each.data['positions']).includes('session:7'),
    );
    expect(beat.data['positions']).toMatchObject([{ stream: 'session:7', sequenceId: 2 }]);
  });

  test('is planned without blocking other clients if thousands of streams exist, and misses no change', async () => {
    const served = await serve({ limits: { turnBudgetMs: 1 } });
    const streams = Array.from({ length: 3000 }, (_, at) => `session:${at}`);
    for (const stream of streams) await note(served, stream, 1);
    const [client, neighbour] = [await connect(served.url), await connect(served.url)];
    const subscribed = (): boolean => client.frames.some(({ type }) => type === 'subscribed');
    const following = follow(client, ['session:*'], { replay: { mode: 'resume', positions: [] } });
    let pongs = 0;
    while (!subscribed()) {
      await neighbour.call('ping');
      await note(served, `session:${pongs}`, 2);
      await note(served, `session:new${pongs}`, 1);
      pongs += 1;
    }
    await following;
    expect(pongs).toBeGreaterThan(2);
    await note(served, 'session:last', 1);
    await client.find((each) => each.type === 'event' && each.data['stream'] === 'session:last');
    await client.find((each) => each.type === 'replay_complete');
    const byStream = Map.groupBy(client.events(), ({ stream }) => String(stream));
    const expected = [...streams.keys()].map((at) => (at < pongs ? [1, 2] : [1]));
    expect(streams.map((each) => byStream.get(each)?.map(({ sequenceId }) => sequenceId))).toEqual(expected);
    for (let at = 0; at < pongs; at += 1) expect(byStream.get(`session:new${at}`)).toHaveLength(1);
  });

  test('counts for the memory limit of subscriptions once for each of its streams', async () => {
    const served = await serve();
    const client = await connect(served.url);
    await follow(client, ['session:a', 'session:b', 'session:c'], { replay: NONE });
    const { budgets } = served.gateway.health();
    await client.call('subscribe', { subscriptionId: 'one', events: ['*'], replay: NONE });
    const one = (served.gateway.health().budgets?.filterBytes?.used ?? 0) - (budgets?.filterBytes?.used ?? 0);
    expect(budgets?.filterBytes?.used).toBe(3 * one);
  });
});

/** A broker that refuses to attach one stream, and counts the attached and followed streams. */
class RefusingBroker extends MemoryBroker {
  readonly held = new Map<string, number>();

  #count(name: string, change: number): void {
    this.held.set(name, (this.held.get(name) ?? 0) + change);
  }

  override attach(stream: string): Promise<void> {
    if (stream === 'session:refused')
      return Promise.reject(new ProtocolError('broker_unavailable', 'refused by the test'));
    this.#count(stream, 1);
    return super.attach(stream);
  }

  override detach(stream: string): void {
    this.#count(stream, -1);
    super.detach(stream);
  }

  override follow(selector: string): Promise<void> {
    this.#count(selector, 1);
    return super.follow(selector);
  }

  override unfollow(selector: string): void {
    this.#count(selector, -1);
    super.unfollow(selector);
  }
}

test('a resume that the broker refuses half-way leaves no stream attached or followed', async () => {
  let broker: RefusingBroker | undefined;
  const served = await serve({ broker: (context) => (broker = new RefusingBroker(context)) });
  const client = await connect(served.url);
  const positions = ['session:gone', 'session:refused'].map((stream) => ({ stream, epoch: 'e', sequenceId: 1 }));
  const data = { subscriptionId: 'all', streams: ['session:*'], events: ['*'], replay: { mode: 'resume', positions } };
  const reply = await client.call('subscribe', data);
  expect(reply).toMatchObject({ type: 'error', data: { code: 'broker_unavailable' } });
  expect([...(broker?.held ?? [])]).toEqual([
    ['session:*', 0],
    ['session:gone', 0],
  ]);
});

class UnreadBroker extends MemoryBroker {
  override attach(stream: string): Promise<void> {
    return Promise.reject(new StreamUnread(stream, new Error('refused by the test')));
  }
}

test('a resume continues without a stream that cannot be read yet; the missed events are reported later', async () => {
  const served = await serve({ broker: (context) => new UnreadBroker(context) });
  await note(served, 'session:read', 1);
  const client = await connect(served.url);
  const positions = [{ stream: 'session:unread', epoch: 'e', sequenceId: 1 }];
  await follow(client, ['session:*'], { replay: { mode: 'resume', positions } });
  await client.find(({ type }) => type === 'replay_complete');
  expect(client.events()).toMatchObject([{ stream: 'session:read', sequenceId: 1 }]);
});
