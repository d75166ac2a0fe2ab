/** WebSocket connections that report every frame without interpreting it. The only importer of `ws`. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocket, WebSocketServer } from 'ws';
import type { RawFrame } from '../tape/tape.ts';
import type { RawAnswer } from './http.ts';
import { joinedHeaders, readBytes } from './message.ts';
import { clockTimer } from './timer.ts';
import type { Timer } from './timer.ts';

export interface SocketOptions {
  readonly url: string;
  readonly protocols: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  readonly pong: 'auto' | 'never';
  /** How long the handshake may take, in milliseconds. */
  readonly timeoutMs: number;
  /** The timer for `timeoutMs`; by default the clock. */
  readonly timer?: Timer;
  /** Called before any frame, with the subprotocol that the server chose. */
  readonly onOpen: (protocol: string) => void;
  readonly onFrame: (kind: 'text' | 'binary' | 'ping' | 'pong', content: string) => void;
  /** Called when the WebSocket library of the suite could not read a frame. */
  readonly onFault: (text: string) => void;
  /** Called when the connection has ended. Code 1006 means that there was no close frame. */
  readonly onClose: (code: number, reason: string) => void;
}

/** The response to an upgrade, with a status other than 101. */
export interface Refused {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly raw?: RawAnswer;
}

export interface Socket {
  /** The subprotocol that the server chose; empty when it chose none. */
  readonly protocol: string;
  sendText(text: string): void;
  sendFrame(frame: RawFrame): void;
  /** Closes with a closing handshake; the close frame has a code only when one is given. */
  close(code?: number, reason?: string): void;
  /** Ends the TCP connection without a close frame. */
  cut(): void;
  setReading(state: 'on' | 'off'): void;
}

export type Handshake =
  | { readonly socket: Socket }
  | { readonly refused: Refused }
  /** The server accepted the upgrade, but the WebSocket library rejected its response as invalid. */
  | { readonly faulty: string }
  /** No response: a network error. */
  | { readonly unreachable: string };

function contentOf(frame: RawFrame): Buffer {
  const once = frame.hex === undefined ? Buffer.from(frame.text ?? '', 'utf8') : Buffer.from(frame.hex, 'hex');
  return Buffer.concat(Array<Buffer>(frame.times ?? 1).fill(once));
}

/**
 * The interval at which a client that has stopped reading sends pongs, in milliseconds. Such a client cannot answer pings.
 * Without these pongs, a server with a short heartbeat interval could close the connection with 4203 (CON-4) on a busy machine,
 * before the send queue of the server is full.
 */
const PONG_MS = 500;

function wrap(ws: WebSocket, underlying: () => Duplex | undefined, pong: SocketOptions['pong']): Socket {
  let pongs: NodeJS.Timeout | undefined;
  ws.on('close', () => clearInterval(pongs));
  return {
    get protocol() {
      return ws.protocol;
    },
    sendText: (text) => ws.send(text),
    sendFrame: (frame) => {
      const content = contentOf(frame);
      if (frame.opcode === 'ping') ws.ping(content);
      else if (frame.opcode === 'pong') ws.pong(content);
      else ws.send(content, { binary: frame.opcode === 'binary', fin: frame.fin ?? true });
    },
    close: (code, reason) => ws.close(code, reason),
    cut: () => {
      underlying()?.destroy();
      ws.terminate();
    },
    setReading: (state) => {
      clearInterval(pongs);
      if (state === 'on') return ws.resume();
      ws.pause();
      // A pong without a ping is allowed (RFC 6455, section 5.5.3).
      if (pong === 'auto') pongs = setInterval(() => ws.pong(), PONG_MS);
    },
  };
}

/** Connects. Never throws: the result describes how the handshake ended. */
export function openSocket(options: SocketOptions): Promise<Handshake> {
  return new Promise((resolve) => {
    const ws = new WebSocket(options.url, [...options.protocols], {
      headers: { ...options.headers },
      perMessageDeflate: false,
      autoPong: options.pong === 'auto',
    });
    let underlying: Duplex | undefined;
    let opened = false;
    let failure = 'the connection ended during the handshake';
    const { timeoutMs, timer = clockTimer } = options;
    const cancel = timer(timeoutMs, () => {
      ws.terminate();
      failure = `no response within ${timeoutMs} ms`;
    });
    ws.on('upgrade', (response) => {
      cancel();
      underlying = response.socket;
    });
    ws.on('open', () => {
      opened = true;
      options.onOpen(ws.protocol);
      resolve({ socket: wrap(ws, () => underlying, options.pong) });
    });
    ws.on('unexpected-response', (_request, response) => {
      cancel();
      const { statusCode: status = 0, socket, headers } = response;
      // End the connection. Otherwise it would be kept open for another request, and the process could not exit.
      const end = (body: Buffer): void => {
        socket.destroy();
        const raw = { headers, body };
        resolve({ refused: { status, headers: joinedHeaders(headers), body: body.toString('utf8'), raw } });
      };
      readBytes(response).then(end, () => end(Buffer.alloc(0)));
    });
    ws.on('message', (data: Buffer, isBinary) =>
      options.onFrame(isBinary ? 'binary' : 'text', isBinary ? data.toString('hex') : data.toString('utf8')),
    );
    ws.on('ping', (data) => options.onFrame('ping', data.toString('hex')));
    ws.on('pong', (data) => options.onFrame('pong', data.toString('hex')));
    ws.on('error', (error) => {
      failure = error.message === '' ? String(Reflect.get(error, 'code')) : error.message;
      if (opened) options.onFault(failure);
    });
    ws.on('close', (code, reason) => {
      cancel();
      resolve(underlying === undefined ? { unreachable: failure } : { faulty: failure });
      options.onClose(code, reason.toString('utf8'));
    });
  });
}

export interface AcceptOptions {
  /** The subprotocol to answer with; none when empty. */
  readonly protocol: string;
  readonly onFrame: SocketOptions['onFrame'];
  readonly onClose: SocketOptions['onClose'];
}

/**
 * Accepts an upgrade, as a server. The handler receives pings like every other frame; this function does not answer
 * them.
 */
export function acceptSocket(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  options: AcceptOptions,
): Promise<Socket> {
  const { protocol, onFrame, onClose } = options;
  const handleProtocols = (): string | false => (protocol === '' ? false : protocol);
  const server = new WebSocketServer({ noServer: true, handleProtocols, autoPong: false, perMessageDeflate: false });
  return new Promise((resolve) => {
    server.handleUpgrade(request, socket, head, (ws) => {
      ws.on('message', (data: Buffer, isBinary) =>
        onFrame(isBinary ? 'binary' : 'text', isBinary ? data.toString('hex') : data.toString('utf8')),
      );
      ws.on('ping', (data) => onFrame('ping', data.toString('hex')));
      ws.on('pong', (data) => onFrame('pong', data.toString('hex')));
      ws.on('error', () => undefined);
      ws.on('close', (code, reason) => onClose(code, reason.toString('utf8')));
      resolve(wrap(ws, () => socket, 'never'));
    });
  });
}
