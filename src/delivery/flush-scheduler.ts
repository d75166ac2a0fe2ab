/**
 * Decides when the send queues of a node are written to their sockets. Until then, the queues share one chain of live events (batch.ts).
 */
import { BatchChain } from './batch.ts';

/** How long one outbox may select events of a replay before the next outbox is flushed, in milliseconds. */
export const SLICE_MS = 2;

/**
 * Size of one write, in bytes. It is large, because each write is a system call, but small enough that control messages do not wait long.
 */
const CHUNK_BYTES = 64 * 1024;
/** A write has at most the queue's limit in bytes divided by this number. */
const CHUNKS_PER_QUEUE = 16;

/** The part of a send queue that the scheduler uses. */
export interface Flushable {
  /** Whether the next item in the queue is a replay. */
  readonly replaying: boolean;
  flush(deadline: number): void;
  flushReplay(deadline: number): void;
}

/**
 * Collects the outboxes that have something to send, and flushes each of them once, after the current round of I/O callbacks. Outboxes
 * whose next item is a replay are flushed last, one after another, until the time budget of this turn of the event loop is used up. Those
 * that are left are flushed in the next turn.
 */
export class FlushScheduler {
  /** Size of one write, in bytes. A single frame, or a block of a replay, may be larger. */
  readonly chunkBytes: number;
  /** The chain of live events that wait for the next flush. */
  readonly chain: BatchChain;
  readonly #turnMs: number;
  #due: Flushable[] = [];
  readonly #replaying: Flushable[] = [];
  #armed = false;

  constructor(limits: { readonly turnBudgetMs: number; readonly sendQueueBytes: number }) {
    this.#turnMs = limits.turnBudgetMs;
    this.chunkBytes = Math.min(CHUNK_BYTES, limits.sendQueueBytes / CHUNKS_PER_QUEUE);
    this.chain = new BatchChain(this.chunkBytes);
  }

  schedule(outbox: Flushable): void {
    (outbox.replaying ? this.#replaying : this.#due).push(outbox);
    if (this.#armed) return;
    this.#armed = true;
    setImmediate(() => this.#run());
  }

  #run(): void {
    this.#armed = false;
    const due = this.#due;
    this.#due = [];
    this.chain.clear();
    for (const outbox of due) outbox.flush(0);
    const until = performance.now() + this.#turnMs;
    for (let now = 0; now < until; now = performance.now()) {
      const outbox = this.#replaying.shift();
      if (outbox === undefined) return;
      outbox.flushReplay(Math.min(until, performance.now() + SLICE_MS));
    }
    if (this.#replaying.length === 0 || this.#armed) return;
    this.#armed = true;
    setImmediate(() => this.#run());
  }
}
