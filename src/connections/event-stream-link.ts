/**
 * The response to a request for server-sent events (SSE-1). After the headers, the outbox writes directly to the socket, as it does for a
 * WebSocket. The body is not sent in HTTP chunks; it ends when the connection ends (RFC 9112, 6.3). Therefore all clients can receive the
 * same bytes, and an HTTP/1.0 proxy can pass them on.
 */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { EventStreamFraming } from '../wire/event-stream-framing.ts';
import type { Link, LinkEvents } from './link.ts';

/** How long after the end of the response a peer may keep its side of the connection open, in milliseconds. Then it is disconnected. */
const CLOSE_TIMEOUT_MS = 3_000;
/** The close code for "no code was received" (RFC 6455, 7.4.1). A client of server-sent events cannot send a close code. */
const NO_CODE = 1005;

const HEADERS = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-store',
  // Without this header, nginx would collect events until its buffer is full.
  'x-accel-buffering': 'no',
  connection: 'close',
} as const;

export interface EventStreamLinkOptions {
  readonly response: ServerResponse;
  readonly socket: Socket;
  readonly framing: EventStreamFraming;
}

export class EventStreamLink implements Link {
  readonly framing: EventStreamFraming;
  readonly socket: Socket;
  readonly isPaused = false;
  isOpen = false;
  readonly #response: ServerResponse;
  #onClosed: (() => void) | undefined;

  constructor({ response, socket, framing }: EventStreamLinkOptions) {
    this.#response = response;
    this.socket = socket;
    this.framing = framing;
  }

  /** Writes the headers. Frames may be written afterwards. */
  open(headers: Readonly<Record<string, string>>): void {
    const response = this.#response;
    response.removeHeader('transfer-encoding');
    response.writeHead(200, { ...headers, ...HEADERS });
    response.flushHeaders();
    this.socket.setNoDelay(true);
    this.isOpen = true;
  }

  listen(events: LinkEvents): void {
    this.#onClosed = () => events.onClosed(NO_CODE);
    this.#response.once('close', this.#onClosed);
  }

  /** Stops listening to the response, so that the response can be used for an error. */
  release(): void {
    if (this.#onClosed !== undefined) this.#response.off('close', this.#onClosed);
  }

  pause(): void {}

  resume(): void {}

  ping(): 'not supported' {
    return 'not supported';
  }

  close(): void {
    if (!this.isOpen) return this.terminate();
    const timer = setTimeout(() => this.terminate(), CLOSE_TIMEOUT_MS);
    this.socket.once('close', () => clearTimeout(timer));
    this.socket.end();
  }

  terminate(): void {
    this.socket.destroy();
  }
}
