/** Server-sent events (WHATWG HTML, 9.2), reported one by one without interpreting their data. */
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { joinedHeaders } from './message.ts';
import type { Handshake, Socket } from './socket.ts';
import { clockTimer } from './timer.ts';
import type { Timer } from './timer.ts';

/** One server-sent event. A field that the server did not send is absent. */
export interface ServerSentEvent {
  readonly event?: string;
  readonly id?: string;
  readonly retry?: string;
  readonly data: string;
}

export interface EventStreamOptions {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** How long to wait for the headers of the response, in milliseconds. */
  readonly timeoutMs: number;
  /** The timer for `timeoutMs`; by default the clock. */
  readonly timer?: Timer;
  readonly onOpen: (headers: Readonly<Record<string, string>>) => void;
  readonly onEvent: (event: ServerSentEvent) => void;
  readonly onFault: (text: string) => void;
  readonly onClose: () => void;
}

/**
 * Assembles events from lines. Only `data`, `event`, `id` and `retry` are fields; a line that begins with a colon is a
 * comment.
 */
class EventParser {
  readonly #onEvent: (event: ServerSentEvent) => void;
  #rest = '';
  #fields: { event?: string; id?: string; retry?: string } = {};
  #data: string[] = [];

  constructor(onEvent: (event: ServerSentEvent) => void) {
    this.#onEvent = onEvent;
  }

  take(text: string): void {
    // Keep a carriage return at the end until more text arrives, because it may be the first half of a line break.
    const held = text.endsWith('\r') ? '\r' : '';
    const lines = (this.#rest + text.slice(0, text.length - held.length)).split(/\r\n|\r|\n/);
    this.#rest = (lines.pop() ?? '') + held;
    for (const line of lines) this.#line(line);
  }

  #line(line: string): void {
    if (line === '') return this.#dispatch();
    const [name = '', ...rest] = line.split(':');
    const value = rest.join(':').replace(/^ /, '');
    if (name === 'data') this.#data.push(value);
    else if (name === 'event' || name === 'id' || name === 'retry') this.#fields[name] = value;
  }

  #dispatch(): void {
    const [data, fields] = [this.#data, this.#fields];
    this.#data = [];
    this.#fields = {};
    if (data.length > 0) this.#onEvent({ ...fields, data: data.join('\n') });
  }
}

function socketOf(response: IncomingMessage): Socket {
  const refuse = (): never => {
    throw new Error('a client of server-sent events cannot send anything');
  };
  return {
    protocol: '',
    sendText: refuse,
    sendFrame: refuse,
    close: () => response.destroy(),
    cut: () => response.destroy(),
    setReading: (state) => {
      if (state === 'off') response.socket.pause();
      else response.socket.resume();
    },
  };
}

/** Requests events. Never throws: the result describes how the request ended. */
export function openEventStream(options: EventStreamOptions): Promise<Handshake> {
  const { url, headers, timeoutMs, timer = clockTimer } = options;
  return new Promise((resolve) => {
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const outgoing = send(url, { headers: { accept: 'text/event-stream', ...headers }, agent: false });
    const cancel = timer(timeoutMs, () => outgoing.destroy(new Error(`no response within ${timeoutMs} ms`)));
    outgoing.on('error', (error) => {
      cancel();
      resolve({ unreachable: error.message });
    });
    outgoing.on('response', (response) => {
      cancel();
      response.setEncoding('utf8');
      // The event `close` reports the end of the connection.
      response.on('error', () => undefined);
      const { statusCode: status = 0 } = response;
      if (status !== 200) {
        const refused = (body: string): void =>
          resolve({ refused: { status, headers: joinedHeaders(response.headers), body } });
        response.toArray().then(
          (parts) => refused(parts.join('')),
          () => refused(''),
        );
        return;
      }
      const type = response.headers['content-type'] ?? '';
      const parser = new EventParser(options.onEvent);
      options.onOpen(joinedHeaders(response.headers));
      resolve({ socket: socketOf(response) });
      if (!/^text\/event-stream(?:;|$)/i.test(type)) options.onFault(`the media type is ${JSON.stringify(type)}`);
      response.on('data', (text: string) => parser.take(text));
      response.on('close', options.onClose);
    });
    outgoing.end();
  });
}
