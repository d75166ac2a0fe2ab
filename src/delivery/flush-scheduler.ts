/** Decides when the send queues of a node are written. Until then, it keeps the batches that the queues share. */
import { BatchChain } from './batch.ts';

/** How long one outbox may select events of a replay before the next outbox is flushed, in milliseconds. */
export const SLICE_MS = 2;

/** Size of one write, in bytes. It is large enough to justify a system call, and small enough that control messages do not wait long. */
const CHUNK_BYTES = 64 * 1024;
/** The buffer of the socket may contain at most this part of the queue's limit in bytes. */
const CHUNKS_PER_QUEUE = 16;

/** A send queue, as the scheduler sees it. */
export interface Flushable {
  /** Whether a replay is next in the queue. */
  readonly replaying: boolean;
  flush(deadline: number): void;
  flushReplay(deadline: number): void;
}

/**
 * Collects the outboxes that have something to send. Each of them is flushed once, after the current round of I/O callbacks. Outboxes whose
 * next item is a replay are flushed after all others, in rotation. Together, they may use no more time than the budget of a turn of the
 * event loop.
 */
export class FlushScheduler {
  /** Size of one write, in bytes. A single frame may be larger. */
  readonly chunkBytes: number;
  /** Live events that wait for the next flush. */
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
