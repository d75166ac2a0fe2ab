/**
 * A raw connection. It sends exactly the given bytes, and collects what the server sends: HTTP responses before an
 * upgrade, messages and frames after it.
 */
import { connect as connectTcp } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { serverValidators } from '../../generated/validators.js';
import { FrameReader, OPCODE, clientFrame } from './frame.ts';
import type { ServerFrame } from './frame.ts';
import { HttpReader } from './http-reader.ts';
import type { HttpAnswer } from './http-reader.ts';
import { LeakScanner } from './leaks.ts';

export interface Target {
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
  /** The path of the WebSocket, such as `/ws`. */
  readonly path: string;
}

/** A message of the server, as received. */
export interface Message {
  readonly type: string;
  readonly id?: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Receives messages and pongs instead of the lists `messages` and `pongs` of the wire. */
export interface Listener {
  readonly onMessage: (message: Message) => void;
  readonly onPong: (payload: Buffer) => void;
}

export type Ending = 'open' | 'fin' | 'reset';

/** How many messages, and how many pongs, are kept. Further ones, for example in a flood, are dropped. */
const MAX_KEPT = 20_000;
const CONNECT_TIMEOUT_MS = 5000;

export class Unreachable extends Error {}

export class Wire {
  readonly #socket: Socket;
  readonly #http = new HttpReader();
  readonly #frames = new FrameReader();
  readonly #leaks: LeakScanner;
  readonly #wakers = new Set<() => void>();
  #upgraded = false;
  #closeAnswered = false;
  readonly answers: HttpAnswer[] = [];
  readonly messages: Message[] = [];
  /** Payloads of the received pongs. */
  readonly pongs: Buffer[] = [];
  /** Faults of the server that no case allows: frames that violate RFC 6455, messages that violate the contract. */
  readonly faults = new Set<string>();
  /** The server's close code and reason; 1005 if its close frame had no code. */
  close: { readonly code: number; readonly reason: string } | undefined;
  ending: Ending = 'open';
  /**
   * True after the server has reset the connection. So it has closed both directions: a server that has closed only its
   * sending direction still accepts bytes.
   */
  gone = false;
  #listener: Listener | undefined;

  private constructor(socket: Socket, secrets: readonly string[]) {
    this.#socket = socket;
    this.#leaks = new LeakScanner(secrets);
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.on('end', () => this.#end('fin'));
    socket.on('error', () => this.#end('reset'));
    socket.on('close', () => this.#end('fin'));
  }

  /** @throws {Unreachable} */
  static async open(target: Target, options: { readonly secrets?: readonly string[] } = {}): Promise<Wire> {
    const { host, port, secure } = target;
    const socket = secure
      ? connectTls({ host, port, servername: host })
      : connectTcp({ host, port, allowHalfOpen: true });
    await new Promise<void>((resolve, reject) => {
      const fail = (why: string): void => {
        socket.destroy();
        reject(new Unreachable(`${host}:${port} cannot be reached: ${why}`));
      };
      socket.setTimeout(CONNECT_TIMEOUT_MS, () => fail('no answer'));
      socket.once('error', (error: Error) => fail(error.message));
      socket.once(secure ? 'secureConnect' : 'connect', () => {
        socket.removeAllListeners('error');
        socket.setTimeout(0);
        resolve();
      });
    });
    return new Wire(socket, options.secrets ?? []);
  }

  get upgraded(): boolean {
    return this.#upgraded;
  }

  get leaks(): readonly string[] {
    return this.#leaks.found;
  }

  /** Writes the bytes. If the server does not read, waits at most `patienceMs`. */
  async write(bytes: Buffer, patienceMs = 2000): Promise<void> {
    if (!this.#socket.writable || this.#socket.write(bytes)) return;
    await this.until(() => this.ending !== 'open' || !this.#socket.writableNeedDrain, patienceMs);
  }

  /** Waits until a condition on the received data holds; returns whether it holds. */
  async until(holds: () => boolean, withinMs: number): Promise<boolean> {
    if (holds()) return true;
    return new Promise<boolean>((resolve) => {
      const settle = (value: boolean): void => {
        clearTimeout(timer);
        this.#wakers.delete(check);
        this.#socket.off('drain', check);
        resolve(value);
      };
      const check = (): void => {
        if (holds()) settle(true);
      };
      const timer = setTimeout(() => settle(holds()), withinMs);
      this.#wakers.add(check);
      this.#socket.on('drain', check);
    });
  }

  /** Passes all messages and pongs that arrive from now on to the listener, instead of collecting them. */
  listen(listener: Listener): void {
    this.#listener = listener;
  }

  pauseReading(): void {
    this.#socket.pause();
  }

  readAgain(): void {
    this.#socket.resume();
  }

  halfClose(): void {
    this.#socket.end();
  }

  reset(): void {
    this.#socket.resetAndDestroy();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #end(ending: 'fin' | 'reset'): void {
    if (ending === 'reset') this.gone = true;
    if (this.ending === 'open') this.ending = ending;
    this.#readAnswers();
    this.#wake();
  }

  #wake(): void {
    for (const check of [...this.#wakers]) check();
  }

  #take(chunk: Buffer): void {
    this.#leaks.push(chunk);
    if (this.#upgraded) this.#takeFrames(chunk);
    else {
      this.#http.push(chunk);
      this.#readAnswers();
    }
    this.#wake();
  }

  #readAnswers(): void {
    while (!this.#upgraded) {
      const answer = this.#http.next({ ended: this.ending !== 'open' });
      if (answer === undefined) break;
      this.answers.push(answer);
      if (answer.status !== 101) continue;
      this.#upgraded = true;
      this.#takeFrames(this.#http.rest());
    }
    if (this.#http.fault !== undefined) this.faults.add(this.#http.fault);
  }

  #takeFrames(chunk: Buffer): void {
    for (const frame of this.#frames.push(chunk)) this.#takeFrame(frame);
  }

  #takeFrame({ opcode, payload, fault }: ServerFrame): void {
    if (fault !== undefined) this.faults.add(fault);
    else if (opcode === OPCODE.text) this.#takeText(payload);
    else if (opcode === OPCODE.binary) this.faults.add('the server sent a binary frame (ENV-1)');
    else if (opcode === OPCODE.ping) void this.write(clientFrame(OPCODE.pong, payload));
    else if (opcode === OPCODE.pong) this.#takePong(payload);
    else if (opcode === OPCODE.close) this.#takeClose(payload);
  }

  #takeText(payload: Buffer): void {
    const message = readMessage(payload);
    if (typeof message === 'string') {
      this.faults.add(message);
      return;
    }
    if (this.#listener !== undefined) this.#listener.onMessage(message);
    else if (this.messages.length < MAX_KEPT) this.messages.push(message);
  }

  #takePong(payload: Buffer): void {
    if (this.#listener !== undefined) this.#listener.onPong(payload);
    else if (this.pongs.length < MAX_KEPT) this.pongs.push(payload);
  }

  /** Replies to a close with the same code, as RFC 6455 requires; the server then ends the connection. */
  #takeClose(payload: Buffer): void {
    const code = payload.length >= 2 ? payload.readUInt16BE(0) : 1005;
    this.close ??= { code, reason: payload.subarray(2).toString('utf8') };
    if (this.#closeAnswered) return;
    this.#closeAnswered = true;
    void this.write(clientFrame(OPCODE.close, payload.subarray(0, 2)));
  }
}

/** Reads a message of the server, or returns its fault. */
function readMessage(payload: Buffer): Message | string {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(payload);
    const message = JSON.parse(text) as Message;
    const { type, data } = message;
    const name = type === 'event' ? String(data['event']) : type;
    const fits = Object.hasOwn(serverValidators, name)
      ? serverValidators[name as keyof typeof serverValidators]
      : serverValidators.custom_event;
    if (fits(message)) return message;
    const [error] = fits.errors ?? [];
    return `a message that the contract does not allow (${name}${error?.instancePath ?? ''} ${error?.message ?? ''})`;
  } catch {
    return 'a text frame that is not UTF-8 JSON';
  }
}
