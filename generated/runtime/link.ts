/**
 * One WebSocket, from its opening to its end: sends and receives frames, counts events, and detects a silent
 * connection. It does not reconnect. It reports its end once, and nothing after that. After `close()` it reports nothing.
 *
 * Part of the client runtime: imports nothing from outside this directory.
 */
import type { ClosingNotice } from './close.ts';
import { ProtocolViolation } from './errors.ts';
import { startTimer } from './timers.ts';
import { readFrame } from './wire.ts';
import type { Frame } from './wire.ts';

/** The members of WHATWG events that are used here: `data` of a message event, `code` and `reason` of a close event. */
export interface WebSocketEvent {
  readonly type: string;
  readonly data?: unknown;
  readonly code?: number;
  readonly reason?: string;
}

/** The part of the WHATWG WebSocket that is used here. Browsers, Node ≥ 22 and `ws` have it. */
export interface WebSocketLike {
  send(data: string): void;
  close(code?: number, reason?: string): void;
  addEventListener(type: 'open' | 'message' | 'close' | 'error', listener: (event: WebSocketEvent) => void): void;
}

export type WebSocketConstructor = new (url: string, protocols: string[]) => WebSocketLike;

/** Why a connection has ended. */
export interface LinkEnd {
  /** WebSocket close code; 1006 if there was no close frame. */
  readonly code: number;
  readonly reason: string;
  /** The `closing` push that announced the end, if there was one (CON-5). */
  readonly closing: ClosingNotice | undefined;
}

export interface LinkOptions {
  readonly WebSocket: WebSocketConstructor;
  readonly url: string;
  readonly subprotocol: string;
  /** Time limit for the arrival of the first message, in milliseconds since the attempt to connect began. */
  readonly openTimeoutMs: number;
  /** Number of heartbeat intervals without any message after which the connection is dropped. */
  readonly silentIntervals: number;
}

export interface LinkHandlers {
  readonly onOpen: () => void;
  readonly onFrame: (frame: Frame) => void;
  readonly onInvalid: (error: ProtocolViolation) => void;
  readonly onEnd: (end: LinkEnd) => void;
}

/** Close codes that the client sends; WHATWG allows 1000 and 3000–4999. */
const CLOSED_BY_CLIENT = 1000;
const GIVEN_UP_BY_CLIENT = 3001;

export class Link {
  readonly #options: LinkOptions;
  readonly #handlers: LinkHandlers;
  readonly #socket: WebSocketLike;
  #open = false;
  #over = false;
  #events = 0;
  #closing: ClosingNotice | undefined;
  #receivedAt = performance.now();
  #patienceMs: number;
  #cancelWatch: () => void = () => undefined;
  #onSocketClosed: (() => void) | undefined;

  /** @throws the error of the WebSocket constructor, for example for a URL that it does not accept. */
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
    // This event is ignored, because `close` always follows and has the details. The listener is needed because some
    // implementations throw without one.
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

  /** Sets the interval of heartbeats that the server announced in `welcome`. */
  expectHeartbeats(intervalMs: number): void {
    this.#patienceMs = intervalMs * this.#options.silentIntervals;
    this.#watch();
  }

  /** Records that the server has announced the close. The announcement has the code, which is lost if no close frame arrives. */
  announceClosing(notice: ClosingNotice): void {
    this.#closing = notice;
  }

  /** Drops the connection and reports its end as 1006. */
  giveUp(reason: string): void {
    if (this.#over) return;
    this.#closeSocket(GIVEN_UP_BY_CLIENT, reason);
    this.#end(1006, reason);
  }

  /**
   * Closes the connection at the request of the client, without reporting its end. Resolves when the peer has closed too, or after
   * `graceMs`.
   */
  async close(graceMs: number): Promise<void> {
    if (this.#over) return;
    this.#over = true;
    this.#cancelWatch();
    await new Promise<void>((resolve) => {
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
    this.#receivedAt = performance.now();
    this.#handlers.onOpen();
  }

  #message(text: unknown): void {
    if (this.#over) return;
    this.#receivedAt = performance.now();
    const frame = readFrame(text);
    if (typeof frame === 'string') {
      this.#handlers.onInvalid(new ProtocolViolation(`The server sent ${frame}. The frame was ignored.`));
      return;
    }
    if (frame.type === 'event') this.#events += 1;
    this.#handlers.onFrame(frame);
  }

  /**
   * Drops a connection that is silent for too long. To avoid a new timer per message, one timer checks the time since the
   * last message, and is then restarted for the remaining time.
   */
  #watch(): void {
    this.#cancelWatch();
    const quietMs = performance.now() - this.#receivedAt;
    if (quietMs >= this.#patienceMs) {
      this.giveUp(`no message received for ${Math.round(quietMs)} ms`);
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
    // A dead peer never answers the closing handshake. The package `ws` can end the socket without the handshake.
    const { terminate } = this.#socket as WebSocketLike & { terminate?: unknown };
    if (code !== CLOSED_BY_CLIENT && typeof terminate === 'function') terminate.call(this.#socket);
    else this.#socket.close(code, reason);
  }
}
