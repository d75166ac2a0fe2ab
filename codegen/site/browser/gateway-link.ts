/**
 * The WebSocket of the try-it form: connects, authenticates, and reconnects if the class of the close code allows it
 * (CON-6).
 */
import type { Operations } from './operations.ts';

export type LinkState =
  | { readonly name: 'off' }
  | { readonly name: 'connecting' }
  | { readonly name: 'open' }
  | { readonly name: 'waiting'; readonly delayMs: number; readonly code: number }
  | { readonly name: 'refused'; readonly code: number };

export interface LinkOptions {
  readonly url: string;
  readonly operations: Operations;
  /** Returns the first frame of each connection, which contains the credential; undefined if no credential was entered. */
  readonly greeting: () => string | undefined;
  readonly onState: (state: LinkState) => void;
  readonly onFrame: (direction: 'sent' | 'received', text: string) => void;
}

const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 30_000;
const FINAL: ReadonlySet<string> = new Set(['do-not-retry', 'refresh']);

export class GatewayLink {
  readonly #options: LinkOptions;
  #socket: WebSocket | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #attempts = 0;
  /**
   * The code with which the last open connection was closed. The form shows this code while the link reconnects, because every failed
   * attempt has only the code 1006.
   */
  #reason: number | undefined;

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  get isOpen(): boolean {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  connect(): void {
    const { url, operations, greeting, onState, onFrame } = this.#options;
    this.#leave();
    onState({ name: 'connecting' });
    const socket = new WebSocket(url, operations.subprotocol);
    this.#socket = socket;
    socket.addEventListener('open', () => {
      this.#attempts = 0;
      this.#reason = undefined;
      onState({ name: 'open' });
      const first = greeting();
      if (first !== undefined) this.send(first);
    });
    socket.addEventListener('message', ({ data }) => onFrame('received', String(data)));
    socket.addEventListener('close', ({ code }) => {
      if (this.#socket === socket) this.#closed(code);
    });
  }

  #closed(code: number): void {
    const { operations, onState } = this.#options;
    this.#socket = undefined;
    if (FINAL.has(operations.closeCodes[code]?.family ?? '')) {
      onState({ name: 'refused', code });
      return;
    }
    const bound = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** this.#attempts);
    const delayMs = bound * (0.5 + Math.random() / 2);
    this.#attempts += 1;
    this.#reason ??= code;
    onState({ name: 'waiting', delayMs, code: this.#reason });
    this.#timer = setTimeout(() => this.connect(), delayMs);
  }

  send(text: string): void {
    this.#options.onFrame('sent', text);
    this.#socket?.send(text);
  }

  disconnect(): void {
    this.#reason = undefined;
    this.#leave();
    this.#options.onState({ name: 'off' });
  }

  #leave(): void {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close();
  }
}
