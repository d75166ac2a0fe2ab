/**
 * Tests every limit of the contract: set low, reported in `welcome` and the metrics, exceeded, and answered as the contract
 * demands. A limit without a line here does not compile.
 */
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { describe, expect, test, vi } from 'vitest';
import { LIMITS } from '../../generated/protocol.ts';
import type { LimitName } from '../../generated/protocol.ts';
import { openAuthenticator } from '../auth/authenticator.ts';
import { NOBODY } from '../auth/principal.ts';
import { createGateway } from '../gateway.ts';
import type { Gateway, GatewayOptions } from '../gateway.ts';
import { resolveLimits } from '../options.ts';
import type { Limits } from '../options.ts';
import { RawClient } from '../testing/raw-client.ts';
import type { Frame } from '../testing/raw-client.ts';
import { PATIENCE, onCleanup } from '../testing/rig.ts';

class Rig {
  readonly gateway: Gateway;
  /** Added to the gateway's clock, in milliseconds. */
  skewMs = 0;
  url = '';
  httpUrl = '';
  port = 0;

  constructor(options: GatewayOptions) {
    this.gateway = createGateway({ broadcast: 'on', now: () => Date.now() + this.skewMs, ...options });
    onCleanup(() => this.gateway.close({ drainMs: 0 }));
  }

  static async start(options: GatewayOptions): Promise<Rig> {
    const rig = new Rig(options);
    const { url, httpUrl, port } = await rig.gateway.listen({ port: 0 });
    return Object.assign(rig, { url, httpUrl, port });
  }

  async connect(): Promise<RawClient> {
    const client = await RawClient.open(this.url);
    onCleanup(() => client.close());
    return client;
  }

  publish(event: string, payload: object = {}, stream = 'main'): ReturnType<Gateway['publish']> {
    return this.gateway.publish(event, { ...payload }, { stream });
  }
}

/** The effect of exceeding a limit: the data of an error, a close code, the status of a rejected upgrade, and so on. */
type Outcome = unknown;

interface Case {
  /** The limit's low value. */
  readonly low: number;
  /** Other settings, so that this limit is reached first. */
  readonly with?: Partial<Limits>;
  readonly options?: GatewayOptions;
  readonly pass: (rig: Rig) => Promise<Outcome>;
  readonly outcome: Outcome;
}

const exceeded = (limit: LimitName, maximum: number): object => ({
  code: 'limit_exceeded',
  details: { limit, maximum },
});

const TICKS = { events: ['tick'] };

async function refusalOf(rig: Rig, type: string, ...all: readonly Record<string, unknown>[]): Promise<Frame['data']> {
  const client = await rig.connect();
  const replies: Frame[] = [];
  for (const data of all) replies.push(await client.call(type, data));
  expect(replies.slice(0, -1).filter((each) => each.type === 'error')).toEqual([]);
  return replies.at(-1)?.data ?? {};
}

/** Publishes to a client that has stopped reading, until its connection is closed. */
async function closeOfStalled(rig: Rig): Promise<Outcome> {
  const client = await rig.connect();
  await client.call('subscribe', TICKS);
  client.ws.pause();
  for (let n = 0; n < 1000 && rig.gateway.health().backpressure.closedSlow === 0; n += 1) {
    await rig.publish('tick', { text: 'x'.repeat(30_000) });
    await new Promise((resolve) => setImmediate(resolve));
  }
  await vi.waitFor(() => expect(rig.gateway.health().backpressure.closedSlow).toBe(1), PATIENCE);
  client.ws.resume();
  return (await client.closed).code;
}

/** Publishes three events and returns the result of a resume after the first. */
async function recoveryAfterThree(
  rig: Rig,
  stream: string,
  payload: object,
  meanwhile = (): void => undefined,
): Promise<Outcome> {
  const holder = await rig.connect();
  await holder.call('subscribe', { ...TICKS, stream: 'main' });
  const { epoch } = await rig.publish('tick', payload, stream);
  for (let n = 0; n < 2; n += 1) await rig.publish('tick', payload, stream);
  meanwhile();
  const after = { epoch, sequenceId: 1 };
  const client = await rig.connect();
  const { data } = await client.call('subscribe', { ...TICKS, stream, replay: { mode: 'resume', after } });
  return data['recovery'];
}

const windowExceeded = { attempted: true, recovered: false, reason: 'window_exceeded' };

/** A TCP connection that sends `text` and then waits: the status that it is answered with, and when it is over. */
async function handshake(rig: Rig, text: string): Promise<string> {
  const socket = connectTcp(rig.port, '127.0.0.1');
  onCleanup(() => void socket.destroy());
  let answer = '';
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')));
  socket.write(text);
  await once(socket, 'close');
  return answer.slice(0, answer.indexOf('\r\n'));
}

/** Completes the handshake by hand and answers nothing after it. */
async function deafClose(rig: Rig): Promise<number> {
  const socket = connectTcp(rig.port, '127.0.0.1');
  onCleanup(() => void socket.destroy());
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  const key = Buffer.alloc(16).toString('base64');
  socket.write(
    `GET /ws HTTP/1.1\r\nHost: 127.0.0.1:${rig.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
  );
  const closing = /"type":"closing","data":\{"code":(\d+)/;
  await vi.waitFor(() => expect(Buffer.concat(chunks).toString('latin1')).toMatch(closing), PATIENCE);
  return Number(closing.exec(Buffer.concat(chunks).toString('latin1'))?.[1]);
}

const guarded = { ...openAuthenticator(), required: true, anonymous: NOBODY };

const CASES: Readonly<Record<LimitName, Case>> = {
  inboundMessageBytes: {
    low: 1024,
    pass: async (rig) => {
      const client = await rig.connect();
      const frame = (bytes: number): string => `{"type":"ping","id":"p","data":{}}${' '.repeat(bytes - 34)}`;
      client.sendText(frame(1024));
      await client.find((each) => each.id === 'p');
      client.sendText(frame(1025));
      const body = JSON.stringify({ stream: 'main', event: 'tick', payload: { text: 'x'.repeat(1024) } });
      const headers = { 'content-type': 'application/json' };
      const response = await fetch(`${rig.httpUrl}/ws/broadcast`, { method: 'POST', headers, body });
      return [(await client.closed).code, response.status, await response.json()];
    },
    outcome: [
      1009,
      413,
      { type: 'error', data: { code: 'payload_too_large', details: { limit: 'inboundMessageBytes' } } },
    ],
  },
  jsonDepth: {
    low: 8,
    pass: async (rig) => {
      const client = await rig.connect();
      const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);
      const send = (levels: number): void =>
        client.sendText(
          `{"type":"broadcast","data":{"stream":"main","event":"tick","payload":{"a":${nested(levels - 3)}}}}`,
        );
      send(8);
      await client.find((each) => each.type === 'broadcasted');
      send(9);
      return (await client.find((each) => each.type === 'error')).data;
    },
    outcome: { code: 'invalid_json' },
  },
  payloadBytes: {
    low: 256,
    pass: (rig) =>
      refusalOf(
        rig,
        'broadcast',
        { stream: 'main', event: 'tick', payload: { text: 'x'.repeat(256 - 11) } },
        { stream: 'main', event: 'tick', payload: { text: 'x'.repeat(256 - 10) } },
      ),
    outcome: { code: 'payload_too_large', details: { limit: 'payloadBytes', maximum: 256, bytes: 257 } },
  },
  subscriptionsPerConnection: {
    low: 2,
    pass: (rig) => refusalOf(rig, 'subscribe', TICKS, TICKS, TICKS),
    outcome: exceeded('subscriptionsPerConnection', 2),
  },
  eventsPerSubscription: {
    low: 2,
    pass: (rig) => refusalOf(rig, 'subscribe', { events: ['a', 'b'] }, { events: ['a', 'b', 'c'] }),
    outcome: exceeded('eventsPerSubscription', 2),
  },
  patternsPerFilterField: {
    low: 2,
    pass: (rig) => {
      const subscribe = (paths: readonly string[]): Record<string, unknown> => ({
        events: ['file_change'],
        filter: { paths },
      });
      return refusalOf(rig, 'subscribe', subscribe(['a', 'b']), subscribe(['a', 'b', 'c']));
    },
    outcome: exceeded('patternsPerFilterField', 2),
  },
  patternLength: {
    low: 16,
    pass: (rig) => {
      const subscribe = (path: string): Record<string, unknown> => ({
        events: ['file_change'],
        filter: { paths: [path] },
      });
      return refusalOf(rig, 'subscribe', subscribe('x'.repeat(16)), subscribe('x'.repeat(17)));
    },
    outcome: exceeded('patternLength', 16),
  },
  filterCharactersPerConnection: {
    low: 256,
    with: { patternLength: 256 },
    pass: (rig) => {
      const subscribe = (length: number): Record<string, unknown> => ({
        events: ['file_change'],
        filter: { paths: ['x'.repeat(length)] },
      });
      return refusalOf(rig, 'subscribe', subscribe(200), subscribe(56), subscribe(1));
    },
    outcome: exceeded('filterCharactersPerConnection', 256),
  },
  filterBytes: {
    low: 65_536,
    pass: (rig) => {
      const some = Array.from({ length: 64 }, (_, at) => `${at}`);
      const subscribe = { events: ['file_change'], filter: { paths: some } };
      return refusalOf(rig, 'subscribe', subscribe, subscribe);
    },
    outcome: exceeded('filterBytes', 65_536),
  },
  commandsPerSecond: {
    low: 2,
    with: { commandBurst: 1, commandCostMs: 10_000 },
    pass: async (rig) => {
      const client = await rig.connect();
      const first = await client.call('ping');
      const { data } = await client.call('ping');
      rig.skewMs += 500;
      const again = await client.call('ping');
      return [first.type, data, again.type];
    },
    outcome: [
      'pong',
      { code: 'rate_limited', retryable: true, retryAfterMs: expect.toSatisfy((ms) => ms > 400 && ms <= 500) },
      'pong',
    ],
  },
  commandBurst: {
    low: 3,
    with: { commandsPerSecond: 1, commandCostMs: 10_000 },
    pass: async (rig) => {
      const client = await rig.connect();
      const replies = await Promise.all(Array.from({ length: 5 }, () => client.call('ping')));
      for (let n = 0; n < 2; n += 1) client.sendText('{"type":"ping","data":{}}');
      return [replies.map((each) => each.data['code']), (await client.closed).code];
    },
    outcome: [[undefined, undefined, undefined, 'rate_limited', 'rate_limited'], 4204],
  },
  commandCostMs: {
    low: 1,
    with: { commandsPerSecond: 1, commandBurst: 2, patternLength: 4096, payloadBytes: 16_384 },
    pass: async (rig) => {
      // Each event costs well over a millisecond to compare, whatever the machine.
      const path = `${'a/'.repeat(1900)}b`;
      const payload = { path, root: 'r', changeType: 'create', fileType: 'file' };
      const { epoch } = await rig.publish('file_change', payload);
      for (let n = 0; n < 10; n += 1) await rig.publish('file_change', payload);
      const client = await rig.connect();
      const paths = Array.from({ length: 5 }, (_, n) => `**/${'a/'.repeat(1900)}${n}`);
      const replay = { mode: 'resume', after: { epoch, sequenceId: 0 } };
      await client.call('subscribe', { events: ['file_change'], filter: { paths }, replay });
      await client.find((each) => each.type === 'replay_complete');
      return (await client.call('ping')).data;
    },
    outcome: { code: 'rate_limited', retryable: true },
  },
  turnBudgetMs: {
    low: 1,
    with: { patternLength: 4096, payloadBytes: 16_384 },
    pass: async (rig) => {
      const path = `${'a/'.repeat(1900)}b`;
      const payload = { path, root: 'r', changeType: 'create', fileType: 'file' };
      const { epoch } = await rig.publish('file_change', payload);
      for (let n = 0; n < 10; n += 1) await rig.publish('file_change', payload);
      const client = await rig.connect();
      const neighbour = await rig.connect();
      const paths = Array.from({ length: 5 }, (_, n) => `**/${'a/'.repeat(1900)}${n}`);
      const replay = { mode: 'resume', after: { epoch, sequenceId: 0 } };
      await client.call('subscribe', { events: ['file_change'], filter: { paths }, replay });
      // The neighbour is answered while the replay is still being chosen.
      const first = await Promise.race([
        client.find((each) => each.type === 'replay_complete'),
        neighbour.call('ping'),
      ]);
      return first.type;
    },
    outcome: 'pong',
  },
  badMessagesPerMinute: {
    low: 3,
    pass: async (rig) => {
      const client = await rig.connect();
      for (let n = 0; n < 2; n += 1) client.sendText('{');
      await client.until(() => client.frames.filter((each) => each.type === 'error').length === 2);
      rig.skewMs += 60_001;
      for (let n = 0; n < 2; n += 1) client.sendText('{');
      await client.call('ping');
      client.sendText('{');
      return (await client.closed).code;
    },
    outcome: 4000,
  },
  connectionsPerNode: {
    low: 2,
    pass: async (rig) => {
      const [first] = [await rig.connect(), await rig.connect()];
      const { status } = await RawClient.refused(rig.url);
      first.close();
      await vi.waitFor(() => expect(rig.gateway.health().connections).toBe(1), PATIENCE);
      return [status, (await (await rig.connect()).call('ping')).type];
    },
    outcome: [503, 'pong'],
  },
  connectionsPerAddress: {
    low: 2,
    pass: async (rig) => {
      for (let n = 0; n < 2; n += 1) await rig.connect();
      const { status, headers } = await RawClient.refused(rig.url);
      return [status, headers['retry-after']];
    },
    outcome: [429, '2'],
  },
  acceptsPerSecond: {
    low: 2,
    pass: async (rig) => {
      rig.skewMs += 10_000;
      for (let n = 0; n < 2; n += 1) await rig.connect();
      const { status, headers } = await RawClient.refused(rig.url);
      rig.skewMs += 500;
      return [status, headers['retry-after'], (await (await rig.connect()).call('ping')).type];
    },
    outcome: [503, '2', 'pong'],
  },
  handshakeTimeoutMs: {
    low: 100,
    pass: async (rig) => {
      const start = performance.now();
      const answers = await Promise.all([
        handshake(rig, ''),
        handshake(rig, 'GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgr'),
      ]);
      return [...answers, performance.now() - start < 2000];
    },
    outcome: ['HTTP/1.1 408 Request Timeout', 'HTTP/1.1 408 Request Timeout', true],
  },
  authTimeoutMs: {
    low: 100,
    options: { authenticator: guarded },
    pass: async (rig) => (await (await rig.connect()).closed).code,
    outcome: 4008,
  },
  heartbeatIntervalMs: {
    low: 200,
    pass: async (rig) => {
      const client = await rig.connect();
      const silent = deafClose(rig);
      await client.until(() => client.frames.filter((each) => each.type === 'heartbeat').length === 3);
      return [await silent, client.ws.readyState];
    },
    outcome: [4203, 1],
  },
  sendQueueBytes: { low: 16_384, pass: closeOfStalled, outcome: 4201 },
  sendQueueMessages: { low: 16, with: { sendQueueBytes: 2 ** 30 }, pass: closeOfStalled, outcome: 4201 },
  sendQueueBudgetBytes: {
    low: 1_048_576,
    with: { sendQueueBytes: 2 ** 30, sendQueueMessages: 1_000_000 },
    pass: closeOfStalled,
    outcome: 4201,
  },
  sendQueueAgeMs: {
    low: 100,
    with: { sendQueueBytes: 2 ** 30, heartbeatIntervalMs: 1000 },
    pass: closeOfStalled,
    outcome: 4201,
  },
  historyEvents: { low: 1, pass: (rig) => recoveryAfterThree(rig, 'main', {}), outcome: windowExceeded },
  historyBytes: {
    low: 1024,
    pass: (rig) => recoveryAfterThree(rig, 'main', { text: 'x'.repeat(600) }),
    outcome: windowExceeded,
  },
  historyAgeMs: {
    low: 1000,
    pass: (rig) => recoveryAfterThree(rig, 'main', {}, () => (rig.skewMs += 1001)),
    outcome: windowExceeded,
  },
  sessionHistoryEvents: { low: 1, pass: (rig) => recoveryAfterThree(rig, 'session:a', {}), outcome: windowExceeded },
  sessionTtlMs: {
    low: 1000,
    pass: (rig) => recoveryAfterThree(rig, 'session:a', {}, () => (rig.skewMs += 1001)),
    outcome: { attempted: true, recovered: false, reason: 'epoch_changed' },
  },
  retainedKeys: {
    low: 1,
    with: { historyEvents: 1 },
    pass: async (rig) => {
      for (const id of ['a', 'b', 'c']) await rig.publish('entity_created', { id, entityType: 'function', name: id });
      const client = await rig.connect();
      await client.call('subscribe', { events: ['entity_*'] });
      return (await client.find((each) => each.type === 'replay_complete')).data;
    },
    outcome: { count: 1, truncated: true },
  },
  retainedBytes: {
    low: 1024,
    with: { historyEvents: 1 },
    pass: async (rig) => {
      const language = 'x'.repeat(64);
      for (let n = 0; n < 6; n += 1)
        await rig.publish('entity_created', { id: `${n}`, entityType: 'function', name: 'n', language });
      const client = await rig.connect();
      await client.call('subscribe', { events: ['entity_*'] });
      return (await client.find((each) => each.type === 'replay_complete')).data;
    },
    outcome: { count: expect.toSatisfy((n) => n >= 1 && n <= 3), truncated: true },
  },
  historyBudgetBytes: {
    low: 1_048_576,
    pass: async (rig) => {
      const { epoch } = await rig.publish('tick', {});
      for (let n = 0; n < 20; n += 1) await rig.publish('tick', { text: 'x'.repeat(60_000) });
      const client = await rig.connect();
      const replay = { mode: 'resume', after: { epoch, sequenceId: 1 } };
      return (await client.call('subscribe', { ...TICKS, replay })).data['recovery'];
    },
    outcome: windowExceeded,
  },
  streamsPerNode: {
    low: 16,
    pass: async (rig) => {
      for (let n = 0; n < 16; n += 1) await rig.publish('tick', {}, `workspace:w${n}`);
      return refusalOf(rig, 'broadcast', { stream: 'session:one', event: 'tick', payload: {} });
    },
    outcome: exceeded('streamsPerNode', 16),
  },
  idempotencyKeys: {
    low: 16,
    with: { commandBurst: 1000 },
    pass: async (rig) => {
      const client = await rig.connect();
      const broadcast = async (n: number): Promise<unknown> => {
        const data = { stream: 'main', event: 'tick', payload: {}, idempotencyKey: `k${n}` };
        return (await client.call('broadcast', data)).data['duplicate'];
      };
      for (let n = 0; n < 17; n += 1) await broadcast(n);
      return [await broadcast(16), await broadcast(0)];
    },
    outcome: [true, false],
  },
  idempotencyWindowMs: {
    low: 1000,
    pass: async (rig) => {
      const client = await rig.connect();
      const broadcast = async (): Promise<unknown> => {
        const data = { stream: 'main', event: 'tick', payload: {}, idempotencyKey: 'k' };
        return (await client.call('broadcast', data)).data['duplicate'];
      };
      const [first, second] = [await broadcast(), await broadcast()];
      rig.skewMs += 1001;
      return [first, second, await broadcast()];
    },
    outcome: [false, true, false],
  },
  drainMs: {
    low: 200,
    pass: async (rig) => {
      const silent = deafClose(rig);
      await vi.waitFor(() => expect(rig.gateway.health().connections).toBe(2), PATIENCE);
      const start = performance.now();
      await rig.gateway.close();
      const tookMs = performance.now() - start;
      return [await silent, tookMs >= 195, tookMs < 2000];
    },
    outcome: [4200, true, true],
  },
};

const names = Object.keys(LIMITS) as LimitName[];

describe('the limit', () => {
  test.each(names)('%s is reported and enforced', async (name) => {
    const { low, with: others = {}, options = {}, pass, outcome } = CASES[name];
    expect(low).toBeGreaterThanOrEqual(LIMITS[name].minimum);
    expect(low).toBeLessThan(LIMITS[name].default);
    const rig = await Rig.start({ ...options, limits: { ...others, [name]: low } });
    const metrics = await (await fetch(`${rig.httpUrl}/metrics`)).text();
    expect(metrics).toContain(`tidemark_limit{name="${name}"} ${low}\n`);
    const witness = await rig.connect();
    const welcome = await witness.find((each) => each.type === 'welcome');
    expect(welcome.data['limits']).toEqual({ ...resolveLimits(), ...others, [name]: low });
    const mayStay = name === 'connectionsPerNode' || name === 'connectionsPerAddress' || name === 'acceptsPerSecond';
    if (mayStay) witness.close();
    await vi.waitFor(() => expect(rig.gateway.health().connections).toBe(mayStay ? 0 : 1), PATIENCE);
    expect({ outcome: await pass(rig) }).toMatchObject({ outcome });
  });

  test.each(names)('%s is refused outside its bounds, by name', (name) => {
    const { minimum, maximum } = LIMITS[name];
    expect(resolveLimits({ [name]: minimum })[name]).toBe(minimum);
    expect(resolveLimits({ [name]: maximum })[name]).toBe(maximum);
    for (const bad of [minimum - 1, maximum + 1, minimum + 0.5, Number.NaN, Infinity])
      expect(() => resolveLimits({ [name]: bad })).toThrow(`The limit ${name} is ${bad}`);
  });

  test.each<[LimitName, Partial<Limits>, string, Record<string, unknown>]>([
    ['patternLength', {}, 'subscribe', { events: ['file_change'], filter: { paths: ['x'.repeat(4096)] } }],
    [
      'patternsPerFilterField',
      {},
      'subscribe',
      { events: ['file_change'], filter: { paths: Array.from({ length: 1024 }, (_, n) => `p${n}`) } },
    ],
    ['eventsPerSubscription', {}, 'subscribe', { events: Array.from({ length: 1024 }, (_, n) => `e${n}`) }],
    [
      'payloadBytes',
      { inboundMessageBytes: 16_777_216, sendQueueBytes: 2 ** 30 },
      'broadcast',
      { stream: 'main', event: 'tick', payload: { text: 'x'.repeat(1_000_000) } },
    ],
  ])('%s can be raised to its maximum, which is then enforced', async (name, others, command, data) => {
    const rig = await Rig.start({ limits: { ...others, [name]: LIMITS[name].maximum } });
    const client = await rig.connect();
    expect((await client.call(command, data)).type).not.toBe('error');
  });
});
