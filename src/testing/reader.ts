/**
 * A subscriber that needs so little processing time and memory that a test can run thousands of them. It compares the position of each
 * event with the previous one, and does not parse the payload. It can also stop reading from its socket.
 */
import { once } from 'node:events';
import { WebSocket } from 'ws';

export interface ReaderReport {
  readonly events: number;
  /** For each stream, the newest sequenceId. */
  readonly last: Readonly<Record<string, number>>;
  /** Number of events whose sequenceId was not the previous one plus 1. */
  readonly holes: number;
  readonly duplicates: number;
  readonly gaps: number;
  readonly replayed: number;
  readonly connections: number;
  /** The `name` in the last `closing` message, and the code of the close frame after it. */
  readonly closing: string | undefined;
  readonly closeCode: number | undefined;
}

export interface ReaderOptions {
  /** `raw` reconnects only on request. `sdk` is the client SDK, which reconnects automatically. */
  readonly kind: 'raw' | 'sdk';
  /** Prefix of the reader's subscription ids. */
  readonly id: string;
  readonly streams: readonly string[];
}

interface Message {
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

const STREAM = Buffer.from('"stream":"');
const SEQUENCE = Buffer.from('"sequenceId":');
const EPOCH = Buffer.from('"epoch":"');
const EVENT = Buffer.from('{"type":"event"');
const REPLAY = Buffer.from('"isReplay":true');
const QUOTE = 0x22;
/** How many bytes of a message are read. The needed members of an event come before its payload. */
const HEAD_BYTES = 400;

function numberAt(data: Buffer, start: number): number {
  let value = 0;
  for (let at = start; ; at += 1) {
    const digit = (data[at] ?? 0) - 0x30;
    if (digit < 0 || digit > 9) return value;
    value = value * 10 + digit;
  }
}

function textAfter(data: Buffer, mark: Buffer): string {
  const start = data.indexOf(mark) + mark.length;
  return data.toString('latin1', start, data.indexOf(QUOTE, start));
}

/** The position of a reader in a stream. */
interface Place {
  epoch: string;
  sequenceId: number;
}

export class Reader {
  readonly #options: ReaderOptions;
  readonly #places = new Map<string, Place>();
  readonly #counts = { events: 0, holes: 0, duplicates: 0, gaps: 0, replayed: 0, connections: 0 };
  #ws: WebSocket | undefined;
  #closing: string | undefined;
  #closeCode: number | undefined;
  #subscribed = 0;
  #onSubscribed: () => void = () => undefined;
  #onRefused: (error: unknown) => void = () => undefined;

  constructor(options: ReaderOptions) {
    this.#options = options;
  }

  get report(): ReaderReport {
    const last = Object.fromEntries([...this.#places].map(([stream, { sequenceId }]) => [stream, sequenceId]));
    return { ...this.#counts, last, closing: this.#closing, closeCode: this.#closeCode };
  }

  /**
   * Connects and subscribes to all events of the reader's streams. The first subscription receives only live events; later subscriptions
   * resume from the reader's position.
   */
  async connect(url: string): Promise<void> {
    const { id, streams } = this.#options;
    const ws = new WebSocket(url, { perMessageDeflate: false });
    this.#ws?.terminate();
    this.#ws = ws;
    this.#closeCode = undefined;
    this.#closing = undefined;
    this.#subscribed = 0;
    ws.on('error', () => undefined);
    ws.on('message', (data: Buffer) => this.#take(data));
    ws.on('close', (code: number) => {
      if (this.#ws === ws) this.#closeCode = code;
    });
    await once(ws, 'open');
    this.#counts.connections += 1;
    const subscribed = new Promise<void>((resolve, reject) => {
      this.#onSubscribed = resolve;
      this.#onRefused = reject;
    });
    for (const stream of streams) {
      const after = this.#places.get(stream);
      const replay = after === undefined ? { mode: 'none' } : { mode: 'resume', after };
      const data = { subscriptionId: `${id}-${stream}`, stream, events: ['*'], replay };
      ws.send(JSON.stringify({ type: 'subscribe', id: stream, data }));
    }
    await subscribed;
  }

  /** Stops reading from the socket. When more arrives, first the buffers of the socket fill, and then the queue of the gateway. */
  stopReading(): void {
    this.#ws?.pause();
  }

  readOn(): void {
    this.#ws?.resume();
  }

  #take(data: Buffer): void {
    if (data.subarray(0, EVENT.length).equals(EVENT)) this.#takeEvent(data.subarray(0, HEAD_BYTES));
    else this.#takeMessage(JSON.parse(data.toString()) as Message);
  }

  #takeEvent(head: Buffer): void {
    const counts = this.#counts;
    const stream = textAfter(head, STREAM);
    const epoch = textAfter(head, EPOCH);
    const sequenceId = numberAt(head, head.indexOf(SEQUENCE) + SEQUENCE.length);
    const place = this.#places.get(stream) ?? { epoch, sequenceId: 0 };
    counts.events += 1;
    if (head.includes(REPLAY)) counts.replayed += 1;
    if (sequenceId <= place.sequenceId) counts.duplicates += 1;
    else if (sequenceId !== place.sequenceId + 1 || epoch !== place.epoch) counts.holes += 1;
    this.#places.set(stream, { epoch, sequenceId: Math.max(place.sequenceId, sequenceId) });
  }

  #takeMessage({ type, data }: Message): void {
    if (type === 'gap') this.#counts.gaps += 1;
    if (type === 'closing') this.#closing = String(data['name']);
    if (type === 'error') this.#onRefused(new Error(JSON.stringify(data)));
    if (type !== 'subscribed') return;
    const stream = String(data['stream']);
    if (!this.#places.has(stream)) this.#places.set(stream, data['position'] as Place);
    this.#subscribed += 1;
    if (this.#subscribed === this.#options.streams.length) this.#onSubscribed();
  }
}
