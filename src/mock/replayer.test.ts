/** A mock that replays a recording, used with the generated client and with the control address. */
import { afterEach, describe, expect, test, vi } from 'vitest';
import { createClient } from '../../generated/client.ts';
import type { TidemarkGap } from '../../generated/client.ts';
import { serveControl } from './control.ts';
import { Mock } from './mock.ts';
import { readRecording } from './recording.ts';
import { ScriptError } from './script.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

const waiting = { timeout: 120_000, interval: 10 };
const EPOCH = 'recorded-epoch';

interface Line {
  readonly dir: '>>' | '<<';
  readonly kind?: string;
  readonly actor?: string;
  readonly at?: number;
  readonly value: object;
}

/** A trace with these connections; each connection is a list of frames. */
function traceOf(...connections: readonly (readonly Line[])[]): string {
  const frames = connections.flatMap((lines, index) =>
    lines.map(({ dir, kind = 'text', actor = 'ide', at = 0, value }) => ({
      actor,
      connection: index + 1,
      dir,
      kind,
      at,
      text: JSON.stringify(value),
    })),
  );
  return [{ trace: 1, startedAt: '', target: '' }, ...frames].map((line) => JSON.stringify(line)).join('\n');
}

const client = (type: string, id: string, data: object = {}): Line => ({ dir: '>>', value: { type, id, data } });
const server = (type: string, data: object, id?: string, at?: number): Line => ({
  dir: '<<',
  ...(at === undefined ? {} : { at }),
  value: { type, ...(id === undefined ? {} : { id }), data },
});
const closed = (code: number): Line => ({ dir: '<<', kind: 'close', value: { code, reason: '' } });

const position = (sequenceId: number): object => ({ epoch: EPOCH, sequenceId });
const event = (sequenceId: number, at?: number): Line =>
  server(
    'event',
    {
      subscriptionIds: ['recorded-1'],
      isReplay: false,
      stream: 'main',
      ...position(sequenceId),
      eventId: `01JD8Q6Z6M00000000000000${sequenceId}`,
      event: 'acme.unknown_to_any_contract',
      emittedAt: '2026-03-02T09:15:00.000Z',
      source: { name: 'acme', principal: 'acme' },
      payload: { number: sequenceId },
    },
    undefined,
    at,
  );

const SUBSCRIBED = {
  subscriptionId: 'recorded-1',
  stream: 'main',
  events: ['*'],
  filter: {},
  position: position(10),
  recovery: { attempted: false },
};
const OPENING = [
  server('welcome', {
    connectionId: '01JD8Q6Z6M0000000000000001',
    heartbeatIntervalMs: 25_000,
    limits: {},
    features: {},
  }),
  client('sync', 'c7', { stream: 'main' }),
  server('synced', { stream: 'main', position: position(10) }, 'c7'),
  client('subscribe', 'c8', { subscriptionId: 'recorded-1', events: ['*'] }),
  server('subscribed', SUBSCRIBED, 'c8'),
  server('replay_complete', { subscriptionId: 'recorded-1', position: position(10), count: 0, truncated: false }),
];

async function mockOf(trace: string, options: { readonly pace?: number; readonly actors?: readonly string[] } = {}) {
  const { pace = 0, actors = [] } = options;
  const connections = readRecording(trace, 'trace', actors);
  const mock = new Mock({ host: '127.0.0.1', port: 0, everyMs: 5, events: [], replay: { connections, pace } });
  closers.push(() => mock.close());
  const { url } = await mock.start();
  const control = await serveControl(mock, 0, () => undefined);
  closers.push(() => control.close());
  const address = control.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const order = (path: string, body: object): Promise<Response> =>
    fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', body: JSON.stringify(body) });
  return { mock, url, order };
}

function clientOf(url: string) {
  const made = createClient({ url, backoff: { minMs: 10, maxMs: 50 } });
  closers.push(() => made.close());
  return made;
}

/** Connects without the generated client and collects the messages. */
async function socketOf(url: string): Promise<{ readonly socket: WebSocket; readonly messages: unknown[] }> {
  const socket = new WebSocket(url, 'tidemark.v1');
  closers.push(() => socket.close());
  const messages: unknown[] = [];
  socket.addEventListener('message', ({ data }) => messages.push(JSON.parse(String(data))));
  await vi.waitUntil(() => messages.length > 0, waiting);
  return { socket, messages };
}

describe('a recording is repeated', () => {
  test('to the generated client with its own ids, without the replies to commands that the client does not send', async () => {
    const { url } = await mockOf(traceOf([...OPENING, event(11), event(12)]));
    const events = clientOf(url).subscribe({ events: ['*'] });
    const numbers: unknown[] = [];
    for await (const { payload } of events) {
      numbers.push(payload);
      if (numbers.length === 2) break;
    }
    expect(numbers).toEqual([{ number: 11 }, { number: 12 }]);
    expect(events.position).toEqual(position(12));
  });

  test('connection by connection: a client that reconnects receives the next recorded connection', async () => {
    const again = [
      OPENING[0] ?? closed(1000),
      client('subscribe', 'c1', { events: ['*'] }),
      server('subscribed', { ...SUBSCRIBED, recovery: { attempted: true, recovered: true } }, 'c1'),
      event(12),
      server('replay_complete', { subscriptionId: 'recorded-1', position: position(12), count: 1, truncated: false }),
    ];
    const { url, mock } = await mockOf(traceOf([...OPENING, event(11), closed(4202)], again));
    const events = clientOf(url).subscribe({ events: ['*'] });
    const reader = events[Symbol.asyncIterator]();
    expect((await reader.next()).value).toMatchObject({ sequenceId: 11 });
    expect((await reader.next()).value).toMatchObject({ sequenceId: 12 });
    expect(mock.state).toMatchObject({ replay: { used: 2, recorded: 2 } });
  });

  test('unchanged, even if a message breaks the contract; unknown commands are refused, and pings are answered', async () => {
    const wrong = { type: 'welcome', data: { connectionId: 7 }, more: ['x'] };
    const { url } = await mockOf(traceOf([{ dir: '<<', value: wrong }]));
    const { socket, messages } = await socketOf(url);
    socket.send(JSON.stringify({ type: 'sync', id: 'a', data: { stream: 'main' } }));
    socket.send(JSON.stringify({ type: 'ping', id: 'b', data: {} }));
    await vi.waitUntil(() => messages.length === 3, waiting);
    expect(messages).toMatchObject([
      wrong,
      { type: 'error', id: 'a', data: { code: 'forbidden' } },
      { type: 'pong', id: 'b' },
    ]);
  });

  test('with the recorded pauses, multiplied by the pace', async () => {
    const { url } = await mockOf(traceOf([OPENING[0] ?? closed(1000), event(11, 3000)]), { pace: 0.1 });
    const began = performance.now();
    const { messages } = await socketOf(url);
    await vi.waitUntil(() => messages.length === 2, waiting);
    expect(performance.now() - began).toBeGreaterThanOrEqual(290);
  });

  test('with faults: a gap, a requested close, and a new start after a restart', async () => {
    const { url, order } = await mockOf(traceOf([...OPENING, event(11), event(12)]));
    const made = clientOf(url);
    await made.ping();
    await order('/gap', { count: 1 });
    const gaps: TidemarkGap[] = [];
    const events = made.subscribe({ events: ['*'], onGap: (gap) => gaps.push(gap) });
    const reader = events[Symbol.asyncIterator]();
    expect((await reader.next()).value).toMatchObject({ sequenceId: 12 });
    expect(gaps).toMatchObject([{ reason: 'slow_consumer', to: position(11) }]);
    const { socket } = await socketOf(url);
    const end = new Promise<number>((resolve) => socket.addEventListener('close', ({ code }) => resolve(code)));
    expect((await order('/close', { name: 'overloaded' })).status).toBe(200);
    expect(await end).toBe(4202);
    const refused = await order('/publish', { event: 'sync_status' });
    expect([refused.status, await refused.text()]).toEqual([
      400,
      expect.stringContaining('replays a recording') as string,
    ]);
    expect((await order('/restart', {})).status).toBe(200);
    expect((await socketOf(url)).messages).toMatchObject([{ type: 'welcome' }]);
  });

  test('of the chosen clients only; connections of the suite are left out', () => {
    const of = (actor: string): readonly Line[] => [{ ...server('welcome', { of: actor }), actor }];
    const trace = traceOf(of('witness'), of('alice'), of('bob'));
    expect(readRecording(trace, 'trace', [])).toHaveLength(2);
    expect(readRecording(trace, 'trace', ['bob'])).toHaveLength(1);
    expect(() => readRecording(trace, 'trace', ['carol'])).toThrow(ScriptError);
    expect(() => readRecording('{"tape":1}', 'x.ndjson', [])).toThrow(/x\.ndjson:1: expected a trace/);
  });
});
