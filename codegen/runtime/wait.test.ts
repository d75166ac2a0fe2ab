import { describe, expect, expectTypeOf, test } from 'vitest';
import { WaitError } from './errors.ts';
import { until } from './testing/fake-server.ts';
import { clientOf, fakeServer, modelServer, rejection } from './testing/harness.ts';
import type { EntityCreatedEvent } from './testing/sample-client.ts';

describe('waitFor', () => {
  test('returns the first event that the predicate accepts, typed by its name, and its position', async () => {
    const { server, model } = await modelServer();
    const client = clientOf(server);
    const waiting = client.waitFor('entity_created', ({ payload }) => payload.id === 'b');
    await until(() => model.subscribers === 1, 'the subscription');
    model.publish('file_change', { path: 'b' });
    model.publish('entity_created', { id: 'a' });
    model.publish('entity_created', { id: 'b' });
    const { event, position } = await waiting;
    expectTypeOf(event).toEqualTypeOf<EntityCreatedEvent>();
    expect(event).toMatchObject({ event: 'entity_created', payload: { id: 'b' } });
    expect(position).toEqual({ epoch: 'e1', sequenceId: 3 });
    await until(() => model.subscribers === 0, 'the unsubscribe');
  });

  test('misses no event after the given position; without a position, earlier events do not count', async () => {
    const { server, model } = await modelServer();
    const client = clientOf(server);
    model.publish('entity_created', { id: 'old' });
    const { position } = await client.sync();
    model.publish('entity_created', { id: 'between' });
    const { event } = await client.waitFor('entity_created', () => true, { since: position });
    expect(event.payload.id).toBe('between');
    await until(() => model.subscribers === 0, 'the unsubscribe');
    const later = client.waitFor('entity_created');
    await until(() => model.subscribers === 1, 'the subscription');
    model.publish('entity_created', { id: 'later' });
    expect((await later).event.payload.id).toBe('later');
  });

  test('continues over a lost connection from the position that it had reached', async () => {
    const { server, model } = await modelServer();
    const client = clientOf(server);
    const waiting = client.waitFor('entity_created', ({ payload }) => payload.id === 'b');
    await until(() => model.subscribers === 1, 'the subscription');
    (await server.connection(1)).drop();
    model.publish('entity_created', { id: 'b' });
    expect((await waiting).event.payload.id).toBe('b');
  });

  test('rejects after its timeout with the position from which to continue', async () => {
    const { server, model } = await modelServer();
    const client = clientOf(server);
    model.publish('file_change', { path: 'x' });
    await client.connect();
    const error = await rejection(client.waitFor('entity_created', () => true, { timeoutMs: 300 }));
    expect(error).toBeInstanceOf(WaitError);
    expect(error).toMatchObject({ reason: 'timeout', position: model.head });
    model.publish('entity_created', { id: 'a' });
    const { position } = error as WaitError;
    expect((await client.waitFor('entity_created', () => true, { since: position })).event.payload.id).toBe('a');
  });

  test('times out with its given position if no server answers', async () => {
    const gone = await fakeServer();
    await gone.close();
    const since = { epoch: 'e1', sequenceId: 4 };
    const error = await rejection(clientOf(gone).waitFor('*', () => true, { since, timeoutMs: 30 }));
    expect(error).toMatchObject({ name: 'WaitError', reason: 'timeout', position: since });
  });

  test('rejects when events were lost, unless gaps have a listener', async () => {
    const { server, model } = await modelServer();
    const client = clientOf(server);
    model.window = 1;
    for (const id of ['a', 'b', 'c']) model.publish('entity_created', { id });
    const since = { epoch: 'e1', sequenceId: 0 };
    const wait = (onGap?: (gap: { readonly reason: string }) => void): Promise<unknown> =>
      client.waitFor('entity_created', ({ payload }) => payload.id === 'd', { since, onGap });
    expect(await rejection(wait())).toMatchObject({
      name: 'WaitError',
      reason: 'gap',
      gap: { reason: 'window_exceeded' },
    });
    const gaps: string[] = [];
    const waiting = wait(({ reason }) => gaps.push(reason));
    await until(() => gaps.length === 1 && model.subscribers === 1, 'the gap');
    model.publish('entity_created', { id: 'd' });
    expect(await waiting).toMatchObject({ position: { sequenceId: 4 } });
    expect(gaps).toEqual(['window_exceeded']);
  });

  test('ends with its signal, with the client, and with a predicate that throws', async () => {
    const { server, model } = await modelServer();
    const client = clientOf(server);
    const controller = new AbortController();
    const [aborted, thrown, closed] = [
      rejection(client.waitFor('*', () => false, { signal: controller.signal })),
      rejection(
        client.waitFor('*', () => {
          throw new RangeError('unexpected');
        }),
      ),
      rejection(client.waitFor('*', () => false)),
    ];
    await until(() => model.subscribers === 3, 'the subscriptions');
    const reason = new Error('enough');
    controller.abort(reason);
    expect(await aborted).toBe(reason);
    expect(await rejection(client.waitFor('*', () => true, { signal: controller.signal }))).toBe(reason);
    model.publish('file_change', { path: 'x' });
    expect(await thrown).toBeInstanceOf(RangeError);
    await client.close();
    expect(await closed).toMatchObject({ name: 'ConnectionError', reason: 'client_closed' });
  });
});
