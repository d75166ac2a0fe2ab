import { setTimeout as wait } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import type { MirrorChange } from './change-log.ts';
import { until } from './testing/fake-server.ts';
import { clientOf, entitiesOf, fakeServer, modelServer, rejection } from './testing/harness.ts';
import type { ModelGateway } from './testing/model-gateway.ts';
import type { EntityCreatedEvent } from './testing/sample-client.ts';

// A test must start a garbage collection, because a mirror forgets an iterator only when it is garbage-collected.
setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

type Change = MirrorChange<EntityCreatedEvent>;

const brief = ({ kind, key }: Change): string => `${kind} ${key}`;
const create = (model: ModelGateway, ...ids: readonly string[]): void => {
  for (const id of ids) model.publish('entity_created', { id });
};
const remove = (model: ModelGateway, id: string): unknown => model.publish('entity_deleted', { id });

describe('a mirror', () => {
  test('shows the starting picture, then follows the stream; deletions remove entries', async () => {
    const { server, model } = await modelServer();
    create(model, 'a', 'b');
    remove(model, 'b');
    const entities = entitiesOf(clientOf(server));
    expect([entities.state, entities.size, entities.position]).toEqual(['loading', 0, undefined]);
    await entities.ready;
    expect([...entities.keys()]).toEqual(['a']);
    create(model, 'c');
    remove(model, 'a');
    await entities.sync();
    expect([entities.state, entities.truncated, entities.has('a')]).toEqual(['live', false, false]);
    expect(entities.get('c')).toMatchObject({ event: 'entity_created', sequenceId: 4, payload: { id: 'c' } });
    expect([...entities].map(([key, { payload }]) => [key, payload.id])).toEqual([['c', 'c']]);
    expect([...entities.values()]).toEqual([...entities.entries()].map(([, event]) => event));
    const visited: string[] = [];
    entities.forEach((_event, key, map) => visited.push(`${key} ${map.size}`));
    expect(visited).toEqual(['c 1']);
    expect(entities.position).toEqual(model.head);
  });

  test('reports each change after it was made, with the previous event', async () => {
    const { server, model } = await modelServer();
    create(model, 'a');
    const entities = entitiesOf(clientOf(server));
    const reported: unknown[] = [];
    entities.on('change', (change) => reported.push([brief(change), change.previous?.sequenceId, entities.size]));
    await entities.ready;
    create(model, 'a', 'b');
    remove(model, 'a');
    remove(model, 'never there');
    await entities.sync();
    expect(reported).toEqual([
      ['set a', undefined, 1],
      ['set a', 1, 1],
      ['set b', undefined, 2],
      ['delete a', 2, 1],
    ]);
  });

  test('yields its changes, and combines unread changes of one key', async () => {
    const { server, model } = await modelServer();
    const entities = entitiesOf(clientOf(server));
    await entities.ready;
    const changes = entities.changes();
    create(model, 'a', 'b', 'a', 'c');
    remove(model, 'c');
    await entities.sync();
    const read = async (): Promise<Change> => (await changes.next()).value as Change;
    expect(await read()).toMatchObject({ kind: 'set', key: 'b', previous: undefined });
    expect(await read()).toMatchObject({ kind: 'set', key: 'a', previous: undefined, event: { sequenceId: 3 } });
    const next = read();
    remove(model, 'b');
    expect(await next).toMatchObject({ kind: 'delete', key: 'b', previous: { sequenceId: 2 } });
    entities.close();
    expect(await changes.next()).toEqual({ done: true, value: undefined });
    expect(await entities.changes().next()).toEqual({ done: true, value: undefined });
  });

  test.each(['is never iterated', 'is returned before its first read'])(
    'forgets the changes of an iterator that %s',
    async (how) => {
      const { server, model } = await modelServer();
      create(model, 'a');
      const entities = entitiesOf(clientOf(server));
      await entities.ready;
      const abandon = async (): Promise<void> => {
        const changes = entities.changes();
        if (how !== 'is never iterated') await changes.return();
      };
      const refer = (event: object = {}): WeakRef<object> => new WeakRef(event);
      const shown = refer(entities.get('a'));
      await abandon();
      // An unread change keeps the event that it replaced.
      remove(model, 'a');
      await entities.sync();
      await until(() => {
        collectGarbage();
        return shown.deref() === undefined;
      }, 'the event to be collected');
      expect(shown.deref()).toBeUndefined();
    },
  );

  test('keeps an iterator while a read of it is pending, even without a reference to it', async () => {
    const { server, model } = await modelServer();
    const entities = entitiesOf(clientOf(server));
    await entities.ready;
    const next = (): Promise<IteratorResult<Change, void>> => entities.changes().next();
    const waiting = next();
    collectGarbage();
    await wait(1);
    create(model, 'a');
    expect((await waiting).value).toMatchObject({ kind: 'set', key: 'a' });
  });

  test('keeps the old picture until a fresh one is complete after a gap, then reports the difference', async () => {
    const { server, model } = await modelServer();
    create(model, 'a', 'b');
    const entities = entitiesOf(clientOf(server));
    await entities.ready;
    const reported: string[] = [];
    entities.on('state', (state) => reported.push(`${state} ${[...entities.keys()].join('')}`));
    entities.on('gap', ({ reason }) => reported.push(reason));
    entities.on('change', (change) => reported.push(brief(change)));
    model.window = 1;
    model.carry = () => false;
    (await server.connection(1)).drop();
    remove(model, 'a');
    create(model, 'c', 'd');
    model.carry = () => true;
    await until(() => reported.includes('live bcd'), 'the repair');
    expect(reported).toEqual(['window_exceeded', 'repairing ab', 'delete a', 'set c', 'set d', 'live bcd']);
    await until(() => model.subscribers === 1, 'the end of the old subscription');
  });

  test('is repaired after a new epoch, a required fresh start, and an event that was lost in transit', async () => {
    const { server, model } = await modelServer();
    const client = clientOf(server);
    const entities = entitiesOf(client);
    await entities.ready;
    create(model, 'a');
    model.loseEpoch('e2');
    create(model, 'b');
    await entities.sync();
    expect([...entities.keys()]).toEqual(['b']);
    server.connections.at(-1)?.close(4300);
    remove(model, 'b');
    create(model, 'c');
    await entities.sync();
    expect([...entities.keys()]).toEqual(['c']);
    const connection = server.connections.at(-1);
    if (connection === undefined) throw new Error('no connection');
    // The heartbeat proves what was received so far, so that the client repairs by a resume and not by a warm replay.
    model.heartbeat(connection);
    model.carry = () => false;
    create(model, 'd');
    model.carry = () => true;
    remove(model, 'd');
    model.heartbeat(connection);
    await entities.sync();
    expect([...entities.keys()]).toEqual(['c']);
  });

  test('starts again when its first replay was cut off, because an entry may have been deleted meanwhile', async () => {
    const position = { epoch: 'e', sequenceId: 3 };
    const server = await fakeServer({
      script: (connection, command) => {
        if (command.type !== 'subscribe') return;
        const { subscriptionId } = command.data;
        const common = {
          subscriptionIds: [subscriptionId],
          isReplay: true,
          replayReason: 'warm',
          stream: 'main',
          epoch: 'e',
        };
        const send = (sequenceId: number, id: string): void =>
          connection.send('event', { ...common, sequenceId, event: 'entity_created', payload: { id } });
        connection.reply(command, 'subscribed', { subscriptionId, position, recovery: { attempted: false } });
        if (server.connections.length === 1) {
          send(1, 'deleted meanwhile');
          setTimeout(() => connection.drop(), 10);
        } else {
          send(2, 'kept');
          connection.send('replay_complete', { subscriptionId, position, count: 1, truncated: true });
        }
      },
    });
    const entities = entitiesOf(clientOf(server));
    await entities.ready;
    expect([[...entities.keys()], entities.truncated]).toEqual([['kept'], true]);
  });

  test('reports a source loss, which no picture can repair, and continues', async () => {
    const { server, model } = await modelServer();
    const client = clientOf(server);
    const entities = entitiesOf(client);
    await entities.ready;
    const reported: string[] = [];
    entities.on('gap', ({ reason }) => reported.push(reason));
    entities.on('state', (state) => reported.push(state));
    const gap = {
      stream: 'main',
      subscriptionIds: client.subscriptions.map(({ id }) => id),
      from: model.head,
      to: model.head,
    };
    server.connections[0]?.send('gap', { ...gap, reason: 'source_overflow' });
    await entities.sync();
    expect(reported).toEqual(['source_overflow']);
  });

  test('keeps its content when it is closed: by its owner, its signal, or the end of the client', async () => {
    const { server, model } = await modelServer();
    create(model, 'a');
    const client = clientOf(server);
    const controller = new AbortController();
    const [byOwner, bySignal, byClient] = [
      entitiesOf(client),
      entitiesOf(client, { signal: controller.signal }),
      entitiesOf(client),
    ];
    await Promise.all([byOwner.ready, bySignal.ready, byClient.ready]);
    byOwner.close();
    controller.abort(new Error('enough'));
    await until(() => model.subscribers === 1, 'the unsubscribes');
    await client.close();
    await until(() => byClient.state === 'closed', 'the end');
    for (const entities of [byOwner, bySignal, byClient])
      expect([entities.state, entities.size]).toEqual(['closed', 1]);
    expect(await rejection(byOwner.sync())).toMatchObject({ reason: 'client_closed' });
    expect(await rejection(bySignal.sync())).toMatchObject({ message: 'enough' });
  });

  test('stays closed when a listener closes it while a warm picture is shown', async () => {
    const { server, model } = await modelServer();
    create(model, 'a', 'b');
    const entities = entitiesOf(clientOf(server));
    const reported: string[] = [];
    entities.on('state', (state) => reported.push(state));
    entities.on('change', (change) => {
      reported.push(brief(change));
      entities.close();
    });
    expect(await rejection(entities.ready)).toMatchObject({ reason: 'client_closed' });
    await until(() => model.subscribers === 0, 'the unsubscribe');
    expect([reported, entities.state]).toEqual([['set a', 'closed'], 'closed']);
  });

  test('stays closed when a listener closes it while a deletion of the fresh picture is reported', async () => {
    const { server, model } = await modelServer();
    create(model, 'a', 'b');
    const entities = entitiesOf(clientOf(server));
    await entities.ready;
    const reported: string[] = [];
    entities.on('change', (change) => {
      reported.push(brief(change));
      entities.close();
    });
    model.loseEpoch('e2');
    await until(() => entities.state === 'closed', 'the end');
    await until(() => model.subscribers === 0, 'the unsubscribe');
    expect([reported, entities.state]).toEqual([['delete a'], 'closed']);
  });

  test('does not subscribe again when a listener closes it at the start of a repair', async () => {
    const { server, model } = await modelServer();
    const client = clientOf(server);
    const entities = entitiesOf(client);
    await entities.ready;
    const reported: string[] = [];
    entities.on('state', (state) => {
      reported.push(state);
      entities.close();
    });
    model.loseEpoch('e2');
    await until(() => entities.state === 'closed', 'the end');
    await until(() => client.subscriptions.length === 0, 'the unsubscribe');
    expect([reported, model.subscribers]).toEqual([['repairing', 'closed'], 0]);
  });

  test('that the server refuses rejects with the reason', async () => {
    const server = await fakeServer({ script: (to, command) => to.refuse(command, { code: 'forbidden' }) });
    const entities = entitiesOf(clientOf(server));
    expect(await rejection(entities.ready)).toMatchObject({ name: 'TidemarkError', code: 'forbidden' });
    expect(entities.state).toBe('closed');
  });
});
