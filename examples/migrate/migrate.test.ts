import { once } from 'node:events';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import type { FileChangePayload } from '../../generated/types.ts';
import { onCleanup, PATIENCE, serve } from '../../src/testing/rig.ts';
import { serveBridge } from './bridge.ts';
import { toTidemark } from './messages.ts';

/** A client of the older system: sends messages of the older system, and collects those that it receives. */
class OlderClient {
  readonly frames: Record<string, unknown>[] = [];
  readonly socket: WebSocket;

  constructor(url: string) {
    this.socket = new WebSocket(url);
    this.socket.on('message', (data: Buffer) =>
      this.frames.push(JSON.parse(data.toString('utf8')) as Record<string, unknown>),
    );
  }

  send(message: object): void {
    this.socket.send(JSON.stringify(message));
  }

  /** Waits for a frame that has these members. */
  async receive(members: object): Promise<Record<string, unknown>> {
    return vi.waitFor(() => {
      const found = this.frames.find((frame) =>
        Object.entries(members).every(([name, value]) => frame[name] === value),
      );
      if (found === undefined)
        throw new Error(`nothing like ${JSON.stringify(members)}: ${JSON.stringify(this.frames)}`);
      return found;
    }, PATIENCE);
  }
}

const change = (path: string, changeType: 'create' | 'modify'): FileChangePayload => ({
  path,
  root: 'shop',
  changeType,
  fileType: 'file',
});

let clients: OlderClient[] = [];
afterEach(() => {
  for (const { socket } of clients) socket.terminate();
  clients = [];
});

async function open(): Promise<{ readonly client: OlderClient; readonly gateway: Awaited<ReturnType<typeof serve>> }> {
  const gateway = await serve({ broadcast: 'on' });
  const bridge = await serveBridge(gateway.url);
  onCleanup(() => bridge.close());
  const client = new OlderClient(bridge.url);
  clients.push(client);
  await once(client.socket, 'open');
  return { client, gateway };
}

describe('a client of the older system behind the bridge', () => {
  test('subscribes with flat filters, and receives messages in the older form', async () => {
    const { client, gateway } = await open();
    client.send({ type: 'subscribe', id: 7, event: 'file_change', filter: { path: 'src', changeType: 'created' } });
    expect(await client.receive({ type: 'subscribed', id: 7 })).toMatchObject({
      subscriptionId: 's1',
      filter: { paths: ['src'], changeTypes: ['create'] },
    });
    for (const [path, type] of [
      ['lib/a.ts', 'create'],
      ['src/a.ts', 'modify'],
      ['src/b.ts', 'create'],
    ] as const)
      await gateway.gateway.publish('file_change', change(path, type));
    await client.receive({ type: 'event' });
    expect(client.frames.filter(({ type }) => type === 'event')).toEqual([
      {
        type: 'event',
        subscriptionId: 's1',
        event: 'file_change',
        timestamp: expect.stringMatching(/Z$/),
        data: change('src/b.ts', 'create'),
      },
    ]);
  });

  test('receives an event once for each of its subscriptions, and no event after unsubscribe_all', async () => {
    const { client, gateway } = await open();
    client.send({ type: 'subscribe', id: 'a', channel: 'files' });
    client.send({ type: 'subscribe', id: 'b', data: { channel: 'all' } });
    await client.receive({ type: 'subscribed', id: 'b' });
    await gateway.gateway.publish('file_change', change('src/a.ts', 'create'));
    await client.receive({ type: 'event', subscriptionId: 's2' });
    expect(client.frames.filter(({ type }) => type === 'event').map(({ subscriptionId }) => subscriptionId)).toEqual([
      's1',
      's2',
    ]);
    client.send({ type: 'unsubscribe_all', id: 'c' });
    const ended = await client.receive({ type: 'unsubscribed', id: 'c' });
    expect(ended['subscriptionIds']).toHaveLength(2);
    await gateway.gateway.publish('file_change', change('src/b.ts', 'create'));
    client.send({ type: 'ping', id: 'd' });
    await client.receive({ type: 'pong', id: 'd' });
    expect(client.frames.filter(({ type }) => type === 'event')).toHaveLength(2);
  });

  test('publishes a custom event, with its payload in either place', async () => {
    const { client } = await open();
    client.send({ type: 'subscribe', event: 'modified_cluster' });
    await client.receive({ type: 'subscribed' });
    client.send({ type: 'broadcastCustomEvent', id: 1, event: 'modified_cluster', data: { cluster: 'billing' } });
    client.send({
      type: 'broadcastCustomEvent',
      id: 2,
      data: { event: 'modified_cluster', payload: { cluster: 'shop' } },
    });
    await client.receive({ type: 'broadcasted', id: 2 });
    await vi.waitFor(() => expect(client.frames.filter(({ type }) => type === 'event')).toHaveLength(2), PATIENCE);
    expect(client.frames.flatMap((frame) => (frame['type'] === 'event' ? [frame['data']] : []))).toEqual([
      { cluster: 'billing' },
      { cluster: 'shop' },
    ]);
  });

  test('receives errors of the bridge and of the gateway', async () => {
    const { client } = await open();
    client.send({ type: 'subscribe', id: 1, event: 'file_change', filter: { colour: 'red' } });
    expect(await client.receive({ type: 'error', id: 1 })).toMatchObject({
      message: 'Unknown filter field colour.',
    });
    client.send({ type: 'subscribe', id: 2, event: 'file_change', filter: { changeType: 'touched' } });
    expect(await client.receive({ type: 'error', id: 2 })).toMatchObject({ code: 'filter_invalid' });
    client.socket.send('no JSON');
    expect(await client.receive({ type: 'error', id: undefined })).toMatchObject({
      message: 'A message must be an object with a "type".',
    });
  });

  test('is disconnected with the code of the gateway when the gateway drains', async () => {
    const { client, gateway } = await open();
    client.send({ type: 'ping', id: 1 });
    await client.receive({ type: 'pong' });
    const closed = once(client.socket, 'close');
    await gateway.gateway.close({ drainMs: 100 });
    expect((await closed)[0]).toBe(4200);
  });
});

describe('a message of the older system', () => {
  test.each([
    [
      { type: 'subscribe', event: 'x', path: 'a', paths: ['b'] },
      { events: ['x'], filter: { paths: ['a', 'b'] } },
    ],
    [{ type: 'subscribe', channel: 'graph' }, { events: ['entity_*', 'relationship_*', 'graph_update'] }],
    [
      { type: 'subscribe', data: { event: 'session_event', filter: { sessionId: ['s1', 's2'] } } },
      { events: ['session_event'], filter: { sessionIds: ['s1', 's2'] } },
    ],
  ])('%j', (message, data) => {
    expect(toTidemark(message)).toEqual({
      command: { type: 'subscribe', data: { ...data, replay: { mode: 'none' } } },
    });
  });

  test.each([[null], ['x'], [{ type: 'constructor' }], [{ type: 'subscribe' }], [{ type: 'unsubscribe' }]])(
    '%j gets an error with the reason',
    (message) => {
      expect(toTidemark(message)).toEqual({ fault: expect.any(String) });
    },
  );
});
