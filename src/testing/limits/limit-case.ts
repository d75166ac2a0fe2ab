/** A test case for one limit: a low value of the limit, an action that exceeds this value, and the expected outcome. */
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { expect, vi } from 'vitest';
import type { LimitName } from '../../../generated/protocol.ts';
import { openAuthenticator } from '../../auth/authenticator.ts';
import { NOBODY } from '../../auth/principal.ts';
import { createGateway } from '../../gateway.ts';
import type { Gateway, GatewayOptions } from '../../gateway.ts';
import type { Limits } from '../../options.ts';
import { RawClient } from '../raw-client.ts';
import type { Frame } from '../raw-client.ts';
import { PATIENCE, onCleanup } from '../rig.ts';

export class Rig {
  readonly gateway: Gateway;
  /** By how many milliseconds the clock of the gateway is ahead of the real time. */
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

/** What happens if a limit is exceeded: the data of an error, a close code, the status of a rejected upgrade, and so on. */
export type Outcome = unknown;

export interface Case {
  /** The low value to which the limit is set. */
  readonly low: number;
  /** Other limits, which are set so that this limit is reached first. */
  readonly with?: Partial<Limits>;
  readonly options?: GatewayOptions;
  readonly pass: (rig: Rig) => Promise<Outcome>;
  readonly outcome: Outcome;
}

export const exceeded = (limit: LimitName, maximum: number): object => ({
  code: 'limit_exceeded',
  details: { limit, maximum },
});

export const TICKS = { events: ['tick'] };

export async function refusalOf(
  rig: Rig,
  type: string,
  ...all: readonly Record<string, unknown>[]
): Promise<Frame['data']> {
  const client = await rig.connect();
  const replies: Frame[] = [];
  for (const data of all) replies.push(await client.call(type, data));
  expect(replies.slice(0, -1).filter((each) => each.type === 'error')).toEqual([]);
  return replies.at(-1)?.data ?? {};
}

export async function connectionsAre(rig: Rig, count: number): Promise<void> {
  await vi.waitFor(() => expect(rig.gateway.health().connections).toBe(count), PATIENCE);
}

/** Publishes events for a client that has stopped reading, until its connection is closed. */
export async function closeOfStalled(rig: Rig): Promise<Outcome> {
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

/** Publishes three events. @returns the result of a resume after the first of these events */
export async function recoveryAfterThree(
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

export const windowExceeded = { attempted: true, recovered: false, reason: 'window_exceeded' };

/** Sends `text` on a TCP connection and waits until the connection ends. @returns the status line of the response */
export async function handshake(rig: Rig, text: string): Promise<string> {
  const socket = connectTcp(rig.port, '127.0.0.1');
  onCleanup(() => void socket.destroy());
  let answer = '';
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')));
  socket.write(text);
  await once(socket, 'close');
  return answer.slice(0, answer.indexOf('\r\n'));
}

/** Completes the WebSocket handshake, and then sends nothing more. @returns the code with which the server closes the connection */
export async function silentClose(rig: Rig): Promise<number> {
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

export const guarded = { ...openAuthenticator(), required: true, anonymous: NOBODY };
