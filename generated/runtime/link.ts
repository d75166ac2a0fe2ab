/**
 * One WebSocket from its opening to its end: frames in and out, the count of events, and the watch over silence. Knows
 * nothing of reconnecting. It reports its end exactly once, and nothing after it, whatever the socket still does.
 *
 * Part of the client runtime: imports nothing from outside this directory.
 */
import type { ClosingNotice } from './close.ts';
import { ProtocolViolation } from './errors.ts';
import { startTimer } from './timers.ts';
import { readFrame } from './wire.ts';
import type { Frame } from './wire.ts';

/** The part of the WHATWG events that is used: `data` of a message, `code` and `reason` of a close. */
export interface WebSocketEvent {
  readonly type: string;
  readonly data?: unknown;
  readonly code?: number;
  readonly reason?: string;
}

/** The part of the WHATWG WebSocket that is used; browsers, Node ≥ 22 and `ws` all have it. */
export interface WebSocketLike {
  send(data: string): void;
  close(code?: number, reason?: string): void;
  addEventListener(type: 'open' | 'message' | 'close' | 'error', listener: (event: WebSocketEvent) => void): void;
}

export type WebSocketConstructor = new (url: string, protocols: string[]) => WebSocketLike;

/** Why a connection is over. */
export interface LinkEnd {
  /** WebSocket close code; 1006 when there was none. */
  readonly code: number;
  readonly reason: string;
  /** The `closing` push that announced it, if one did (CON-5). */
  readonly closing: ClosingNotice | undefined;
}

export interface LinkOptions {
  readonly WebSocket: WebSocketConstructor;
  readonly url: string;
  readonly subprotocol: string;
  /** From the attempt to the first message, in milliseconds. */
  readonly openTimeoutMs: number;
  /** Silence of this many heartbeat intervals means that the peer is gone. */
  readonly silentIntervals: number;
}

export interface LinkHandlers {
  readonly onOpen: () => void;
  readonly onFrame: (frame: Frame) => void;
  readonly onInvalid: (error: ProtocolViolation) => void;
  readonly onEnd: (end: LinkEnd) => void;
}

/** Codes of our own side; WHATWG lets a client choose 1000 or 3000–4999. */
export const CLOSED_BY_CLIENT = 1000;
const GIVEN_UP_BY_CLIENT = 3001;

export class Link {
  readonly #options: LinkOptions;
  readonly #handlers: LinkHandlers;
  readonly #socket: WebSocketLike;
  #open = false;
  #over = false;
  #events = 0;
  #closing: ClosingNotice | undefined;
  #heardAt = performance.now();
  #patienceMs: number;
  #cancelWatch: () => void = () => undefined;
  #onSocketClosed: (() => void) | undefined;

  /** @throws what the WebSocket constructor throws, for example on a URL that it cannot use. */
  constructor(options: LinkOptions, handlers: LinkHandlers) {
    this.#options = options;
    this.#handlers = handlers;
    this.#patienceMs = options.openTimeoutMs;
    this.#socket = new options.WebSocket(options.url, [options.subprotocol]);
    this.#socket.addEventListener('open', () => this.#opened());
    this.#socket.addEventListener('message', (event) => this.#message(event.data));
    this.#socket.addEventListener('close', ({ code = 1006, reason = '' }) => {
      this.#onSocketClosed?.();
      this.#end(code, reason);
    });
    // Always followed by `close`, which tells more; without a listener some implementations throw.
    this.#socket.addEventListener('error', () => undefined);
    this.#watch();
  }

  /** Event messages received on this connection so far, to compare with a heartbeat's `delivered` (CON-3). */
  get events(): number {
    return this.#events;
  }

  get usable(): boolean {
    return this.#open && !this.#over;
  }

  send(frame: Frame): void {
    if (this.usable) this.#socket.send(JSON.stringify(frame));
  }

  /** From the `welcome`: how often the server promises to be heard. */
  expectHeartbeats(intervalMs: number): void {
    this.#patienceMs = intervalMs * this.#options.silentIntervals;
    this.#watch();
  }

  /** The server says that it is about to close. The close that follows may be lost; this is not. */
  announceClosing(notice: ClosingNotice): void {
    this.#closing = notice;
  }

  /** Gives the connection up; reports its end as if it had broken (1006). */
  giveUp(reason: string): void {
    if (this.#over) return;
    this.#closeSocket(GIVEN_UP_BY_CLIENT, reason);
    this.#end(1006, reason);
  }

  /** Ends it on purpose, without a report. Resolves once the peer agreed, or after `graceMs`. */
  close(graceMs: number): Promise<void> {
    if (this.#over) return Promise.resolve();
    this.#over = true;
    this.#cancelWatch();
    return new Promise((resolve) => {
      const cancel = startTimer(graceMs, resolve, { holdsProcess: true });
      this.#onSocketClosed = () => {
        cancel();
        resolve();
      };
      this.#closeSocket(CLOSED_BY_CLIENT, 'client closed');
    });
  }

  #opened(): void {
    if (this.#over) return;
    this.#open = true;
    this.#heardAt = performance.now();
    this.#handlers.onOpen();
  }

  #message(text: unknown): void {
    if (this.#over) return;
    this.#heardAt = performance.now();
    const frame = readFrame(text);
    if (typeof frame === 'string') {
      this.#handlers.onInvalid(new ProtocolViolation(`The server sent ${frame}. The frame was ignored.`));
      return;
    }
    if (frame.type === 'event') this.#events += 1;
    this.#handlers.onFrame(frame);
  }

  /** One timer per span of patience, not one per message: it looks how long it has been quiet, and sleeps for the rest. */
  #watch(): void {
    this.#cancelWatch();
    const quietMs = performance.now() - this.#heardAt;
    if (quietMs >= this.#patienceMs) {
      this.giveUp(`nothing heard for ${Math.round(quietMs)} ms`);
      return;
    }
    this.#cancelWatch = startTimer(this.#patienceMs - quietMs, () => this.#watch());
  }

  #end(code: number, reason: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#cancelWatch();
    this.#handlers.onEnd({ code, reason, closing: this.#closing });
  }

  #closeSocket(code: number, reason: string): void {
    // A peer that is gone never answers the closing handshake; `ws` can end the socket without one.
    const { terminate } = this.#socket as WebSocketLike & { terminate?: unknown };
    if (code !== CLOSED_BY_CLIENT && typeof terminate === 'function') terminate.call(this.#socket);
    else this.#socket.close(code, reason);
  }
}
