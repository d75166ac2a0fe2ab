/**
 * The queue of messages that are still to be sent to one connection. It has two lanes. Control messages (`pong`, heartbeats, errors) have
 * their own lane, so that they never wait behind events (BCK-1). Messages that must keep their order among events (`subscribed`, `gap`,
 * `synced`, …) are in the same lane as the events (BCK-3).
 *
 *     push, pushInOrder, pushReplay ──▶ [control] [in order: event, event, replay…, gap] ──tick──▶ one write ──▶ socket
 *
 * All messages for a socket in one turn of the event loop are sent in one write, because the system call is most of the cost of a delivery.
 * While only live events are queued, they form a {@link Batch}, whose bytes are shared with other connections and are joined once. Both
 * lanes together are limited in bytes, messages and age. If more than half of a limit is used, the connection is slow; if a limit is
 * exceeded, the connection is closed (BCK-2). Replies count too, because a peer that sends commands and never reads would otherwise fill
 * the memory with replies. The frames of a replay are not queued. The events of a replay are selected and its frames are built only when
 * the socket accepts them, so that a long replay to a slow reader needs no memory for its bytes. Events that only a replay keeps count once
 * history has dropped many events (replay/pending-events.ts). Selecting events takes processing time, so {@link FlushScheduler} divides it
 * into slices.
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
  /** The `deadline` of the running {@link flush}; 0 if none is running. */
  #deadline = 0;
  /**
   * The listener for the event `drain` of the socket. Created when the socket is full for the first time, because most sockets never are.
   */
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

  /** Queues a control message, which is sent before queued events. */
  push(frame: Buffer): void {
    if (this.#ended) return;
    this.#control.push(frame);
    this.#schedule();
    this.#checkRoom();
  }

  /**
   * Queues a control message that is built when it is written, and needs no memory for its bytes until then. Only the limits on the number
   * and age of messages apply to it.
   */
  pushMade(make: () => Buffer): void {
    if (this.#ended) return;
    this.#control.push(make);
    this.#schedule();
    this.#checkRoom();
  }

  /**
   * Queues a report of the current state, which replaces a report that was not sent yet. It is sent before queued events, and built when it
   * is written.
   */
  pushReport(make: () => Buffer): void {
    if (this.#ended) return;
    this.#control.pushReport(make);
    this.#schedule();
  }

  /** Queues a message that keeps its order among the events. */
  pushInOrder(frame: Buffer, options: OrderedOptions = {}): void {
    this.#enqueue({ kind: 'message', frame, ...options, since: this.#account.now() });
  }

  /** Queues a live event in order. While only live events are queued, connections with the same queued events share a batch. */
  pushEvent(event: LiveEvent): void {
    if (this.#ended) return;
    if (this.#blockedSince !== undefined || !this.#events.share(event, this.#scheduler.chain))
      return this.#enqueue(event);
    this.#schedule();
    this.#checkRoom();
  }

  /** Queues a replay that keeps its order among the events. Its events are selected only when the socket accepts them. */
  pushReplay(replay: Replay): void {
    this.#enqueue(new QueuedReplay(replay, this.#framing, this.#account.now()));
  }

  /** Whether a replay is next in the queue. */
  get replaying(): boolean {
    return this.#events.replaying && this.#control.length === 0;
  }

  /**
   * For each stream with queued events, the position before the first of these events (CON-7). Iterates over the whole queue, so it must
   * only be used for heartbeats and introspection, not for every event.
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
   * The longer of two times, in milliseconds: how long the oldest message has been queued, and how long the socket has accepted nothing.
   * For a replay, the time since it last made progress counts instead of its time in the queue.
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

  /**
   * Checks the limits on age and bytes. Both can be exceeded although no message is added: the bytes also grow when history drops events
   * that a queued replay still keeps. A timer must call this.
   */
  checkLimits(): void {
    if (this.oldestQueuedMs > this.#limits.sendQueueAgeMs) return this.#account.owner.queueOverflowed('age');
    this.#events.countExcess(this.#limits.sendQueueBytes);
    if (this.#full() === 'bytes') this.#account.owner.queueOverflowed('bytes');
  }

  /** Writes control messages up to the size of a chunk, a pending report, and then `last`. Drops all other messages, and ends the queue. */
  finish(last: Buffer): void {
    if (this.#ended) return;
    const control = [...this.#control.take(this.#scheduler.chunkBytes), ...this.#control.takeReport()];
    this.end();
    this.#socket.write(Buffer.concat([...control, last]));
  }

  /** Drops all queued messages. Later messages are ignored. */
  end(): void {
    this.#ended = true;
    // Remove the listener, because after a refused request for server-sent events, the socket is used for further HTTP requests.
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

  /** Flushes, and charges the processing time that this took to the owner of the queue. */
  flushReplay(deadline: number): void {
    const { ms } = workMs(() => this.flush(deadline));
    this.#account.owner.chargeWork(ms);
  }

  /**
   * Writes the shared batch, or one chunk of other messages. @returns false if nothing more can be written now, or if a message
   * could not be built. Never throws, because the caller's loop must also flush other connections.
   */
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

  /** The limit of which more than `1 / part` is used: `bytes`, `messages` or neither. {@link checkLimits} checks the limit on age. */
  #full(part = 1): Bound | undefined {
    const { sendQueueBytes, sendQueueMessages } = this.#limits;
    if ((this.#account.queued + (this.#events.batch?.bytes ?? 0)) * part > sendQueueBytes) return 'bytes';
    return (this.queuedMessages + this.#control.length) * part > sendQueueMessages ? 'messages' : undefined;
  }

  /**
   * Checks the limits after a message was queued. If a limit is exceeded, the queue is first written, as long as the operating system
   * accepts every byte immediately. Therefore a burst that fills the queue within one turn does not close the connection of a fast client.
   * If the limit is still exceeded, the owner closes the connection. The queue keeps its events until then. If it dropped them, a pending
   * heartbeat would report the head of the stream, although these events were not written (CON-7).
   */
  #checkRoom(): void {
    if (this.#full() === undefined) return;
    this.#deadline = performance.now() + SLICE_MS;
    while (this.#socket.writableLength === 0) if (!this.#write()) break;
    this.#deadline = 0;
    if (this.#full() === undefined) return;
    // A replay may have sent events since its excess was last counted.
    this.#events.countExcess(this.#limits.sendQueueBytes);
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
      // If the replay is not finished, it has filled the chunk. Adding one more part would copy its frames again.
      if (next?.kind === 'replay' && next === this.#events.next) break;
    }
    if (parts.length === 0) return undefined;
    return parts.length === 1 ? parts[0] : Buffer.concat(parts, bytes);
  }
}
