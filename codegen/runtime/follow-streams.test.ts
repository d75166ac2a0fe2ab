import { describe, expect, test } from 'vitest';
import { SubscriptionError, WaitError } from './errors.ts';
import { isGap } from './events.ts';
import { followStreams, waitOnStreams } from './follow-streams.ts';
import { until } from './testing/fake-server.ts';
import type { FakeServer } from './testing/fake-server.ts';
import { clientOf, collect, fakeServer, rejection } from './testing/harness.ts';
import { ModelStreams } from './testing/model-streams.ts';

const NONE = { mode: 'none' } as const;
const ALL = { streams: ['main', 'session:*'], events: ['*'] } as const;

async function scene(): Promise<{ model: ModelStreams; server: FakeServer }> {
  const model = new ModelStreams();
  return { model, server: await fakeServer({ script: (connection, command) => model.script(connection, command) }) };
}

const brief = (item: object): string => {
  const { stream, sequenceId } = item as { stream: string; sequenceId?: number };
  return `${stream} ${isGap(item) ? 'gap' : sequenceId}`;
};

describe('a subscription to several streams', () => {
  test('also yields streams that appear later, and has the position of each', async () => {
    const { model, server } = await scene();
    model.publish('main');
    const reader = followStreams(clientOf(server), { ...ALL, replay: NONE });
    const { items } = collect(reader);
    await reader.ready;
    for (const stream of ['session:a', 'main', 'session:a', 'other']) model.publish(stream);
    await until(() => items.length === 3, 'three events');
    expect(items.map(brief)).toEqual(['session:a 1', 'main 2', 'session:a 2']);
    expect(reader.positions).toEqual([
      { stream: 'main', ...model.head('main') },
      { stream: 'session:a', ...model.head('session:a') },
    ]);
    expect(reader.lag).toBe(0);
  });

  test('resumes each stream at its own position, and new streams from their first event', async () => {
    const { model, server } = await scene();
    const reader = followStreams(clientOf(server), { ...ALL, replay: NONE });
    const { items } = collect(reader);
    await reader.ready;
    model.publish('session:a');
    model.publish('main');
    await until(() => items.length === 2, 'two events');
    server.connections[0]?.drop();
    for (const stream of ['main', 'session:b', 'session:b']) model.publish(stream);
    await until(() => items.length === 5, 'the events of the meantime');
    expect(items.slice(2).map(brief)).toEqual(['main 2', 'session:b 1', 'session:b 2']);
    expect(reader.recovered).toBe(true);
  });

  test('has positions from which another client can continue, even in streams without events', async () => {
    const { model, server } = await scene();
    const client = clientOf(server);
    const first = followStreams(client, { ...ALL, replay: NONE });
    await first.ready;
    const { positions } = first;
    expect(positions).toEqual([]);
    await client.close();
    model.publish('session:a');
    const second = followStreams(clientOf(server), { ...ALL, replay: { mode: 'resume', positions: positions ?? [] } });
    const { items } = collect(second);
    await second.caughtUp;
    await until(() => items.length === 1, 'the event of the meantime');
    expect(items.map(brief)).toEqual(['session:a 1']);
  });

  test('has no positions until the reader has read the whole first warm picture', async () => {
    const { model, server } = await scene();
    for (const stream of ['main', 'session:a', 'session:b']) model.publish(stream);
    const reader = followStreams(clientOf(server), ALL);
    await reader.caughtUp;
    const iterator = reader[Symbol.asyncIterator]();
    await iterator.next();
    await iterator.next();
    expect(reader.positions).toBeUndefined();
    await iterator.next();
    expect(reader.positions).toHaveLength(3);
  });

  test('reports a loss in one stream and continues the others', async () => {
    const { model, server } = await scene();
    const reader = followStreams(clientOf(server), { ...ALL, replay: NONE, gaps: 'inline' });
    const { items } = collect(reader);
    await reader.ready;
    for (const stream of ['main', 'session:a']) model.publish(stream);
    await until(() => items.length === 2, 'two events');
    server.connections[0]?.drop();
    for (let n = 0; n < 5; n += 1) model.publish('session:a');
    model.shorten('session:a', 2);
    model.publish('main');
    await until(() => items.some((item) => brief(item) === 'main 2'), 'the other stream');
    expect(items.slice(2).map(brief)).toEqual(['session:a gap', 'main 2', 'session:a 6'].toSorted(byOrderOf(items)));
    expect(reader.gapCount).toBe(1);
  });

  test('forgets a stream that has ended, and treats its next epoch as a new stream', async () => {
    const { model, server } = await scene();
    const reader = followStreams(clientOf(server), { ...ALL, replay: NONE, gaps: 'inline' });
    const { items } = collect(reader);
    await reader.ready;
    model.publish('session:a');
    await until(() => items.length === 1, 'the event');
    model.expire('session:a');
    await until(() => reader.positions?.length === 0, 'the end of the stream');
    model.publish('session:a');
    await until(() => items.length === 2, 'the next epoch');
    expect(items.map(brief)).toEqual(['session:a 1', 'session:a 1']);
  });

  test('reports a loss in every known stream after a 43xx close, and subscribes like the first time', async () => {
    const { model, server } = await scene();
    const reader = followStreams(clientOf(server), { ...ALL, replay: NONE, gaps: 'inline' });
    const { items } = collect(reader);
    await reader.ready;
    for (const stream of ['main', 'session:a']) model.publish(stream);
    await until(() => items.length === 2, 'two events');
    server.connections[0]?.close(4300);
    await until(() => items.length === 4, 'two gaps');
    expect(items.slice(2)).toMatchObject([
      { stream: 'main', from: { sequenceId: 1 }, reason: 'state_invalidated', noticedBy: 'client' },
      { stream: 'session:a', from: { sequenceId: 1 }, reason: 'state_invalidated', noticedBy: 'client' },
    ]);
    expect((await (await server.connection(2)).take('subscribe')).data).toMatchObject({ replay: NONE });
  });

  test('omits positions that do not fit into one command, and drops the events that it then receives again', async () => {
    const model = new ModelStreams();
    const server = await fakeServer({
      greet: 'no',
      script: (connection, command) => model.script(connection, command),
    });
    server.onConnection = (connection) =>
      connection.send('welcome', { heartbeatIntervalMs: 25_000, limits: { inboundMessageBytes: 1024 } });
    const reader = followStreams(clientOf(server), { ...ALL, replay: NONE });
    const { items } = collect(reader);
    await reader.ready;
    for (let n = 0; n < 40; n += 1) model.publish(`session:${n}`);
    for (let n = 0; n < 5; n += 1) model.publish(`session:3`);
    await until(() => items.length === 45, 'all events');
    server.connections[0]?.drop();
    model.publish('session:39');
    await until(() => items.length > 45, 'the event of the meantime');
    const { data } = await (await server.connection(2)).take('subscribe');
    expect(JSON.stringify(data).length).toBeLessThan(1024);
    const { positions } = data.replay as { readonly positions: readonly object[] };
    expect(positions[0]).toMatchObject({ stream: 'session:3', sequenceId: 6 });
    expect(positions.length).toBeLessThan(40);
    await reader.unsubscribe();
    expect(items.slice(45).map(brief)).toEqual(['session:39 2']);
  });

  test('ends with its signal, and with an error if its buffer is full and `onFull` is `error`', async () => {
    const { model, server } = await scene();
    const abort = new AbortController();
    const ended = collect(followStreams(clientOf(server), { ...ALL, replay: NONE, signal: abort.signal }));
    const small = followStreams(clientOf(server), { ...ALL, replay: NONE, buffer: { limit: 1, onFull: 'error' } });
    await small.ready;
    model.publish('main');
    model.publish('main');
    abort.abort();
    expect(await ended.ended).toBeUndefined();
    await until(() => small.state === 'ended', 'the end');
    const failure = await collect(small).ended;
    expect(failure).toBeInstanceOf(SubscriptionError);
    expect(failure).toMatchObject({ reason: 'buffer_overflow', positions: [{ stream: 'main', sequenceId: 1 }] });
  });

  test('is rejected without a stream, or with a position of an unsubscribed stream', async () => {
    const { server } = await scene();
    const client = clientOf(server);
    expect(() => followStreams(client, { streams: [], events: ['*'] })).toThrow(/must name a stream/);
    const replay = { mode: 'resume', positions: [{ epoch: 'e1', sequenceId: 1 }] } as never;
    expect(() => followStreams(client, { ...ALL, replay })).toThrow(/list of \{stream, epoch, sequenceId\}/);
  });
});

describe('a wait on several streams', () => {
  test('finds the event on any of them, and returns the positions for the next wait', async () => {
    const { model, server } = await scene();
    for (const stream of ['main', 'session:a', 'session:a']) model.publish(stream);
    const client = clientOf(server);
    const isOn = (stream: string) => (event: object) => brief(event) === stream;
    const first = await waitOnStreams(client, 'note', isOn('session:a 1'), { ...ALL, since: [] });
    expect(first.event).toMatchObject({ stream: 'session:a', sequenceId: 1 });
    const next = await waitOnStreams(client, 'note', () => true, { ...ALL, since: first.positions });
    expect(brief(next.event)).toBe('session:a 2');
  });

  test('reports after its time limit where to continue', async () => {
    const { model, server } = await scene();
    model.publish('main');
    const error = await rejection(
      waitOnStreams(clientOf(server), 'note', () => false, { ...ALL, since: [], timeoutMs: 300 }),
    );
    expect(error).toBeInstanceOf(WaitError);
    expect(error).toMatchObject({ reason: 'timeout', positions: [{ stream: 'main', sequenceId: 1 }] });
  });
});

/** Events of different streams may arrive in any order. */
function byOrderOf(items: readonly object[]): (a: string, b: string) => number {
  const order = items.map(brief);
  return (a, b) => order.indexOf(a) - order.indexOf(b);
}
