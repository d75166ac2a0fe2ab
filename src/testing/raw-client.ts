/** A client for tests that records all received messages in order, without validating them. */
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';
import type { ClientOptions } from 'ws';

/** A message from the server, as it was received. */
export interface Frame {
  readonly type: string;
  readonly id?: string;
  // The type allows any member, because tests read members of all kinds of messages, even of invalid ones.
  readonly data: Record<string, unknown>;
}

export interface Closed {
  readonly code: number;
  readonly reason: string;
}

/** The longest time to wait for an expected message, in milliseconds. It only prevents a test from hanging on a busy machine. */
const PATIENCE_MS = 30_000;

export class RawClient {
  readonly ws: WebSocket;
  readonly frames: Frame[] = [];
  /** Types of the commands that {@link call} has sent. */
  readonly called: string[] = [];
  readonly closed: Promise<Closed>;
  readonly #waiters = new Set<() => void>();
  #serial = 0;

  constructor(ws: WebSocket) {
    this.ws = ws;
    ws.on('message', (data: Buffer) => {
      this.frames.push(JSON.parse(data.toString('utf8')) as Frame);
      for (const wake of this.#waiters) wake();
    });
    ws.on('error', () => undefined);
    this.closed = once(ws, 'close').then(([code, reason]: unknown[]) => ({
      code: Number(code),
      reason: String(reason),
    }));
    // If the upgrade is refused, `open` reports the error, so the rejection of `closed` is ignored.
    this.closed.catch(() => undefined);
  }

  /** Connects and waits until the socket is open. */
  static async open(
    url: string,
    options: ClientOptions & { readonly protocols?: readonly string[] } = {},
  ): Promise<RawClient> {
    const ws = new WebSocket(url, [...(options.protocols ?? [])], { perMessageDeflate: false, ...options });
    const client = new RawClient(ws);
    await once(ws, 'open');
    return client;
  }

  /** Connects and expects that the gateway rejects the upgrade. @returns the HTTP status and the body */
  static async refused(
    url: string,
    options: ClientOptions & { readonly protocols?: readonly string[] } = {},
  ): Promise<{ status: number; body: string; headers: IncomingMessage['headers'] }> {
    const ws = new WebSocket(url, [...(options.protocols ?? [])], options);
    ws.on('error', () => undefined);
    const accepted = once(ws, 'open').then(() => {
      ws.terminate();
      throw new Error('The gateway accepted a connection that it should have refused.');
    });
    const [, response] = (await Promise.race([once(ws, 'unexpected-response'), accepted])) as [
      unknown,
      IncomingMessage,
    ];
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(Buffer.from(chunk as Uint8Array));
    return {
      status: response.statusCode ?? 0,
      body: Buffer.concat(chunks).toString('utf8'),
      headers: response.headers,
    };
  }

  sendText(text: string): void {
    this.ws.send(text);
  }

  /** Sends a command with a new id and waits for its reply. */
  async call(type: string, data: Record<string, unknown> = {}): Promise<Frame> {
    this.#serial += 1;
    const id = `t${this.#serial}`;
    this.called.push(type);
    this.ws.send(JSON.stringify({ type, id, data }));
    return this.find((frame) => frame.id === id);
  }

  /** Returns the first received frame that satisfies the condition. If no such frame was received yet, waits for one. */
  async find(fits: (frame: Frame) => boolean, what = 'the expected frame'): Promise<Frame> {
    await this.until(() => this.frames.some(fits), what);
    const found = this.frames.find(fits);
    if (found === undefined) throw new Error('unreachable');
    return found;
  }

  /** Waits until `holds` returns true. Calls it after each received frame. */
  async until(holds: () => boolean, what = 'the condition'): Promise<void> {
    if (holds()) return;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiters.delete(check);
        reject(
          new Error(
            `Timed out waiting for ${what}; received: ${JSON.stringify(this.frames.slice(-10)).slice(0, 2000)}`,
          ),
        );
      }, PATIENCE_MS);
      const check = (): void => {
        if (!holds()) return;
        clearTimeout(timer);
        this.#waiters.delete(check);
        resolve();
      };
      this.#waiters.add(check);
    });
  }

  /** The `data` of all `event` messages received so far. */
  events(fits: (data: Frame['data']) => boolean = () => true): Frame['data'][] {
    return this.frames.filter((frame) => frame.type === 'event' && fits(frame.data)).map((frame) => frame.data);
  }

  close(): void {
    this.ws.terminate();
  }
}
