/** The mock as front-end developers use it: with the generated client and the control address. */
import type { Server } from 'node:http';
import pino from 'pino';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { ConnectionError, createClient, isEvent } from '../../generated/client.ts';
import type { TidemarkClient, TidemarkError, TidemarkGap } from '../../generated/client.ts';
import { serverValidators } from '../../generated/validators.js';
import { buildContract } from '../testing/own-contract.ts';
import { serveControl } from './control.ts';
import { examplesOf } from './examples.ts';
import { Mock, UnknownEventError } from './mock.ts';
import type { MockOptions } from './mock.ts';
import { ScriptError, readScript } from './script.ts';

const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

interface Rig {
  readonly mock: Mock;
  readonly url: string;
  readonly client: TidemarkClient;
  /** What the control server has reported as faults of the mock. */
  readonly faults: readonly unknown[];
  readonly order: (path: string, body?: object) => Promise<{ readonly status: number; readonly body: object }>;
}

async function rig(options: Partial<MockOptions> = {}): Promise<Rig> {
  const mock = new Mock({ host: '127.0.0.1', port: 0, everyMs: 0, events: [], ...options });
  closers.push(() => mock.close());
  const { url } = await mock.start();
  const faults: unknown[] = [];
  const control: Server = await serveControl(mock, 0, (error) => faults.push(error));
  closers.push(() => control.close());
  const address = control.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const client = createClient({ url, backoff: { minMs: 10, maxMs: 50 } });
  closers.push(() => client.close());
  const order: Rig['order'] = async (path, body) => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: answer.status, body: (await answer.json()) as object };
  };
  return { mock, url, client, order, faults };
}

interface Message {
  readonly type: string;
  readonly data: object;
}

/** Connects without the generated client, subscribes to all events of `main`, and collects the messages. */
async function follow(url: string): Promise<{ readonly messages: readonly Message[]; readonly socket: WebSocket }> {
  const socket = new WebSocket(url, 'tidemark.v1');
  closers.push(() => socket.close());
  const messages: Message[] = [];
  socket.addEventListener('message', ({ data }) => messages.push(JSON.parse(String(data)) as Message));
  await vi.waitUntil(() => messages.length === 1, waiting);
  socket.send(JSON.stringify({ type: 'subscribe', id: 'c1', data: { events: ['*'] } }));
  await vi.waitUntil(() => messages.some(({ type }) => type === 'replay_complete'), waiting);
  return { messages, socket };
}

const waiting = { timeout: 120_000, interval: 10 };

describe('events', () => {
  test('of every declared name are published in turn, from the examples of the contract', async () => {
    const { client, mock } = await rig({ everyMs: 5 });
    const seen = new Set<string>();
    const paths: string[] = [];
    for await (const event of client.subscribe({ events: ['*'], stream: 'main' })) {
      seen.add(event.event);
      if (isEvent(event, 'file_change')) paths.push(event.payload.path);
      if (seen.size === mock.events.length - 1) break;
    }
    expect(paths[0]).toMatch(/^src\/(?:app|main)\.ts$/);
    // `session_event` is missing among the seen events, because it is published on the stream of its session.
    expect([...seen, 'session_event'].toSorted()).toEqual(mock.events.toSorted());
  });

  test('of the user’s own contract are published too, with the state that a late subscriber needs', async () => {
    const { contract } = await buildContract();
    const { mock, url } = await rig({ contract });
    const own = mock.events.filter((name) => !examplesOf().has(name));
    expect(own.length).toBeGreaterThan(0);
    const examples = own.flatMap((name) => mock.exampleOf(name) ?? []);
    for (const example of examples) await mock.publish(example);
    expect(examples).toHaveLength(own.length);
    const client = createClient({ url });
    closers.push(() => client.close());
    const late = client.subscribe({ events: ['*'] });
    await late.ready;
    expect((await late.caughtUp).count).toBeGreaterThan(0);
  });

  test('whose name the contract does not declare are refused, with the names that it declares', () => {
    expect(() => new Mock({ host: '127.0.0.1', port: 0, everyMs: 0, events: ['file_changed'] })).toThrow(
      UnknownEventError,
    );
  });

  test('on demand have the example as payload, or a given payload that the contract allows', async () => {
    const { client, order } = await rig();
    const events = client.subscribe({ events: ['sync_status'], replay: { mode: 'none' } });
    await events.ready;
    expect((await order('/publish', { event: 'sync_status', count: 2 })).body).toMatchObject({ published: 2 });
    expect(await order('/publish', { event: 'sync_status', payload: { status: 'sleeping' } })).toMatchObject({
      status: 400,
    });
    const reader = events[Symbol.asyncIterator]();
    const first = (await reader.next()).value as { readonly payload: object };
    expect(first.payload).toEqual(examplesOf().get('sync_status')?.[0]?.payload);
  });

  test('of a tape and of a recorded trace are read in order', () => {
    const tape = [
      '{"tape":1,"id":"x/y"}',
      '{"as":"a","open":{}}',
      '{"stim":[{"event":"note","payload":{"n":1}},{"event":"note","stream":"workspace:${nonce}","payload":{"n":2}}]}',
      '{"as":"a","send":{"type":"broadcast","id":"1","data":{"event":"note","payload":{"n":3}}}}',
    ].join('\n');
    expect(readScript(tape, 'tape')).toEqual([
      { event: 'note', payload: { n: 1 } },
      { event: 'note', stream: 'workspace:mock', payload: { n: 2 } },
      { event: 'note', payload: { n: 3 } },
    ]);
    const message = (eventId: string, isReplay: boolean): string =>
      JSON.stringify({
        type: 'event',
        data: { eventId, isReplay, stream: 'main', event: 'note', payload: { eventId } },
      });
    const frame = (text: string): string =>
      JSON.stringify({ actor: 'a', connection: 1, dir: '<<', kind: 'text', text });
    const trace = ['{"trace":1}', ...['1', '1', '2'].map((id) => frame(message(id, false))), frame(message('3', true))];
    expect(readScript(trace.join('\n'), 'trace').map(({ payload }) => payload)).toEqual([
      { eventId: '1' },
      { eventId: '2' },
    ]);
    expect(() => readScript('{"a":1}', 'file')).toThrow(ScriptError);
  });

  test('of a script are published once, from the first subscription on', async () => {
    const script = [1, 2, 3].map((n) => ({ event: 'note.taken', payload: { n } }));
    const { client } = await rig({ script, everyMs: 5 });
    const seen: unknown[] = [];
    for await (const event of client.subscribe({ events: ['note.*'] })) {
      seen.push(event.payload);
      if (seen.length === 3) break;
    }
    expect(seen).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
  });
});

describe('a fault on demand', () => {
  test('closes connections with a code of the contract, and the client resumes without a loss', async () => {
    const { client, order } = await rig();
    const closings: number[] = [];
    client.on('closing', ({ code }) => closings.push(code));
    const events = client.subscribe({ events: ['sync_status'], replay: { mode: 'none' } });
    await events.ready;
    expect(await order('/close', { name: 'overloaded' })).toMatchObject({ body: { closed: 1 } });
    await order('/publish', { event: 'sync_status' });
    expect((await events[Symbol.asyncIterator]().next()).done).toBe(false);
    expect(closings).toEqual([4202]);
    expect(events.gapCount).toBe(0);
  });

  test('cuts connections, and restarts the gateway, which the client detects as a gap', async () => {
    const { client, order } = await rig();
    const gaps: TidemarkGap[] = [];
    const events = client.subscribe({
      events: ['sync_status'],
      replay: { mode: 'none' },
      onGap: (gap) => gaps.push(gap),
    });
    await events.ready;
    await order('/publish', { event: 'sync_status' });
    await events[Symbol.asyncIterator]().next();
    expect(await order('/cut', {})).toMatchObject({ body: { cut: 1 } });
    await vi.waitUntil(() => client.state === 'open', waiting);
    await order('/restart', {});
    await vi.waitUntil(() => gaps.length > 0, waiting);
    expect(gaps[0]).toMatchObject({ reason: 'epoch_changed' });
  });

  test('loses events with a gap that names them', async () => {
    const { client, order } = await rig();
    const gaps: TidemarkGap[] = [];
    const events = client.subscribe({
      events: ['sync_status'],
      replay: { mode: 'none' },
      onGap: (gap) => gaps.push(gap),
    });
    const { position } = await events.ready;
    await order('/gap', { count: 2 });
    await order('/publish', { event: 'sync_status', count: 3 });
    const next = (await events[Symbol.asyncIterator]().next()).value as { readonly sequenceId: number };
    expect(next.sequenceId).toBe(position.sequenceId + 3);
    expect(gaps).toMatchObject([
      { from: { sequenceId: position.sequenceId }, to: { sequenceId: position.sequenceId + 2 } },
    ]);
  });

  test('loses events without a report, which the client detects by the number of delivered events', async () => {
    const { client, order } = await rig({ gateway: { limits: { heartbeatIntervalMs: 200 } } });
    const losses: unknown[] = [];
    client.on('loss', (loss) => losses.push(loss));
    const events = client.subscribe({ events: ['sync_status'], replay: { mode: 'none' } });
    await events.ready;
    await order('/lose', { count: 1 });
    await order('/publish', { event: 'sync_status', count: 2 });
    await vi.waitUntil(() => losses.length > 0, waiting);
    expect(losses).toHaveLength(1);
  });

  test('first reports the events that an earlier request withheld, when a later request replaces the earlier one', async () => {
    const { url, order } = await rig({ gateway: { limits: { heartbeatIntervalMs: 200 } } });
    const { messages } = await follow(url);
    await order('/gap', { count: 5 });
    await order('/publish', { event: 'sync_status', count: 2 });
    await order('/reset', {});
    await vi.waitUntil(() => messages.some(({ type }) => type === 'gap'), waiting);
    expect(messages.find(({ type }) => type === 'gap')?.data).toMatchObject({ subscriptionIds: ['s1'] });
    expect(messages.some(({ type }) => type === 'event')).toBe(false);
  });

  test('that loses events without a report does not count losses that a gap has reported', async () => {
    const { url, order } = await rig({ gateway: { limits: { heartbeatIntervalMs: 200 } } });
    const { messages } = await follow(url);
    const heartbeats = (): typeof messages => messages.filter(({ type }) => type === 'heartbeat');
    await order('/gap', { count: 1 });
    await order('/publish', { event: 'sync_status', count: 2 });
    await vi.waitUntil(() => messages.some(({ type }) => type === 'event'), waiting);
    await order('/lose', { count: 1 });
    const before = heartbeats().length;
    await vi.waitUntil(() => heartbeats().length > before, waiting);
    expect(heartbeats().at(-1)?.data).toMatchObject({ delivered: 1 });
  });

  test('carries out two restarts one after the other when both are requested at once', async () => {
    const steps: string[] = [];
    const write = (line: string): void => {
      if (line.includes('no credential is configured')) steps.push('listens');
    };
    const log = pino({ level: 'debug' }, { write });
    const { mock } = await rig({ gateway: { log } });
    steps.length = 0;
    const restarted = (): void => void steps.push('restarted');
    await Promise.all([mock.restart().then(restarted), mock.restart().then(restarted)]);
    expect(steps).toEqual(['listens', 'restarted', 'listens', 'restarted']);
  });

  test('reports a loss at a source with directories to read again', async () => {
    const { client, order } = await rig();
    const gaps: TidemarkGap[] = [];
    const events = client.subscribe({ events: ['file_change'], onGap: (gap) => gaps.push(gap) });
    await events.ready;
    await order('/source-gap', { paths: ['src'] });
    await vi.waitUntil(() => gaps.length > 0, waiting);
    expect(gaps[0]).toMatchObject({ reason: 'source_overflow' });
  });

  test('refuses as many upgrades and commands as requested', async () => {
    const { client, url, order } = await rig();
    await order('/refuse-upgrade', { status: 403 });
    const refused = createClient({ url, maxAttempts: 1 });
    closers.push(() => refused.close());
    await expect(refused.connect()).rejects.toBeInstanceOf(ConnectionError);
    await order('/refuse-command', { command: 'broadcast', code: 'forbidden' });
    const publish = () => client.broadcast({ stream: 'main', event: 'note.taken', payload: {} });
    await expect(publish()).rejects.toMatchObject({ code: 'forbidden' } satisfies Partial<TidemarkError>);
    await expect(publish()).resolves.toMatchObject({ duplicate: false });
  });

  test('delays messages, or sends nothing for a while', async () => {
    const { client, order } = await rig();
    await client.connect();
    const timed = async (): Promise<number> => {
      const began = performance.now();
      await client.ping();
      return performance.now() - began;
    };
    await order('/delay', { ms: 300 });
    expect(await timed()).toBeGreaterThan(290);
    await order('/reset', {});
    await order('/silence', { ms: 300 });
    expect(await timed()).toBeGreaterThan(250);
  });

  test('that was not requested is reported to the operator of the mock; the client learns no details', async () => {
    const { mock, order, faults } = await rig();
    vi.spyOn(mock, 'restart').mockRejectedValue(new Error('no port is free'));
    const { status, body } = await order('/restart', {});
    expect(status).toBe(500);
    expect(JSON.stringify(body)).not.toContain('port');
    expect(faults).toMatchObject([{ message: 'no port is free' }]);
  });

  test('is shown in the state, and an invalid request is explained', async () => {
    const { order } = await rig();
    await order('/refuse-command', { command: 'ping', code: 'internal', times: 2 });
    expect(await order('/state')).toMatchObject({
      body: { connections: 0, faults: { commands: [{ command: 'ping', times: 2 }] } },
    });
    expect(await order('/close', { name: 'bored' })).toMatchObject({
      status: 400,
      body: { error: expect.stringContaining('overloaded') },
    });
    expect(await order('/explode', {})).toMatchObject({
      status: 404,
      body: { error: expect.stringContaining('POST /gap') },
    });
  });
});

test('events that the mock generates match the contract', async () => {
  const { url, order } = await rig();
  const { messages, socket } = await follow(url);
  await order('/gap', { count: 1 });
  await order('/publish', { event: 'sync_status' });
  await order('/refuse-command', { command: 'ping', code: 'rate_limited', retryAfterMs: 5 });
  socket.send(JSON.stringify({ type: 'ping', id: 'c2', data: {} }));
  await vi.waitUntil(() => messages.some(({ type }) => type === 'error'), waiting);
  await order('/close', { name: 'overloaded' });
  await vi.waitUntil(() => messages.some(({ type }) => type === 'closing'), waiting);
  for (const type of ['gap', 'error', 'closing'] as const) {
    const message = messages.find((each) => each.type === type);
    expect(serverValidators[type](message)).toBe(true);
  }
});
