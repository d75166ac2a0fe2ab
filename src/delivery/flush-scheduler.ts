/** When the send queues of a node are written, and the batches that they share until then. */
import { BatchChain } from './batch.ts';

/** How long one outbox chooses events before the next one has its turn, in milliseconds. */
export const SLICE_MS = 2;

/** Enough for one system call to be worth while, little enough that control messages soon get their turn. */
const CHUNK_BYTES = 64 * 1024;
/** What the socket holds beside the queue stays small against it: at most this part of the bound on bytes. */
const CHUNKS_PER_QUEUE = 16;

/** A send queue, as the scheduler sees it. */
export interface Flushable {
  /** Whether a replay is next. */
  readonly replaying: boolean;
  flush(deadline: number): void;
  flushReplay(deadline: number): void;
}

/**
 * Collects the outboxes that have something to send and flushes each once, after the present round of I/O callbacks. Those with a
 * replay come after all others, in rotation, and for no longer than the budget of a turn; then everybody else has a turn.
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
