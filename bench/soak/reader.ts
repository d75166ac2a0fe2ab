/** A client that reconnects, and checks that it still receives every event once and in order. */
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { WebSocket } from 'ws';

const RETRY_MS = 500;

interface Message {
  readonly type: string;
  readonly data: {
    readonly sequenceId?: number;
    readonly epoch?: string;
    readonly position?: { readonly epoch: string; readonly sequenceId: number };
    readonly code?: string;
    readonly retryable?: boolean;
    readonly recovery?: { readonly recovered?: boolean; readonly reason?: string };
  };
}

export class SoakReader {
  readonly #url: string;
  #socket: WebSocket | undefined;
  #epoch = '';
  /** The sequenceId of the last event. */
  last = 0;
  readonly faults: string[] = [];
  /** The number of failed attempts to connect or to subscribe. A failed attempt is repeated, as by a real client. */
  refusals = 0;
  #isSubscribed = false;
  #closed = false;

  constructor(url: string) {
    this.#url = url;
  }

  /** Resolves when the subscription is confirmed. */
  async connect(): Promise<void> {
    while (!this.#closed)
      try {
        await this.#open();
        return;
      } catch {
        this.refusals += 1;
        await delay(RETRY_MS);
      }
  }

  async #open(): Promise<void> {
    const socket = new WebSocket(this.#url, { perMessageDeflate: false });
    this.#socket = socket;
    // Ignored here, because the promise of `once` rejects with the same error.
    socket.on('error', () => undefined);
    await once(socket, 'open');
    const after = { epoch: this.#epoch, sequenceId: this.last };
    const replay = this.#epoch === '' ? { mode: 'none' } : { mode: 'resume', after };
    const data = { subscriptionId: 'soak', events: ['bench.tick'], replay };
    const confirmed = Promise.withResolvers<undefined>();
    socket.on('close', (code) => {
      if (this.#socket === socket) this.#isSubscribed = false;
      confirmed.reject(new Error(`closed with ${code}`));
    });
    socket.on('message', (text: Buffer) => {
      if (this.#socket !== socket) return;
      const message = JSON.parse(text.toString('utf8')) as Message;
      if (message.type === 'error' && message.data.retryable === true) {
        socket.terminate();
        confirmed.reject(new Error(message.data.code));
        return;
      }
      this.#take(message);
      if (message.type !== 'subscribed') return;
      this.#isSubscribed = true;
      confirmed.resolve(undefined);
    });
    socket.send(JSON.stringify({ type: 'subscribe', id: '1', data }));
    await confirmed.promise;
  }

  /**
   * Drops the connection and resumes after the last event. Does nothing if the reader is not subscribed, because an attempt to connect may
   * be under way. @returns whether the connection was dropped
   */
  reconnect(): boolean {
    if (!this.#isSubscribed) return false;
    this.#isSubscribed = false;
    this.#socket?.terminate();
    this.connect().catch((error: unknown) => this.faults.push(String(error)));
    return true;
  }

  close(): void {
    this.#closed = true;
    this.#socket?.terminate();
  }

  #take({ type, data }: Message): void {
    if (type === 'subscribed') {
      if (this.#epoch === '') this.last = data.position?.sequenceId ?? 0;
      this.#epoch = data.position?.epoch ?? '';
      if (data.recovery?.recovered === false) this.faults.push(`a resume failed: ${data.recovery.reason}`);
    }
    if (type === 'gap' || type === 'error' || type === 'closing') this.faults.push(JSON.stringify({ type, data }));
    if (type !== 'event') return;
    if (data.sequenceId !== this.last + 1) this.faults.push(`received ${data.sequenceId} after ${this.last}`);
    this.last = data.sequenceId ?? 0;
  }
}
