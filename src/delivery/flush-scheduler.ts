/** Decides when the send queues of a node are written, and keeps the batches that they share until then. */
import { BatchChain } from './batch.ts';

/** How long one outbox may choose events of a replay before the next outbox is flushed, in milliseconds. */
export const SLICE_MS = 2;

/** Size of one write, in bytes: large enough to justify a system call, small enough that control messages do not wait long. */
const CHUNK_BYTES = 64 * 1024;
/** The socket's own buffer may hold at most this part of the queue's bound on bytes. */
const CHUNKS_PER_QUEUE = 16;

/** A send queue, as the scheduler sees it. */
export interface Flushable {
  /** Whether a replay is next. */
  readonly replaying: boolean;
  flush(deadline: number): void;
  flushReplay(deadline: number): void;
}

/**
 * Collects the outboxes that have something to send and flushes each once, after the current round of I/O callbacks. Outboxes with a
 * replay are flushed after all others, in rotation, and together for no longer than the budget of a turn.
 */
export class FlushScheduler {
  /** Size of one write, in bytes; one frame alone may be larger. */
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
