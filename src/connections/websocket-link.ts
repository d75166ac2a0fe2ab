/**
 * The link of a WebSocket connection. Two writers share the socket, and both write whole frames only: `ws` writes pongs and the close
 * frame, the outbox writes everything else.
 */
import type { Duplex } from 'node:stream';
import { WebSocket } from 'ws';
import { WEBSOCKET_FRAMING } from '../wire/websocket-framing.ts';
import type { Link, LinkEvents } from './link.ts';

/** A WebSocket that stores the receiver of its events. Therefore one set of listeners can serve all WebSockets. */
export class LinkedWebSocket extends WebSocket {
  events: LinkEvents | undefined = undefined;
}

function eventsOf(ws: WebSocket): LinkEvents | undefined {
  // The listeners below are only added to WebSockets of this class.
  return (ws as LinkedWebSocket).events;
}

function onMessage(this: WebSocket, data: Buffer, isBinary: boolean): void {
  const events = eventsOf(this);
  events?.onReceived();
  if (isBinary) events?.onBinary();
  else events?.onText(data.toString('utf8'));
}

function onReceived(this: WebSocket): void {
  eventsOf(this)?.onReceived();
}

/** Called for an error of the socket, and if `ws` finds a fault in a frame. After such a fault, `ws` itself sends the close code. */
function onError(this: WebSocket, error: Error & { readonly code?: string }): void {
  eventsOf(this)?.onFault(closeCodeOf(error.code));
}

function onClose(this: WebSocket, code: number): void {
  eventsOf(this)?.onClosed(code);
}

export class WebSocketLink implements Link {
  readonly framing = WEBSOCKET_FRAMING;
  readonly isOpen = true;
  readonly socket: Duplex;
  readonly #ws: LinkedWebSocket;

  constructor(ws: LinkedWebSocket, socket: Duplex) {
    this.#ws = ws;
    this.socket = socket;
  }

  listen(events: LinkEvents): void {
    const ws = this.#ws;
    ws.events = events;
    ws.on('message', onMessage);
    ws.on('pong', onReceived);
    ws.on('ping', onReceived);
    ws.on('error', onError);
    ws.on('close', onClose);
  }

  get isPaused(): boolean {
    return this.#ws.isPaused;
  }

  pause(): void {
    this.#ws.pause();
  }

  resume(): void {
    this.#ws.resume();
  }

  ping(): 'expects pong' {
    this.#ws.ping();
    return 'expects pong';
  }

  /** Writes the close frame. If the peer does not answer within the close timeout of `ws`, `ws` disconnects it. */
  close(code: number, reason: string): void {
    // Resume reading, because a paused socket would never receive the close frame of the peer.
    if (this.#ws.isPaused) this.#ws.resume();
    this.#ws.close(code, reason.slice(0, 120));
  }

  terminate(): void {
    this.#ws.terminate();
  }
}

/** The close code that `ws` sends after a fault in a frame (RFC 6455, 7.4.1). Undefined for an error of the socket. */
function closeCodeOf(error = ''): number | undefined {
  if (error === 'WS_ERR_INVALID_UTF8') return 1007;
  if (error === 'WS_ERR_TOO_MANY_BUFFERED_PARTS') return 1008;
  if (/^WS_ERR_UNSUPPORTED_(?:DATA_PAYLOAD|MESSAGE)_LENGTH$/.test(error)) return 1009;
  return error.startsWith('WS_ERR_') ? 1002 : undefined;
}
