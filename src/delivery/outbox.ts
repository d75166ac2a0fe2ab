/**
 * The queue of messages that are still to be sent to one connection. It has two lanes. Control messages (`pong`, heartbeats, errors) have
 * their own lane, so that they never wait behind events (BCK-1). Messages that must keep their order among events (`subscribed`, `gap`,
 * `synced`, …) are in the same lane as the events (BCK-3).
 *
 *     push, pushInOrder, pushReplay ──▶ [control] [in order: event, event, replay…, gap] ──tick──▶ one write ──▶ socket
 *
 * All messages for a socket in one turn of the event loop are sent in one write, because the system call is most of the cost of a delivery.
 * While only live events are queued, they are a {@link Batch}, whose bytes are shared with other connections and are joined once.
 * Both lanes together are limited in bytes, messages and age. If more than half of a limit is used, the connection is slow; if a limit is
 * exceeded, the connection is closed (BCK-2). Replies count too, because a peer that sends commands and never reads would otherwise fill
 * the memory with replies.
 * A replay is not copied into the queue. Its events are selected and its frames are built while the socket accepts them, so that a long
 * replay to a slow reader needs no memory for its bytes. Selecting takes processing time, so it is divided into slices; see {@link
 * FlushScheduler}.
 */
import type { Writable } from 'node:stream';
import type { Position } from '../broker/broker.ts';
import type { LiveEvent, LiveSink, OrderedOptions, Replay } from '../session/session.ts';
import type { Framing } from '../wire/framing.ts';
import type { Batch } from './batch.ts';
import { ControlLane } from './control-lane.ts';
import { EventLane } from './event-lane.ts';
import type { Entry } from './event-lane.ts';
import { SLICE_MS } from './flush-scheduler.ts';
import type { FlushScheduler } from './flush-scheduler.ts';
import { QueuedReplay } from './queued-replay.ts';
import { QueueAccount } from './queue-account.ts';
import type { Bound, QueueOwner } from './queue-account.ts';
import type { SendQueueBudget } from './send-queue-budget.ts';
import { workMs } from './work-time.ts';

export interface OutboxLimits {
  readonly sendQueueBytes: number;
  readonly sendQueueMessages: number;
  readonly sendQueueAgeMs: number;
}

export interface OutboxOptions {
  readonly socket: Writable;
  /** Converts the events of a replay to bytes. */
  readonly framing: Framing;
  readonly limits: OutboxLimits;
  readonly scheduler: FlushScheduler;
  readonly queues: SendQueueBudget;
  readonly now: () => number;
  readonly owner: QueueOwner;
}

export class Outbox implements LiveSink {
  readonly #socket: Writable;
  readonly #framing: Framing;
  readonly #limits: OutboxLimits;
  readonly #scheduler: FlushScheduler;
  readonly #account: QueueAccount;
  readonly #control: ControlLane;
  readonly #events: EventLane;
  #scheduled = false;
  /** The time since which the socket accepts nothing; undefined if it has accepted every write. */
  #blockedSince: number | undefined;
  #ended = false;
  /** See {@link flush}. */
  #deadline = 0;
  /** Listens for the `drain` of the socket. Created when the socket is first full, because most sockets never are. */
  #onDrain: (() => void) | undefined;

  constructor({ socket, framing, limits, scheduler, queues, now, owner }: OutboxOptions) {
    this.#socket = socket;
    this.#framing = framing;
    this.#limits = limits;
    this.#scheduler = scheduler;
    this.#account = new QueueAccount({ owner, budget: queues, now });
    this.#control = new ControlLane(this.#account);
    this.#events = new EventLane(this.#account, framing);
  }

  #listenForDrain(): void {
    if (this.#onDrain !== undefined) return;
    this.#onDrain = () => {
      this.#blockedSince = undefined;
      this.#account.setInSocket(0);
      this.flush(0);
    };
    this.#socket.on('drain', this.#onDrain);
  }

  /** Queues a message that is sent before queued events. */
  push(frame: Buffer): void {
    if (this.#ended) return;
    this.#control.push(frame);
    this.#schedule();
    this.#checkRoom();
  }

  /**
   * Queues a message that is sent before queued events and is built when it is written. It needs no memory until then. It is limited by the
   * number and the age of messages.
   */
  pushMade(make: () => Buffer): void {
    if (this.#ended) return;
    this.#control.push(make);
    this.#schedule();
    this.#checkRoom();
  }

  /** Queues a report of the current state. It is sent before queued events, and is built when it is written. */
  pushReport(make: () => Buffer): void {
    if (this.#ended) return;
    this.#control.pushReport(make);
    this.#schedule();
  }

  /** Queues a message that keeps its order among the events. */
  pushInOrder(frame: Buffer, options: OrderedOptions = {}): void {
    this.#enqueue({ kind: 'message', frame, ...options, since: this.#account.now() });
  }

  /** Queues a live event in order. While only live events are queued, connections with the same events share a batch. */
  pushEvent(event: LiveEvent): void {
    if (this.#ended) return;
    if (this.#blockedSince !== undefined || !this.#events.share(event, this.#scheduler.chain))
      return this.#enqueue(event);
    this.#schedule();
    this.#checkRoom();
  }

  /** Queues a replay that keeps its order among the events. Its events are selected while the socket accepts them. */
  pushReplay(replay: Replay): void {
    this.#enqueue(new QueuedReplay(replay, this.#framing, this.#account.now()));
  }

  /** Whether a replay is next in the queue. */
  get replaying(): boolean {
    return this.#events.replaying && this.#control.length === 0;
  }

  /**
   * For each stream with queued events, the position before the first of them (CON-7). It iterates over the whole queue, so it must only be
   * used for heartbeats and introspection, not for every event.
   */
  unwritten(): ReadonlyMap<string, Position> {
    return this.#events.unwritten();
  }

  /** Number of event messages written to the socket so far (CON-3). */
  get delivered(): number {
    return this.#events.taken;
  }

  /** Number of bytes in this queue and in the buffer of the socket. */
  get queuedBytes(): number {
    return this.#account.queued + (this.#events.batch?.bytes ?? 0) + this.#socket.writableLength;
  }

  /** Number of queued messages in the lane of the events. A replay counts as one. */
  get queuedMessages(): number {
    return this.#events.length;
  }

  /**
   * How long the oldest message has been queued, or the socket has accepted nothing, in milliseconds. For a replay, it is the time since
   * the replay last made progress.
   */
  get oldestQueuedMs(): number {
    const since = Math.min(
      this.#events.since ?? Infinity,
      this.#control.since ?? Infinity,
      this.#blockedSince ?? Infinity,
    );
    return since === Infinity ? 0 : Math.max(0, this.#account.now() - since);
  }

  /** Whether more than half of a limit is used (BCK-2). */
  get slow(): boolean {
    return this.#full(2) !== undefined || this.oldestQueuedMs > this.#limits.sendQueueAgeMs / 2;
  }

  /** Checks the limit on age, which can be exceeded even if nothing is queued in the meantime. */
  checkAge(): void {
    if (this.oldestQueuedMs > this.#limits.sendQueueAgeMs) this.#account.owner.queueOverflowed('age');
  }

  /** Writes the first chunk of control messages and a pending report, then `last`, and ends. All other messages are dropped. */
  finish(last: Buffer): void {
    if (this.#ended) return;
    const control = [...this.#control.take(this.#scheduler.chunkBytes), ...this.#control.takeReport()];
    this.end();
    this.#socket.write(Buffer.concat([...control, last]));
  }

  /** Drops all queued messages. Later messages are ignored. */
  end(): void {
    this.#ended = true;
    // Remove the listener, because the socket of a refused request for events is used for further requests.
    if (this.#onDrain !== undefined) this.#socket.off('drain', this.#onDrain);
    this.#events.clear();
    this.#control.clear();
    this.#account.clear();
    this.#blockedSince = undefined;
  }

  /**
   * Writes queued messages until the socket accepts no more.
   * @param deadline events of a replay may be selected until this time, in milliseconds of `performance.now`; the others follow in a later
   * turn
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
    const { ms } = workMs(() => this.flush(deadline));
    this.#account.owner.chargeWork(ms);
  }

  /** Writes one chunk. @returns false if there was none. Never throws, because the caller's loop must also flush other connections. */
  #write(): boolean {
    try {
      if (this.#events.batch !== undefined && this.#control.isEmpty) {
        this.#writeBatch();
        return this.queuedMessages > 0;
      }
      this.#events.spread();
      const chunk = this.#nextChunk();
      if (chunk !== undefined) this.#give(chunk);
      return chunk !== undefined;
    } catch (error) {
      this.end();
      this.#account.owner.queueFailed(error);
      return false;
    }
  }

  #give(chunk: Buffer): void {
    if (this.#socket.write(chunk)) return;
    this.#blockedSince = this.#account.now();
    this.#account.setInSocket(chunk.length);
    this.#listenForDrain();
  }

  /** Writes the shared batch. Events that the socket does not accept become entries of this connection. */
  #writeBatch(): void {
    for (const chunk of this.#events.takeBatch()) {
      if (this.#blockedSince === undefined) this.#writeChunk(chunk);
      else this.#events.keep(chunk);
    }
  }

  #writeChunk(chunk: Batch): void {
    this.#events.taken += chunk.chunkCount;
    this.#give(chunk.joined);
  }

  #schedule(): void {
    if (this.#scheduled || this.#blockedSince !== undefined || this.#ended) return;
    this.#scheduled = true;
    this.#scheduler.schedule(this);
  }

  #enqueue(entry: Entry): void {
    if (this.#ended) return;
    this.#events.push(entry);
    this.#schedule();
    this.#checkRoom();
  }

  /** The limit, on bytes or on messages, of which more than `1 / part` is used. A timer checks the limit on age. */
  #full(part = 1): Bound | undefined {
    const { sendQueueBytes, sendQueueMessages } = this.#limits;
    if ((this.#account.queued + (this.#events.batch?.bytes ?? 0)) * part > sendQueueBytes) return 'bytes';
    return (this.queuedMessages + this.#control.length) * part > sendQueueMessages ? 'messages' : undefined;
  }

  /**
   * Checks the limits after a message was queued. If a limit is exceeded, the queue is first written, as long as the operating system
   * accepts every byte immediately. Therefore a burst that fills the queue within one turn does not make a client slow. No event is dropped
   * here: with an empty queue, a pending heartbeat would report the head of the stream although events were not written (CON-7).
   */
  #checkRoom(): void {
    if (this.#full() === undefined) return;
    this.#deadline = performance.now() + SLICE_MS;
    while (this.#socket.writableLength === 0) if (!this.#write()) break;
    this.#deadline = 0;
    const bound = this.#full();
    if (bound !== undefined) this.#account.owner.queueOverflowed(bound);
  }

  /** Takes messages up to the size of about one chunk, control messages first, and joins them. */
  #nextChunk(): Buffer | undefined {
    const parts = this.#control.take(this.#scheduler.chunkBytes);
    let bytes = parts.reduce((sum, each) => sum + each.length, 0);
    while (bytes < this.#scheduler.chunkBytes) {
      const { next } = this.#events;
      const part = this.#events.take(this.#scheduler.chunkBytes - bytes, this.#deadline);
      if (part === undefined) break;
      parts.push(part);
      bytes += part.length;
      // The replay has filled the chunk with whole frames. Adding one more frame would copy all of them.
      if (next?.kind === 'replay' && next === this.#events.next) break;
    }
    if (parts.length === 0) return undefined;
    return parts.length === 1 ? parts[0] : Buffer.concat(parts, bytes);
  }
}
