/**
 * What one connection still has to be sent. Two lanes: control messages (replies, heartbeats, errors) never wait behind
 * events (BCK-1); whatever must keep its place among events (`subscribed`, `gap`, `synced`, …) goes in order with them.
 *
 *     push, pushInOrder, pushReplay ──▶ [control] [in order: event, event, replay…, gap] ──tick──▶ one write ──▶ socket
 *
 * All that is due to a socket in a tick leaves in one write, because the system call is what a delivery costs. The queue is
 * bounded by bytes, messages and age; past half of a bound the connection is slow, past the bound it is over (BCK-2).
 * A replay is not copied into the queue: its frames are made from history while the socket takes them, so a long replay
 * to a slow reader holds references, not bytes.
 */
import type { Writable } from 'node:stream';
import type { EventRecord, Position } from '../broker/broker.ts';
import { eventFrameBytes, writeEventFrame } from '../codec.ts';

/** Enough for one system call to be worth while, little enough that control messages soon get their turn. */
const CHUNK_BYTES = 64 * 1024;

export interface OutboxLimits {
  readonly sendQueueBytes: number;
  readonly sendQueueMessages: number;
  readonly sendQueueAgeMs: number;
}

/** Where a message stands in its stream, so that a heartbeat never claims what was not written yet (CON-3). */
export interface Place extends Position {
  readonly stream: string;
}

interface Frame {
  readonly kind: 'event' | 'message';
  readonly frame: Buffer;
  readonly place: Place | undefined;
  since: number;
}

interface Replay {
  readonly kind: 'replay';
  readonly records: readonly EventRecord[];
  readonly head: string;
  next: number;
  since: number;
}

type Entry = Frame | Replay;

export interface OutboxOptions {
  readonly socket: Writable;
  readonly limits: OutboxLimits;
  readonly scheduler: FlushScheduler;
  readonly now: () => number;
  /** Called once, when a hard bound is passed. */
  readonly onOverflow: (bound: 'bytes' | 'messages' | 'age') => void;
  readonly onWritten: (place: Place) => void;
}

/** Collects the outboxes that have something to send and flushes each once, after the present round of I/O callbacks. */
export class FlushScheduler {
  #due: Outbox[] = [];

  schedule(outbox: Outbox): void {
    if (this.#due.push(outbox) === 1) setImmediate(() => this.#run());
  }

  #run(): void {
    const due = this.#due;
    this.#due = [];
    for (const outbox of due) outbox.flush();
  }
}

export class Outbox {
  readonly #options: OutboxOptions;
  #control: (Buffer | (() => Buffer))[] = [];
  #entries: Entry[] = [];
  #head = 0;
  #queuedBytes = 0;
  #scheduled = false;
  #blocked = false;
  #ended = false;
  /** Event messages written to the socket so far (CON-3). */
  delivered = 0;

  constructor(options: OutboxOptions) {
    this.#options = options;
    options.socket.on('drain', () => {
      this.#blocked = false;
      this.flush();
    });
  }

  /** Overtakes events. A function is called when its turn comes, for a message that tells the state at that moment. */
  push(frame: Buffer | (() => Buffer)): void {
    this.#control.push(frame);
    this.#schedule();
  }

  /** Keeps its place among the events. */
  pushInOrder(frame: Buffer, place?: Place): void {
    this.#enqueue({ kind: 'message', frame, place, since: this.#options.now() });
  }

  pushEvent(frame: Buffer, place: Place): void {
    this.#enqueue({ kind: 'event', frame, place, since: this.#options.now() });
  }

  /** Events of history, ascending, each to be sent with `head` before its body. */
  pushReplay(records: readonly EventRecord[], head: string): void {
    if (records.length > 0) this.#enqueue({ kind: 'replay', records, head, next: 0, since: this.#options.now() });
  }

  /** Bytes that wait here or in the socket's own buffer. */
  get queuedBytes(): number {
    return this.#queuedBytes + this.#options.socket.writableLength;
  }

  get queuedMessages(): number {
    return this.#entries.length - this.#head;
  }

  /** How long the oldest message has waited, in milliseconds; a replay counts from its last progress. */
  get oldestQueuedMs(): number {
    const oldest = this.#entries[this.#head];
    return oldest === undefined ? 0 : Math.max(0, this.#options.now() - oldest.since);
  }

  /** Past half of a bound (BCK-2). */
  get slow(): boolean {
    const { limits } = this.#options;
    return (
      this.queuedBytes > limits.sendQueueBytes / 2 ||
      this.queuedMessages > limits.sendQueueMessages / 2 ||
      this.oldestQueuedMs > limits.sendQueueAgeMs / 2
    );
  }

  /** Checks the bound on age, which passes without anything being pushed. */
  checkAge(): void {
    if (!this.#ended && this.oldestQueuedMs > this.#options.limits.sendQueueAgeMs) this.#overflow('age');
  }

  /** Writes a last message past whatever waits, and ends. */
  finish(last: Buffer): void {
    if (this.#ended) return;
    const control = this.#control.map((each) => (typeof each === 'function' ? each() : each));
    this.end();
    this.#options.socket.write(Buffer.concat([...control, last]));
  }

  /** Drops what waits; nothing is taken any more. */
  end(): void {
    this.#ended = true;
    this.#entries = [];
    this.#control = [];
    this.#head = 0;
    this.#queuedBytes = 0;
  }

  /** Writes what is due, as far as the socket takes it. */
  flush(): void {
    this.#scheduled = false;
    while (!this.#ended && !this.#blocked) {
      const chunk = this.#nextChunk();
      if (chunk === undefined) return;
      if (!this.#options.socket.write(chunk)) this.#blocked = true;
    }
  }

  #schedule(): void {
    if (this.#scheduled || this.#blocked || this.#ended) return;
    this.#scheduled = true;
    this.#options.scheduler.schedule(this);
  }

  #enqueue(entry: Entry): void {
    if (this.#ended) return;
    this.#entries.push(entry);
    if (entry.kind !== 'replay') this.#queuedBytes += entry.frame.length;
    this.#schedule();
    const { limits } = this.#options;
    if (this.queuedBytes > limits.sendQueueBytes) this.#overflow('bytes');
    else if (this.queuedMessages > limits.sendQueueMessages) this.#overflow('messages');
  }

  #overflow(bound: 'bytes' | 'messages' | 'age'): void {
    this.#entries = [];
    this.#head = 0;
    this.#queuedBytes = 0;
    this.#options.onOverflow(bound);
  }

  /** Everything up to about one chunk, control first, in one buffer. */
  #nextChunk(): Buffer | undefined {
    const parts: Buffer[] = [];
    let bytes = 0;
    const control = this.#control;
    this.#control = [];
    for (const each of control) {
      const frame = typeof each === 'function' ? each() : each;
      parts.push(frame);
      bytes += frame.length;
    }
    while (bytes < CHUNK_BYTES) {
      const part = this.#take(CHUNK_BYTES - bytes);
      if (part === undefined) break;
      parts.push(part);
      bytes += part.length;
    }
    if (parts.length === 0) return undefined;
    return parts.length === 1 ? parts[0] : Buffer.concat(parts, bytes);
  }

  /** Takes the next frame of the queue, or several frames of a replay up to `room` bytes. */
  #take(room: number): Buffer | undefined {
    const entry = this.#entries[this.#head];
    if (entry === undefined) {
      if (this.#head > 0) {
        this.#entries = [];
        this.#head = 0;
      }
      return undefined;
    }
    if (entry.kind === 'replay') return this.#takeReplay(entry, room);
    this.#advance();
    this.#queuedBytes -= entry.frame.length;
    if (entry.kind === 'event') this.delivered += 1;
    if (entry.place !== undefined) this.#options.onWritten(entry.place);
    return entry.frame;
  }

  #takeReplay(entry: Replay, room: number): Buffer {
    let bytes = 0;
    let end = entry.next;
    for (let record = entry.records[end]; record !== undefined; record = entry.records[end]) {
      const size = eventFrameBytes(entry.head, record);
      if (bytes > 0 && bytes + size > room) break;
      bytes += size;
      end += 1;
    }
    const chunk = Buffer.allocUnsafe(bytes);
    let offset = 0;
    for (const record of entry.records.slice(entry.next, end))
      offset = writeEventFrame(chunk, offset, entry.head, record);
    const last = entry.records[end - 1];
    this.delivered += end - entry.next;
    entry.next = end;
    entry.since = this.#options.now();
    if (end === entry.records.length) this.#advance();
    if (last !== undefined) this.#options.onWritten(last);
    return chunk;
  }

  #advance(): void {
    this.#head += 1;
    // Shifting an array moves everything behind it: the taken part is cut off only now and then.
    if (this.#head > 1024 && this.#head * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    }
  }
}
