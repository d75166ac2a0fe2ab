/**
 * What one connection still has to be sent. Two lanes: control messages (`pong`, heartbeats, errors) never wait behind
 * events (BCK-1); whatever must keep its place among events (`subscribed`, `gap`, `synced`, …) goes in order with them (BCK-3).
 *
 *     push, pushInOrder, pushReplay ──▶ [control] [in order: event, event, replay…, gap] ──tick──▶ one write ──▶ socket
 *
 * All that is due to a socket in a tick leaves in one write, because the system call is what a delivery costs. As long as only live
 * events wait, they are a {@link Batch}, whose bytes are shared with other connections and joined once. Both lanes together
 * are bounded by bytes, messages and age; past half of a bound the connection is slow, past the bound it is over (BCK-2).
 * Replies count too: a peer that asks and never reads would otherwise fill the memory with answers.
 * A replay is not copied into the queue: its events are chosen and its frames made while the socket takes them, so a long replay
 * to a slow reader holds references, not bytes. Choosing is work, and done in slices: see {@link FlushScheduler}.
 */
import type { Writable } from 'node:stream';
import type { Position } from '../broker/broker.ts';
import type { StreamPosition } from '../replay/record.ts';
import type { LiveEvent, LiveSink, OrderedOptions, Replay } from '../session/session.ts';
import type { Batch } from './batch.ts';
import { SLICE_MS } from './flush-scheduler.ts';
import type { FlushScheduler } from './flush-scheduler.ts';
import { QueuedReplay } from './queued-replay.ts';
import type { SendQueueBudget } from './send-queue-budget.ts';

export interface OutboxLimits {
  readonly sendQueueBytes: number;
  readonly sendQueueMessages: number;
  readonly sendQueueAgeMs: number;
}

interface MessageFrame extends OrderedOptions {
  readonly kind: 'message';
  readonly frame: Buffer;
  readonly since: number;
}

interface Control {
  /** A frame, or what makes it when its turn comes. */
  readonly frame: Buffer | (() => Buffer);
  readonly since: number;
}

type Entry = LiveEvent | MessageFrame | QueuedReplay;

export type Bound = 'bytes' | 'messages' | 'age';

export interface OutboxOptions {
  readonly socket: Writable;
  readonly limits: OutboxLimits;
  readonly scheduler: FlushScheduler;
  readonly queues: SendQueueBudget;
  readonly now: () => number;
  /** Called once, when a hard bound is passed. */
  readonly onOverflow: (bound: Bound) => void;
  /** Called when a message that waited could not be made; nothing more is written. */
  readonly onFault: (error: unknown) => void;
  /** Told what choosing events for a replay, or making a message, has cost, in milliseconds of processing time. */
  readonly onWork?: (ms: number) => void;
}

export class Outbox implements LiveSink {
  readonly #options: OutboxOptions;
  readonly #socket: Writable;
  readonly #limits: OutboxLimits;
  readonly #scheduler: FlushScheduler;
  #control: Control[] = [];
  /** A message that tells the state at the moment when it is written: one that still waits says all that a second one would. */
  #report: (() => Buffer) | undefined;
  /** Live events that wait together with others, in place of entries: there are none while there is a batch. */
  #batch: Batch | undefined;
  /** The first `#first` of them have been taken, and are undefined. */
  #entries: (Entry | undefined)[] = [];
  #first = 0;
  #queuedBytes = 0;
  /** Of the chunk that the socket has not taken yet. */
  #bytesInSocket = 0;
  #scheduled = false;
  /** Since when the socket has taken nothing, or undefined while it takes what it is given. */
  #blockedSince: number | undefined;
  #ended = false;
  /** See {@link flush}. */
  #deadline = 0;
  /** Event messages written to the socket so far (CON-3). */
  delivered = 0;

  constructor(options: OutboxOptions) {
    this.#options = options;
    this.#socket = options.socket;
    this.#limits = options.limits;
    this.#scheduler = options.scheduler;
    options.socket.on('drain', () => {
      this.#blockedSince = undefined;
      this.#countInSocket(0);
      this.flush(0);
    });
  }

  /** Overtakes events. */
  push(frame: Buffer): void {
    if (this.#ended) return;
    this.#control.push({ frame, since: this.#options.now() });
    this.#count(frame.length);
    this.#schedule();
    this.#checkRoom();
  }

  /** Overtakes events; made when its turn comes, so that a large one takes no room while it waits, and bounded by number and age. */
  pushMade(make: () => Buffer): void {
    if (this.#ended) return;
    this.#control.push({ frame: make, since: this.#options.now() });
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

  /** Keeps its place. As long as nothing else waits here, connections that are due the same events share a batch. */
  pushEvent(event: LiveEvent): void {
    if (this.#ended) return;
    if (this.#entries.length > this.#first || this.#blockedSince !== undefined) return this.#enqueue(event);
    this.#batch = this.#scheduler.chain.link(this.#batch, event);
    this.#schedule();
    this.#checkRoom();
  }

  /** Keeps its place among the events; what it holds is decided as the socket takes it. */
  pushReplay(replay: Replay): void {
    this.#enqueue(new QueuedReplay(replay, this.#options.now()));
  }

  /** Whether a replay is next. */
  get replaying(): boolean {
    return this.#entries[this.#first]?.kind === 'replay' && this.#control.length === 0;
  }

  /**
   * Each stream of which something is still to be written, with the position before the first of it (CON-7). Walks
   * everything that waits: for heartbeats and introspection, not for every event.
   */
  unwritten(): ReadonlyMap<string, Position> {
    const positions = new Map<string, Position>();
    for (const entry of this.#batch?.events() ?? this.#entries.slice(this.#first)) {
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
    return this.#queuedBytes + (this.#batch?.bytes ?? 0) + this.#socket.writableLength;
  }

  /** What keeps its place and waits for it; a replay counts as one. */
  get queuedMessages(): number {
    return this.#entries.length - this.#first + (this.#batch?.count ?? 0);
  }

  /**
   * How long the oldest message has waited, or the socket taken nothing, in milliseconds. A replay counts from its last
   * progress.
   */
  get oldestQueuedMs(): number {
    const since = Math.min(
      this.#batch?.since ?? this.#entries[this.#first]?.since ?? Infinity,
      this.#control[0]?.since ?? Infinity,
      this.#blockedSince ?? Infinity,
    );
    return since === Infinity ? 0 : Math.max(0, this.#options.now() - since);
  }

  /** Past half of a bound (BCK-2). */
  get slow(): boolean {
    return this.#full(2) !== undefined || this.oldestQueuedMs > this.#limits.sendQueueAgeMs / 2;
  }

  /** Checks the bound on age, which passes without anything being pushed. */
  checkAge(): void {
    if (this.oldestQueuedMs > this.#limits.sendQueueAgeMs) this.#options.onOverflow('age');
  }

  /** Writes a last message past whatever waits, behind the first of the answers and a report that still waits, and ends. */
  finish(last: Buffer): void {
    if (this.#ended) return;
    const control = [...this.#takeControl(), ...this.#takeReport()];
    this.end();
    this.#socket.write(Buffer.concat([...control, last]));
  }

  /** Drops what waits; nothing is taken any more. */
  end(): void {
    this.#ended = true;
    this.#batch = undefined;
    this.#entries = [];
    this.#control = [];
    this.#report = undefined;
    this.#first = 0;
    this.#count(-this.#queuedBytes);
    this.#countInSocket(0);
    this.#blockedSince = undefined;
  }

  /**
   * Writes what is due, as far as the socket takes it.
   * @param deadline until when events may be chosen for a replay, by the performance clock; the rest follows in a later turn
   */
  flush(deadline = performance.now() + SLICE_MS): void {
    this.#scheduled = false;
    this.#deadline = deadline;
    while (!this.#ended && this.#blockedSince === undefined) if (!this.#write()) break;
    this.#deadline = 0;
    if (this.replaying) this.#schedule();
  }

  /** The same, and reports what it cost. */
  flushReplay(deadline: number): void {
    const before = process.threadCpuUsage();
    this.flush(deadline);
    const { user, system } = process.threadCpuUsage(before);
    this.#options.onWork?.((user + system) / 1000);
  }

  /** Writes one chunk; false when there was none. Never throws: other connections wait their turn in the same loop. */
  #write(): boolean {
    try {
      const batch = this.#batch;
      if (batch !== undefined && this.#control.length === 0 && this.#report === undefined) {
        this.#writeBatch(batch);
        return this.queuedMessages > 0;
      }
      this.#spread();
      const chunk = this.#nextChunk();
      if (chunk !== undefined) this.#give(chunk);
      return chunk !== undefined;
    } catch (error) {
      this.end();
      this.#options.onFault(error);
      return false;
    }
  }

  #give(chunk: Buffer): void {
    if (this.#socket.write(chunk)) return;
    this.#blockedSince = this.#options.now();
    this.#countInSocket(chunk.length);
  }

  /** Writes what is shared with others. What the socket does not take any more waits as entries of this connection. */
  #writeBatch(batch: Batch): void {
    this.#batch = undefined;
    for (const chunk of batch.chunks) {
      if (this.#blockedSince === undefined) {
        this.delivered += chunk.chunkCount;
        this.#give(chunk.joined);
      } else {
        this.#entries.push(...chunk.chunkEvents());
        this.#count(chunk.chunkBytes);
      }
    }
  }

  /** Makes entries of the batch, because something else is to follow or to precede it. */
  #spread(): void {
    const batch = this.#batch;
    if (batch === undefined) return;
    this.#batch = undefined;
    this.#entries = batch.events();
    this.#first = 0;
    this.#count(batch.bytes);
  }

  /** A batch is not counted: its bytes are shared, and what a socket does not take of it becomes entries in the same turn. */
  #count(bytes: number): void {
    this.#queuedBytes += bytes;
    this.#options.queues.add(bytes);
  }

  #countInSocket(bytes: number): void {
    this.#options.queues.add(bytes - this.#bytesInSocket);
    this.#bytesInSocket = bytes;
  }

  #schedule(): void {
    if (this.#scheduled || this.#blockedSince !== undefined || this.#ended) return;
    this.#scheduled = true;
    this.#scheduler.schedule(this);
  }

  #enqueue(entry: Entry): void {
    if (this.#ended) return;
    this.#spread();
    this.#entries.push(entry);
    if (entry.kind !== 'replay') this.#count(entry.frame.length);
    this.#schedule();
    this.#checkRoom();
  }

  /** The bound on room of which more than `1 / part` is used up. Age passes by itself and is checked by the clock. */
  #full(part = 1): Bound | undefined {
    const { sendQueueBytes, sendQueueMessages } = this.#limits;
    if ((this.#queuedBytes + (this.#batch?.bytes ?? 0)) * part > sendQueueBytes) return 'bytes';
    return (this.queuedMessages + this.#control.length) * part > sendQueueMessages ? 'messages' : undefined;
  }

  /**
   * Full within one tick is not yet slow: a burst has filled the queue before the socket was given any of it. So the socket gets
   * its chance first, for as long as the system takes every byte at once. Nothing is dropped here: a heartbeat that still waits
   * would else find nothing unwritten and claim the head of the stream (CON-7).
   */
  #checkRoom(): void {
    if (this.#full() === undefined) return;
    this.#deadline = performance.now() + SLICE_MS;
    while (this.#socket.writableLength === 0) if (!this.#write()) break;
    this.#deadline = 0;
    const bound = this.#full();
    if (bound !== undefined) this.#options.onOverflow(bound);
  }

  /** Everything up to about one chunk, control first, in one buffer. */
  #nextChunk(): Buffer | undefined {
    const parts = this.#takeControl();
    let bytes = parts.reduce((sum, each) => sum + each.length, 0);
    while (bytes < this.#scheduler.chunkBytes) {
      const next = this.#entries[this.#first];
      const part = this.#take(this.#scheduler.chunkBytes - bytes);
      if (part === undefined) break;
      parts.push(part);
      bytes += part.length;
      // A replay has filled the chunk with whole frames: for one more of them all would have to be copied.
      if (next?.kind === 'replay' && next === this.#entries[this.#first]) break;
    }
    if (parts.length === 0) return undefined;
    return parts.length === 1 ? parts[0] : Buffer.concat(parts, bytes);
  }

  /** About one chunk of the control lane, and behind its last message the report. */
  #takeControl(): Buffer[] {
    const frames: Buffer[] = [];
    let bytes = 0;
    for (const { frame } of this.#control) {
      if (bytes >= this.#scheduler.chunkBytes) break;
      const taken = Buffer.isBuffer(frame) ? frame : this.#make(frame);
      frames.push(taken);
      bytes += taken.length;
      if (taken === frame) this.#count(-taken.length);
    }
    if (frames.length > 0) this.#control.splice(0, frames.length);
    if (this.#control.length === 0) frames.push(...this.#takeReport());
    return frames;
  }

  #make(make: () => Buffer): Buffer {
    const before = process.threadCpuUsage();
    const frame = make();
    const { user, system } = process.threadCpuUsage(before);
    this.#options.onWork?.((user + system) / 1000);
    return frame;
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
    this.#count(-entry.frame.length);
    if (entry.kind === 'event') this.delivered += 1;
    else entry.onWritten?.();
    return entry.frame;
  }

  /** Several frames of a replay up to `room` bytes, or what comes after it if it had nothing more to send. */
  #takeReplay(entry: QueuedReplay, room: number): Buffer | undefined {
    const taken = entry.take({ room, deadline: this.#deadline, now: this.#options.now });
    this.delivered += taken.events;
    if (taken.done) this.#advance();
    if (taken.chunk !== undefined) return taken.chunk;
    return taken.done ? this.#take(room) : undefined;
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
  if (entry.kind === 'replay') return entry.after;
  const { stream, epoch, sequenceId } = entry;
  return { stream, epoch, sequenceId: sequenceId - 1 };
}
