/**
 * What one connection still has to be sent. Two lanes: control messages (`pong`, heartbeats, errors) never wait behind
 * events (BCK-1); whatever must keep its place among events (`subscribed`, `gap`, `synced`, …) goes in order with them (BCK-3).
 *
 *     push, pushInOrder, pushReplay ──▶ [control] [in order: event, event, replay…, gap] ──tick──▶ one write ──▶ socket
 *
 * All that is due to a socket in a tick leaves in one write, because the system call is what a delivery costs. Both lanes together
 * are bounded by bytes, messages and age; past half of a bound the connection is slow, past the bound it is over (BCK-2).
 * Replies count too: a peer that asks and never reads would otherwise fill the memory with answers.
 * A replay is not copied into the queue: its frames are made from history while the socket takes them, so a long replay
 * to a slow reader holds references, not bytes.
 */
import type { Writable } from 'node:stream';
import type { EventRecord, Position } from '../broker/broker.ts';
import type { StreamPosition } from '../replay/record.ts';
import type { OrderedOptions } from '../session/session.ts';
import { eventFrameBytes, writeEventFrame } from '../wire/codec.ts';

/** Enough for one system call to be worth while, little enough that control messages soon get their turn. */
const CHUNK_BYTES = 64 * 1024;
/** What the socket holds beside the queue stays small against it: at most this part of the bound on bytes. */
const CHUNKS_PER_QUEUE = 16;

export interface OutboxLimits {
  readonly sendQueueBytes: number;
  readonly sendQueueMessages: number;
  readonly sendQueueAgeMs: number;
}

interface EventFrame {
  readonly kind: 'event';
  readonly frame: Buffer;
  readonly place: StreamPosition;
  readonly since: number;
}

interface MessageFrame extends OrderedOptions {
  readonly kind: 'message';
  readonly frame: Buffer;
  readonly since: number;
}

interface Control {
  readonly frame: Buffer;
  readonly since: number;
}

interface Replay {
  readonly kind: 'replay';
  readonly records: readonly EventRecord[];
  readonly prefix: string;
  next: number;
  since: number;
}

type Entry = EventFrame | MessageFrame | Replay;

export type Bound = 'bytes' | 'messages' | 'age';

export interface OutboxOptions {
  readonly socket: Writable;
  readonly limits: OutboxLimits;
  readonly scheduler: FlushScheduler;
  readonly now: () => number;
  /** Called once, when a hard bound is passed. */
  readonly onOverflow: (bound: Bound) => void;
  /** Called when a message that waited could not be made; nothing more is written. */
  readonly onFault: (error: unknown) => void;
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
  readonly #chunkBytes: number;
  #control: Control[] = [];
  /** A message that tells the state at the moment when it is written: one that still waits says all that a second one would. */
  #report: (() => Buffer) | undefined;
  /** The first `#first` of them have been taken, and are undefined. */
  #entries: (Entry | undefined)[] = [];
  #first = 0;
  #queuedBytes = 0;
  #scheduled = false;
  /** Since when the socket has taken nothing, or undefined while it takes what it is given. */
  #blockedSince: number | undefined;
  #ended = false;
  /** Event messages written to the socket so far (CON-3). */
  delivered = 0;

  constructor(options: OutboxOptions) {
    this.#options = options;
    this.#chunkBytes = Math.min(CHUNK_BYTES, options.limits.sendQueueBytes / CHUNKS_PER_QUEUE);
    options.socket.on('drain', () => {
      this.#blockedSince = undefined;
      this.flush();
    });
  }

  /** Overtakes events. */
  push(frame: Buffer): void {
    if (this.#ended) return;
    this.#control.push({ frame, since: this.#options.now() });
    this.#queuedBytes += frame.length;
    this.#schedule();
    this.#checkRoom();
  }

  /** Overtakes events; what it says is decided when its turn comes. */
  pushReport(make: () => Buffer): void {
    if (this.#ended) return;
    this.#report = make;
    this.#schedule();
  }

  /** Keeps its place among the events. */
  pushInOrder(frame: Buffer, options: OrderedOptions = {}): void {
    this.#enqueue({ kind: 'message', frame, ...options, since: this.#options.now() });
  }

  pushEvent(frame: Buffer, place: StreamPosition): void {
    this.#enqueue({ kind: 'event', frame, place, since: this.#options.now() });
  }

  /** Events of history, ascending, each to be sent with `prefix` before its body. */
  pushReplay(records: readonly EventRecord[], prefix: string): void {
    if (records.length > 0) this.#enqueue({ kind: 'replay', records, prefix, next: 0, since: this.#options.now() });
  }

  /**
   * Each stream of which something is still to be written, with the position before the first of it (CON-7). Walks
   * everything that waits: for heartbeats and introspection, not for every event.
   */
  unwritten(): ReadonlyMap<string, Position> {
    const positions = new Map<string, Position>();
    for (let at = this.#first; at < this.#entries.length; at += 1) {
      const entry = this.#entries[at];
      const before = entry === undefined ? undefined : placeBefore(entry);
      if (before === undefined) continue;
      const known = positions.get(before.stream);
      // An entry of another epoch was queued later, and the gap that leads there waits before it.
      const earlier = known === undefined || (known.epoch === before.epoch && before.sequenceId < known.sequenceId);
      if (earlier) positions.set(before.stream, { epoch: before.epoch, sequenceId: before.sequenceId });
    }
    return positions;
  }

  /** Bytes that wait here or in the socket's own buffer. */
  get queuedBytes(): number {
    return this.#queuedBytes + this.#options.socket.writableLength;
  }

  /** What keeps its place and waits for it; a replay counts as one. */
  get queuedMessages(): number {
    return this.#entries.length - this.#first;
  }

  /**
   * How long the oldest message has waited, or the socket taken nothing, in milliseconds. A replay counts from its last
   * progress.
   */
  get oldestQueuedMs(): number {
    const since = Math.min(
      this.#entries[this.#first]?.since ?? Infinity,
      this.#control[0]?.since ?? Infinity,
      this.#blockedSince ?? Infinity,
    );
    return since === Infinity ? 0 : Math.max(0, this.#options.now() - since);
  }

  /** Past half of a bound (BCK-2). */
  get slow(): boolean {
    return this.#full(2) !== undefined || this.oldestQueuedMs > this.#options.limits.sendQueueAgeMs / 2;
  }

  /** Checks the bound on age, which passes without anything being pushed. */
  checkAge(): void {
    if (this.oldestQueuedMs > this.#options.limits.sendQueueAgeMs) this.#options.onOverflow('age');
  }

  /** Writes a last message past whatever waits, behind the first of the answers and a report that still waits, and ends. */
  finish(last: Buffer): void {
    if (this.#ended) return;
    const control = [...this.#takeControl(), ...this.#takeReport()];
    this.end();
    this.#options.socket.write(Buffer.concat([...control, last]));
  }

  /** Drops what waits; nothing is taken any more. */
  end(): void {
    this.#ended = true;
    this.#entries = [];
    this.#control = [];
    this.#report = undefined;
    this.#first = 0;
    this.#queuedBytes = 0;
    this.#blockedSince = undefined;
  }

  /** Writes what is due, as far as the socket takes it. */
  flush(): void {
    this.#scheduled = false;
    while (!this.#ended && this.#blockedSince === undefined) if (!this.#write()) return;
  }

  /** Writes one chunk; false when there was none. Never throws: other connections wait their turn in the same loop. */
  #write(): boolean {
    try {
      const chunk = this.#nextChunk();
      if (chunk === undefined) return false;
      this.#blockedSince = this.#options.socket.write(chunk) ? undefined : this.#options.now();
      return true;
    } catch (error) {
      this.end();
      this.#options.onFault(error);
      return false;
    }
  }

  #schedule(): void {
    if (this.#scheduled || this.#blockedSince !== undefined || this.#ended) return;
    this.#scheduled = true;
    this.#options.scheduler.schedule(this);
  }

  #enqueue(entry: Entry): void {
    if (this.#ended) return;
    this.#entries.push(entry);
    if (entry.kind !== 'replay') this.#queuedBytes += entry.frame.length;
    this.#schedule();
    this.#checkRoom();
  }

  /** The bound on room of which more than `1 / part` is used up. Age passes by itself and is checked by the clock. */
  #full(part = 1): Bound | undefined {
    const { sendQueueBytes, sendQueueMessages } = this.#options.limits;
    if (this.#queuedBytes * part > sendQueueBytes) return 'bytes';
    return (this.queuedMessages + this.#control.length) * part > sendQueueMessages ? 'messages' : undefined;
  }

  /**
   * Full within one tick is not yet slow: a burst has filled the queue before the socket was given any of it. So the socket gets
   * its chance first, for as long as the system takes every byte at once. Nothing is dropped here: a heartbeat that still waits
   * would else find nothing unwritten and claim the head of the stream (CON-7).
   */
  #checkRoom(): void {
    if (this.#full() === undefined) return;
    while (this.#options.socket.writableLength === 0) if (!this.#write()) break;
    const bound = this.#full();
    if (bound !== undefined) this.#options.onOverflow(bound);
  }

  /** Everything up to about one chunk, control first, in one buffer. */
  #nextChunk(): Buffer | undefined {
    const parts = this.#takeControl();
    let bytes = parts.reduce((sum, each) => sum + each.length, 0);
    while (bytes < this.#chunkBytes) {
      const part = this.#take(this.#chunkBytes - bytes);
      if (part === undefined) break;
      parts.push(part);
      bytes += part.length;
    }
    if (parts.length === 0) return undefined;
    return parts.length === 1 ? parts[0] : Buffer.concat(parts, bytes);
  }

  /** About one chunk of the control lane, and behind its last message the report. */
  #takeControl(): Buffer[] {
    const frames: Buffer[] = [];
    let bytes = 0;
    for (const { frame } of this.#control) {
      if (bytes >= this.#chunkBytes) break;
      frames.push(frame);
      bytes += frame.length;
    }
    if (frames.length > 0) this.#control.splice(0, frames.length);
    this.#queuedBytes -= bytes;
    if (this.#control.length === 0) frames.push(...this.#takeReport());
    return frames;
  }

  #takeReport(): Buffer[] {
    const make = this.#report;
    this.#report = undefined;
    return make === undefined ? [] : [make()];
  }

  /** Takes the next frame of the queue, or several frames of a replay up to `room` bytes. */
  #take(room: number): Buffer | undefined {
    const entry = this.#entries[this.#first];
    if (entry === undefined) {
      if (this.#first > 0) {
        this.#entries = [];
        this.#first = 0;
      }
      return undefined;
    }
    if (entry.kind === 'replay') return this.#takeReplay(entry, room);
    this.#advance();
    this.#queuedBytes -= entry.frame.length;
    if (entry.kind === 'event') this.delivered += 1;
    else entry.onWritten?.();
    return entry.frame;
  }

  #takeReplay(entry: Replay, room: number): Buffer {
    let bytes = 0;
    let end = entry.next;
    for (let record = entry.records[end]; record !== undefined; record = entry.records[end]) {
      const size = eventFrameBytes(entry.prefix, record);
      if (bytes > 0 && bytes + size > room) break;
      bytes += size;
      end += 1;
    }
    const chunk = Buffer.allocUnsafe(bytes);
    let offset = 0;
    for (const record of entry.records.slice(entry.next, end))
      offset = writeEventFrame(chunk, offset, entry.prefix, record);
    this.delivered += end - entry.next;
    entry.next = end;
    entry.since = this.#options.now();
    if (end === entry.records.length) this.#advance();
    return chunk;
  }

  #advance(): void {
    // What has been taken must not be held until the array is cut.
    this.#entries[this.#first] = undefined;
    this.#first += 1;
    // Shifting an array moves everything behind it: the taken part is cut off only now and then.
    if (this.#first > 1024 && this.#first * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#first);
      this.#first = 0;
    }
  }
}

/** The position before what is left of an entry; undefined when the entry belongs to no place of a stream. */
function placeBefore(entry: Entry): StreamPosition | undefined {
  if (entry.kind === 'message') return entry.after;
  const next = entry.kind === 'event' ? entry.place : entry.records[entry.next];
  return next === undefined ? undefined : { stream: next.stream, epoch: next.epoch, sequenceId: next.sequenceId - 1 };
}
