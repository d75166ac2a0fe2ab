import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ProtocolViolation } from './errors.ts';
import { isGap } from './events.ts';
import { until } from './testing/fake-server.ts';
import type { FakeConnection } from './testing/fake-server.ts';
import { clientOf, collect, fakeServer, modelServer } from './testing/harness.ts';
import type { ModelGateway } from './testing/model-gateway.ts';
import type { SampleEvent, SampleGap } from './testing/sample-client.ts';
import type { Position } from './wire.ts';

describe('gaps', () => {
  test('of a failed resume are reported, and a complete warm replay follows', async () => {
    const { server, model } = await modelServer();
    model.publish('entity_created', { id: 'a' });
    const client = clientOf(server);
    const reported: unknown[] = [];
    const subscription = client.subscribe({ events: ['*'], gaps: 'inline', onGap: (gap) => reported.push(gap) });
    const { items } = collect(subscription);
    await subscription.caughtUp;
    model.window = 2;
    const connection = await server.connection(1);
    connection.drop();
    for (let n = 0; n < 5; n += 1) model.publish('file_change', { path: String(n) });
    await until(() => subscription.recovered === false && items.length === 3, 'the gap and the picture');
    expect(items[1]).toMatchObject({
      kind: 'gap',
      reason: 'window_exceeded',
      noticedBy: 'server',
      from: { epoch: 'e1', sequenceId: 1 },
      to: { epoch: 'e1', sequenceId: 6 },
    });
    expect(items[2]).toMatchObject({ event: 'entity_created', sequenceId: 1, isReplay: true });
    expect(reported).toEqual([items[1]]);
    expect(subscription.recovery).toEqual({ attempted: true, recovered: false, reason: 'window_exceeded' });
  });

  test('of an epoch that ends during a live subscription are reported, and the subscription continues', async () => {
    const { server, model } = await modelServer();
    const client = clientOf(server);
    const gaps: unknown[] = [];
    client.on('gap', (gap) => gaps.push(gap));
    const subscription = client.subscribe({ events: ['*'], replay: { mode: 'none' } });
    const { items } = collect(subscription);
    await subscription.ready;
    model.publish('file_change', { path: 'a' });
    model.loseEpoch('e2');
    model.publish('file_change', { path: 'b' });
    await until(() => items.length === 2, 'both events');
    expect(items.map(({ epoch, sequenceId }) => [epoch, sequenceId])).toEqual([
      ['e1', 1],
      ['e2', 1],
    ]);
    expect(gaps).toMatchObject([
      { reason: 'epoch_changed', noticedBy: 'server', from: { epoch: 'e1', sequenceId: 1 } },
    ]);
    expect(subscription.position).toEqual({ epoch: 'e2', sequenceId: 1 });
  });

  test('that a server does not report at a change of epoch are reported by the client', async () => {
    const { server, model } = await modelServer();
    const client = clientOf(server);
    const subscription = client.subscribe({ events: ['*'], replay: { mode: 'none' }, gaps: 'inline' });
    const { items } = collect(subscription);
    await subscription.ready;
    model.publish('file_change', { path: 'a' });
    model.epoch = 'e2';
    model.publish('file_change', { path: 'b' });
    await until(() => items.length === 3, 'the gap between the events');
    expect(items[1]).toMatchObject({ kind: 'gap', reason: 'epoch_changed', noticedBy: 'client' });
  });

  test('of a source include their repair and do not move the position', async () => {
    const { server, model } = await modelServer();
    const client = clientOf(server);
    const subscription = client.subscribe({ events: ['*'], replay: { mode: 'none' }, gaps: 'inline' });
    const { items } = collect(subscription);
    await subscription.ready;
    const gap = { stream: 'main', subscriptionIds: [subscription.id], from: model.head, to: model.head };
    server.connections[0]?.send('gap', {
      ...gap,
      reason: 'source_overflow',
      repair: { kind: 'rescan', paths: ['src'] },
    });
    await until(() => items.length === 1, 'the gap');
    expect(items[0]).toMatchObject({ reason: 'source_overflow', repair: { kind: 'rescan', paths: ['src'] } });
    expect(subscription.position).toEqual(model.head);
  });
});

describe('proof of delivery', () => {
  test('an event that was lost in transit is detected, reported, and delivered exactly once', async () => {
    const { server, model } = await modelServer();
    const client = clientOf(server);
    const losses: unknown[] = [];
    client.on('loss', (loss) => losses.push(loss));
    const subscription = client.subscribe({ events: ['*'], replay: { mode: 'none' } });
    const { items } = collect(subscription);
    await subscription.ready;
    model.carry = ({ sequenceId }) => sequenceId !== 3;
    for (let n = 1; n <= 5; n += 1) model.publish('file_change', { path: String(n) });
    model.carry = () => true;
    model.heartbeat(await server.connection(1));
    await until(() => items.length === 5, 'the lost event');
    expect(losses).toEqual([{ sent: 5, received: 4 }]);
    expect(items.map(({ sequenceId }) => sequenceId)).toEqual([1, 2, 4, 5, 3]);
    expect(items[4]).toMatchObject({ isReplay: true, replayReason: 'resume' });
    expect(server.connections.length).toBe(2);
  });

  test('a heartbeat with an equal count changes nothing', async () => {
    const { server, model } = await modelServer();
    const client = clientOf(server);
    const subscription = client.subscribe({ events: ['*'] });
    await subscription.caughtUp;
    const connection = await server.connection(1);
    for (let n = 1; n <= 5; n += 1) {
      model.publish('file_change', { path: String(n) });
      model.heartbeat(connection);
    }
    await until(() => subscription.buffered === 5, 'the events');
    expect([server.connections.length, client.state]).toEqual([1, 'open']);
  });

  test('a heartbeat with too low a count is reported, and the client stays connected', async () => {
    const { server, model } = await modelServer();
    const client = clientOf(server);
    const reported = new Promise((resolve) => client.on('error', resolve));
    const subscription = client.subscribe({ events: ['*'], replay: { mode: 'none' } });
    await subscription.ready;
    model.publish('file_change', { path: 'a' });
    server.connections[0]?.send('heartbeat', { delivered: 0, positions: [] });
    expect(await reported).toBeInstanceOf(ProtocolViolation);
    expect(client.state).toBe('open');
  });
});

test('a live event that is received twice is dropped and reported', async () => {
  const { server, model } = await modelServer();
  const client = clientOf(server);
  const errors: Error[] = [];
  client.on('error', (error) => errors.push(error));
  const subscription = client.subscribe({ events: ['*'], replay: { mode: 'none' } });
  const { items } = collect(subscription);
  await subscription.ready;
  const event = model.publish('file_change', { path: 'a' });
  const data = { subscriptionIds: [subscription.id, 'unknown'], isReplay: false, stream: 'main', ...event };
  server.connections[0]?.send('event', data);
  model.publish('file_change', { path: 'b' });
  await until(() => items.length === 2, 'both events');
  expect(items.map(({ sequenceId }) => sequenceId)).toEqual([1, 2]);
  expect(errors[0]).toBeInstanceOf(ProtocolViolation);
});

test('an interrupted warm replay is requested again, and received events are not repeated', async () => {
  const position = { epoch: 'e', sequenceId: 3 };
  const server = await fakeServer({
    script: (connection, command) => {
      const { subscriptionId } = command.data;
      const head = {
        subscriptionIds: [subscriptionId],
        isReplay: true,
        replayReason: 'warm',
        stream: 'main',
        epoch: 'e',
      };
      connection.reply(command, 'subscribed', { subscriptionId, position, recovery: { attempted: false } });
      const first = server.connections.length === 1;
      for (const sequenceId of first ? [1, 2] : [1, 2, 3])
        connection.send('event', { ...head, sequenceId, event: 'x', payload: {} });
      if (first) setTimeout(() => connection.drop(), 10);
      else connection.send('replay_complete', { subscriptionId, position, count: 3, truncated: false });
    },
  });
  const subscription = clientOf(server).subscribe({ events: ['x'] });
  const { items } = collect(subscription);
  await subscription.caughtUp;
  expect(items.map(({ sequenceId }) => sequenceId)).toEqual([1, 2, 3]);
  const again = await (await server.connection(2)).take('subscribe');
  expect(again.data.replay).toEqual({ mode: 'warm' });
});

describe('a warm replay that is cut off', () => {
  test('loses no event after its position: neither events that no warm replay contains, nor deletions', async () => {
    const { server, model } = await modelServer();
    for (const id of ['a', 'b', 'c', 'd']) model.publish('entity_created', { id });
    model.onReplayCut = () => {
      model.publish('file_change', {});
      model.publish('entity_deleted', { id: 'a' });
      model.publish('entity_created', { id: 'd' });
    };
    const subscription = clientOf(server).subscribe({ events: ['*'], gaps: 'inline' });
    const { items } = collect(subscription);
    const { position } = await subscription.caughtUp;
    expect(position).toEqual(model.head);
    model.publish('file_change', {});
    await until(() => items.length === 7, 'every event');
    expect(items.map((item) => (isGap(item) ? 'gap' : item.sequenceId))).toEqual([1, 2, 3, 5, 6, 7, 8]);
  });

  test('is not requested again by a subscription with mode none, which reports the loss instead', async () => {
    const { server, model } = await modelServer();
    const subscription = clientOf(server).subscribe({ events: ['*'], replay: { mode: 'none' }, gaps: 'inline' });
    const { items } = collect(subscription);
    await subscription.ready;
    for (const id of ['a', 'b', 'c']) model.publish('entity_created', { id });
    await until(() => items.length === 3, 'the events');
    server.connections[0]?.drop();
    model.window = 1;
    model.onReplayCut = () => model.publish('file_change', {});
    for (let n = 0; n < 3; n += 1) model.publish('file_change', {});
    await until(() => subscription.gapCount === 2, 'the second loss');
    expect(items.at(-1)).toMatchObject({
      reason: 'state_invalidated',
      from: { sequenceId: 6 },
      to: { sequenceId: 7 },
      noticedBy: 'client',
    });
  });

  test('reports the loss if the epoch has changed before it is repeated', async () => {
    const { server, model } = await modelServer();
    for (const id of ['a', 'b']) model.publish('entity_created', { id });
    model.onReplayCut = () => {
      model.loseEpoch('e2');
      model.publish('entity_created', { id: 'a' });
    };
    const subscription = clientOf(server).subscribe({ events: ['*'], gaps: 'inline' });
    const { items } = collect(subscription);
    await until(() => items.length === 3, 'the gap and the new picture');
    expect(items.slice(1)).toMatchObject([
      { reason: 'epoch_changed', from: { epoch: 'e1', sequenceId: 2 }, to: { epoch: 'e2', sequenceId: 1 } },
      { epoch: 'e2', sequenceId: 1 },
    ]);
  });
});

/** What happens to a client while events are published. */
type Step =
  | { readonly kind: 'publish'; readonly event: string; readonly count: number }
  | { readonly kind: 'drop' | 'close' | 'heartbeat' | 'breathe' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('publish' as const),
      event: fc.constantFrom('entity_created', 'file_change'),
      count: fc.integer({ min: 1, max: 9 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('breathe' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('drop' as const, 'close' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('heartbeat' as const) }) },
);

async function perform(each: Step, model: ModelGateway, connection: FakeConnection | undefined): Promise<void> {
  if (each.kind === 'publish') {
    for (let n = 0; n < each.count; n += 1) model.publish(each.event, { id: `${model.head.sequenceId}` });
  } else if (each.kind === 'drop') connection?.drop();
  else if (each.kind === 'close') connection?.close(4200);
  else if (each.kind === 'breathe') await new Promise((resolve) => setTimeout(resolve, 2));
  else if (connection !== undefined) model.heartbeat(connection);
}

/** Epochs in tests are named e1, e2, …, so that positions of different epochs can be ordered. */
const place = ({ epoch, sequenceId }: Position): number => Number(epoch.slice(1)) * 1_000_000 + sequenceId;

describe('whatever is lost', () => {
  test('is covered by a gap, even if history is short and epochs end', async () => {
    const turn = fc.oneof(
      { weight: 8, arbitrary: step },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('lose' as const) }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(turn, { minLength: 5, maxLength: 30 }), async (turns) => {
        const { server, model } = await modelServer();
        model.window = 6;
        const client = clientOf(server, { backoff: { minMs: 1, maxMs: 3 } });
        const subscription = client.subscribe({ events: ['*'], gaps: 'inline', replay: { mode: 'none' } });
        const { items } = collect(subscription);
        await subscription.ready;
        let lives = 1;
        for (const each of turns) {
          const connection = server.connections.at(-1);
          if (each.kind === 'lose') model.loseEpoch(`e${(lives += 1)}`);
          else await perform(each, model, connection);
        }
        const last = model.publish('file_change', {});
        const gaps = (): SampleGap[] => items.filter(isGap);
        const events = (): SampleEvent<'*'>[] => items.flatMap((item) => (isGap(item) ? [] : [item]));
        const covered = (at: number): boolean =>
          gaps().some(({ from, to }) => from !== undefined && to !== undefined && place(from) < at && at <= place(to));
        const silent = (): number[] => {
          const seen = new Set(events().map(place));
          return model.published.map(place).filter((at) => !seen.has(at) && !covered(at));
        };
        await until(() => !silent().includes(place(last)), 'the last event, or a gap in its place');
        expect(silent()).toEqual([]);
        // Only a warm replay repeats events, and only a gap causes a warm replay.
        const again = events().filter(
          (event, index, all) => all.findIndex((each) => place(each) === place(event)) < index,
        );
        expect(again.filter(({ replayReason }) => replayReason !== 'warm' || gaps().length === 0)).toEqual([]);
        await client.close();
        await server.close();
      }),
      { numRuns: 60, seed: 20_260_303 },
    );
  });
});

describe('whenever connections break', () => {
  test('every event arrives once and in order, for filtered and unfiltered, slow and fast subscriptions', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), async (steps) => {
        const { server, model } = await modelServer();
        const client = clientOf(server, { backoff: { minMs: 1, maxMs: 3 } });
        const gaps: unknown[] = [];
        client.on('gap', (gap) => gaps.push(gap));
        client.on('error', (error) => gaps.push(error));
        const all = client.subscribe({ events: ['*'], replay: { mode: 'none' } });
        const files = client.subscribe({ events: ['file_change'], replay: { mode: 'none' }, buffer: { limit: 4 } });
        const warm = client.subscribe({ events: ['entity_*'] });
        const readers = [collect(all), collect(files), collect(warm)] as const;
        await Promise.all([all.ready, files.ready, warm.caughtUp]);
        for (const each of steps) await perform(each, model, server.connections.at(-1));
        const expected = [['file_change', 'entity_created'], ['file_change'], ['entity_created']].map((names) =>
          model.log.filter(({ event }) => names.includes(event)).map(({ sequenceId }) => sequenceId),
        );
        const read = (): number[][] => readers.map(({ items }) => items.map(({ sequenceId }) => sequenceId));
        const length = (lists: number[][]): number => lists.reduce((sum, list) => sum + list.length, 0);
        await until(() => length(read()) >= length(expected), 'every event');
        expect(read()).toEqual(expected);
        expect(gaps).toEqual([]);
        await client.close();
        await server.close();
      }),
      { numRuns: 60, seed: 20_260_302 },
    );
  });
});
