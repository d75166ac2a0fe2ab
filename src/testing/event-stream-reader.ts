/**
 * Reads server-sent events with an independent parser (WHATWG HTML, 9.2.6). Like a browser, it remembers the position from which to resume.
 */
import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { vi } from 'vitest';
import type { Frame } from './raw-client.ts';
import { PATIENCE, onCleanup } from './rig.ts';

export interface ReceivedEvent {
  /** The `event` field of this event; empty if it has none. */
  readonly event: string;
  /** The `id` field of this event; undefined if it has none, even if an earlier event had one. */
  readonly id: string | undefined;
  readonly retry: string | undefined;
  readonly message: Frame;
}

export interface RequestOptions {
  readonly headers?: Readonly<Record<string, string>>;
}

export class EventStreamReader {
  readonly received: ReceivedEvent[] = [];
  readonly response: IncomingMessage;
  ended = false;
  #rest = '';

  private constructor(response: IncomingMessage) {
    this.response = response;
    response.setEncoding('utf8');
    response.on('data', (text: string) => this.#take(text));
    response.on('error', () => undefined);
    response.on('close', () => (this.ended = true));
  }

  /** Requests server-sent events. @throws {Error} with the status and the body if the request is refused */
  static async open(url: string, { headers = {} }: RequestOptions = {}): Promise<EventStreamReader> {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      request(url, { headers: { ...headers }, agent: false }, resolve)
        .on('error', reject)
        .end();
    });
    onCleanup(() => response.destroy());
    if (response.statusCode === 200) return new EventStreamReader(response);
    response.setEncoding('utf8');
    const body = (await response.toArray()).join('');
    throw new Error(`${response.statusCode} ${body}`);
  }

  /** The value that a browser would send in the header `Last-Event-ID`. */
  get lastId(): string | undefined {
    return this.received.findLast(({ id }) => id !== undefined)?.id;
  }

  /** The `data` of each event message received so far. */
  get events(): readonly Frame['data'][] {
    return this.received.filter(({ event }) => event === '').map(({ message }) => message.data);
  }

  get types(): readonly string[] {
    return this.received.map(({ message }) => message.type);
  }

  async until(holds: () => boolean): Promise<void> {
    await vi.waitFor(() => {
      if (!holds()) throw new Error(`The condition does not hold. Received so far: ${this.types.join(', ')}`);
    }, PATIENCE);
  }

  async find(type: string): Promise<ReceivedEvent> {
    const look = (): ReceivedEvent | undefined => this.received.find(({ message }) => message.type === type);
    await this.until(() => look() !== undefined);
    return look() as ReceivedEvent;
  }

  /** Ends the connection abruptly. */
  cut(): void {
    this.response.socket.resetAndDestroy();
  }

  #take(text: string): void {
    const blocks = (this.#rest + text).split('\n\n');
    this.#rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const fields = new Map(block.split('\n').map((line) => [line.split(':', 1)[0], line.replace(/^[^:]*: ?/, '')]));
      this.received.push({
        event: fields.get('event') ?? '',
        id: fields.get('id'),
        retry: fields.get('retry'),
        message: JSON.parse(fields.get('data') ?? '') as Frame,
      });
    }
  }
}
