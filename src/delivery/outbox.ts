/**
 * The queue of messages that one connection still has to send. It has two lanes: control messages (`pong`, heartbeats, errors) never wait
 * behind events (BCK-1); messages that must keep their order among events (`subscribed`, `gap`, `synced`, …) share their lane (BCK-3).
 *
 *     push, pushInOrder, pushReplay ──▶ [control] [in order: event, event, replay…, gap] ──tick──▶ one write ──▶ socket
 *
 * All messages for a socket in a tick are sent in one write, because the system call is most of the cost of a delivery. While only live
 * events are queued, they are a {@link Batch}, whose bytes are shared with other connections and joined once. Both lanes together
 * are bounded by bytes, messages and age. Past half of a bound the connection is slow; past the bound it is closed (BCK-2).
 * Replies count too: a peer that sends commands and never reads would otherwise fill the memory with replies.
 * A replay is not copied into the queue: its events are chosen and its frames built while the socket accepts them, so that a long replay
 * to a slow reader keeps references, not bytes. Choosing takes processing time and is done in slices: see {@link FlushScheduler}.
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
import type { Framing } from '../wire/framing.ts';

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
  /** A frame, or a function that builds it when it is written. */
  readonly frame: Buffer | (() => Buffer);
  readonly since: number;
}

type Entry = LiveEvent | MessageFrame | QueuedReplay;

export type Bound = 'bytes' | 'messages' | 'age';

export interface OutboxOptions {
  readonly socket: Writable;
  /** How the events of a replay become bytes. */
  readonly framing: Framing;
  readonly limits: OutboxLimits;
  readonly scheduler: FlushScheduler;
  readonly queues: SendQueueBudget;
  readonly now: () => number;
  /** Called once, when a hard bound is passed. */
  readonly onOverflow: (bound: Bound) => void;
  /** Called when a queued message could not be built; nothing more is written. */
  readonly onFault: (error: unknown) => void;
  /** Receives the processing time of choosing events for a replay, or of building a message, in milliseconds. */
  readonly onWork?: (ms: number) => void;
}

export class Outbox implements LiveSink {
  readonly #options: OutboxOptions;
  readonly #socket: Writable;
  readonly #limits: OutboxLimits;
  readonly #scheduler: FlushScheduler;
  #control: Control[] = [];
  /** Builds a message that reports the state when it is written, so a pending one replaces later requests. */
  #report: (() => Buffer) | undefined;
  /** Queued live events whose bytes are shared with other connections. While there is a batch, there are no entries. */
  #batch: Batch | undefined;
  /** The first `#first` entries have been taken, and are undefined. */
  #entries: (Entry | undefined)[] = [];
  #first = 0;
  #queuedBytes = 0;
  /** Size of the chunk that the socket has not accepted yet, in bytes. */
  #bytesInSocket = 0;
  #scheduled = false;
  /** The time since which the socket has accepted nothing; undefined while it accepts every write. */
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
    options.socket.on('drain', this.#onDrain);
  }

  readonly #onDrain = (): void => {
    this.#blockedSince = undefined;
    this.#countInSocket(0);
    this.flush(0);
  };

  /** Queues a message that overtakes events. */
  push(frame: Buffer): void {
    if (this.#ended) return;
    this.#control.push({ frame, since: this.#options.now() });
    this.#count(frame.length);
    this.#schedule();
    this.#checkRoom();
  }

  /** Queues a message that overtakes events and is built when it is written, so that it uses no memory before. Bounded by number and age. */
  pushMade(make: () => Buffer): void {
    if (this.#ended) return;
    this.#control.push({ frame: make, since: this.#options.now() });
    this.#schedule();
    this.#checkRoom();
  }

  /** Queues the report of the current state, which overtakes events and is built when it is written. */
  pushReport(make: () => Buffer): void {
    if (this.#ended) return;
    this.#report = make;
    this.#schedule();
  }

  /** Queues a message in order with the events. */
  pushInOrder(frame: Buffer, options: OrderedOptions = {}): void {
    this.#enqueue({ kind: 'message', frame, ...options, since: this.#options.now() });
  }

  /** Queues a live event, in order. While only live events are queued, connections with the same events share a batch. */
  pushEvent(event: LiveEvent): void {
    if (this.#ended) return;
    if (this.#entries.length > this.#first || this.#blockedSince !== undefined) return this.#enqueue(event);
    this.#batch = this.#scheduler.chain.link(this.#batch, event);
    this.#schedule();
    this.#checkRoom();
  }

  /** Queues a replay, in order with the events. Its events are chosen while the socket accepts them. */
  pushReplay(replay: Replay): void {
    this.#enqueue(new QueuedReplay(replay, this.#options.framing, this.#options.now()));
  }

  /** Whether a replay is next. */
  get replaying(): boolean {
    return this.#entries[this.#first]?.kind === 'replay' && this.#control.length === 0;
  }

  /**
   * Each stream with queued events, with the position before the first of them (CON-7). Walks the whole queue: for heartbeats and
   * introspection, not for every event.
   */
  unwritten(): ReadonlyMap<string, Position> {
    const positions = new Map<string, Position>();
    for (const entry of this.#batch?.events() ?? this.#entries.slice(this.#first)) {
      for (const before of entry === undefined ? [] : placesBefore(entry)) {
        const known = positions.get(before.stream);
        // An entry of another epoch was queued later, behind the gap that announces this epoch.
        const earlier = known === undefined || (known.epoch === before.epoch && before.sequenceId < known.sequenceId);
        if (earlier) positions.set(before.stream, { epoch: before.epoch, sequenceId: before.sequenceId });
      }
    }
    return positions;
  }

  /** Bytes in this queue and in the socket's own buffer. */
  get queuedBytes(): number {
    return this.#queuedBytes + (this.#batch?.bytes ?? 0) + this.#socket.writableLength;
  }

  /** The number of queued messages that are in order with the events; a replay counts as one. */
  get queuedMessages(): number {
    return this.#entries.length - this.#first + (this.#batch?.count ?? 0);
  }

  /**
   * How long the oldest message has been queued or the socket has accepted nothing, in milliseconds. For a replay, the time since its last
   * progress counts.
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

  /** Checks the bound on age, which can be passed although nothing is pushed. */
  checkAge(): void {
    if (this.oldestQueuedMs > this.#limits.sendQueueAgeMs) this.#options.onOverflow('age');
  }

  /** Writes the first chunk of control messages and a pending report, then a last message, and ends. Drops everything else. */
  finish(last: Buffer): void {
    if (this.#ended) return;
    const control = [...this.#takeControl(), ...this.#takeReport()];
    this.end();
    this.#socket.write(Buffer.concat([...control, last]));
  }

  /** Drops all queued messages and ignores later ones. */
  end(): void {
    this.#ended = true;
    // The socket of a refused request for events serves further requests.
    this.#socket.off('drain', this.#onDrain);
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
   * Writes queued messages until the socket accepts no more.
   * @param deadline time by the performance clock until which events may be chosen for a replay; the others follow in a later turn
   */
  flush(deadline = performance.now() + SLICE_MS): void {
    this.#scheduled = false;
    this.#deadline = deadline;
    while (!this.#ended && this.#blockedSince === undefined) if (!this.#write()) break;
    this.#deadline = 0;
    if (this.replaying) this.#schedule();
  }

  /** Flushes, and reports the processing time. */
  flushReplay(deadline: number): void {
    const before = process.threadCpuUsage();
    this.flush(deadline);
    const { user, system } = process.threadCpuUsage(before);
    this.#options.onWork?.((user + system) / 1000);
  }

  /** Writes one chunk; false if there was none. Never throws: the same loop flushes other connections afterwards. */
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

  /** Writes the shared batch. Events that the socket does not accept become entries of this connection. */
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

  /** Turns the batch into entries, because another message is to precede or follow its events. */
  #spread(): void {
    const batch = this.#batch;
    if (batch === undefined) return;
    this.#batch = undefined;
    this.#entries = batch.events();
    this.#first = 0;
    this.#count(batch.bytes);
  }

  /** A batch is not counted: its bytes are shared, and events that the socket does not accept become entries in the same turn. */
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

  /** The bound on bytes or messages of which more than `1 / part` is used. The bound on age is checked by a timer. */
  #full(part = 1): Bound | undefined {
    const { sendQueueBytes, sendQueueMessages } = this.#limits;
    if ((this.#queuedBytes + (this.#batch?.bytes ?? 0)) * part > sendQueueBytes) return 'bytes';
    return (this.queuedMessages + this.#control.length) * part > sendQueueMessages ? 'messages' : undefined;
  }

  /**
   * A queue that a burst fills within one tick does not make a client slow: nothing has been written yet. So the queue is first written,
   * as long as the system accepts every byte at once. Nothing is dropped here: otherwise a pending heartbeat would find nothing queued
   * and report the head of the stream, although events were not written (CON-7).
   */
  #checkRoom(): void {
    if (this.#full() === undefined) return;
    this.#deadline = performance.now() + SLICE_MS;
    while (this.#socket.writableLength === 0) if (!this.#write()) break;
    this.#deadline = 0;
    const bound = this.#full();
    if (bound !== undefined) this.#options.onOverflow(bound);
  }

  /** Takes messages up to about one chunk, control messages first, as one buffer. */
  #nextChunk(): Buffer | undefined {
    const parts = this.#takeControl();
    let bytes = parts.reduce((sum, each) => sum + each.length, 0);
    while (bytes < this.#scheduler.chunkBytes) {
      const next = this.#entries[this.#first];
      const part = this.#take(this.#scheduler.chunkBytes - bytes);
      if (part === undefined) break;
      parts.push(part);
      bytes += part.length;
      // A replay has filled the chunk with whole frames: adding one more frame would copy all of them.
      if (next?.kind === 'replay' && next === this.#entries[this.#first]) break;
    }
    if (parts.length === 0) return undefined;
    return parts.length === 1 ? parts[0] : Buffer.concat(parts, bytes);
  }

  /** Takes about one chunk of the control lane and, if that empties the lane, the report. */
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
    // Frees the memory of the entry, because the array is cut only later.
    this.#entries[this.#first] = undefined;
    this.#first += 1;
    // Removing the first item moves all others, so taken entries are cut off only occasionally, many at once.
    if (this.#first > 1024 && this.#first * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#first);
      this.#first = 0;
    }
  }
}

/** The position before the rest of an entry, in each of its streams. */
function placesBefore(entry: Entry): Iterable<StreamPosition> {
  if (entry.kind === 'message') return entry.after === undefined ? [] : [entry.after];
  if (entry.kind === 'replay') return entry.positions();
  const { stream, epoch, sequenceId } = entry;
  return [{ stream, epoch, sequenceId: sequenceId - 1 }];
}
