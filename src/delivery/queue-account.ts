/** Counts the bytes of one send queue, for its own limit and for the budget of the node. Also refers to the owner of the queue. */
import type { SendQueueBudget } from './send-queue-budget.ts';

export type Bound = 'bytes' | 'messages' | 'age';

/**
 * The owner of a send queue, to which the queue reports faults and work. It is one object instead of several functions, because functions
 * that are created for each connection would take more memory.
 */
export interface QueueOwner {
  /** Called once, when a limit of the queue is exceeded. */
  queueOverflowed(bound: Bound): void;
  /** Called if a queued message could not be built. The queue has then ended, and writes nothing more. */
  queueFailed(error: unknown): void;
  /** Receives the processing time that was needed to select events for a replay or to build a message, in milliseconds. */
  chargeWork(ms: number): void;
}

export interface QueueAccountOptions {
  readonly owner: QueueOwner;
  readonly budget: SendQueueBudget;
  readonly now: () => number;
}

export class QueueAccount {
  readonly owner: QueueOwner;
  /** The time in milliseconds since the Unix epoch. */
  readonly now: () => number;
  readonly #budget: SendQueueBudget;
  #queued = 0;
  /** Size of the chunk that the socket has not accepted completely yet, in bytes. */
  #inSocket = 0;
  /** The memory that the events of queued replays need in addition to the histories, in bytes. */
  #excess = 0;

  constructor({ owner, budget, now }: QueueAccountOptions) {
    this.owner = owner;
    this.now = now;
    this.#budget = budget;
  }

  /** Number of bytes in the queue, without those of a shared batch, but with those that {@link setExcess} has set. */
  get queued(): number {
    return this.#queued + this.#excess;
  }

  /** Counts bytes that were added to the queue. The number is negative for bytes that left the queue. */
  add(bytes: number): void {
    this.#queued += bytes;
    this.#budget.add(bytes);
  }

  /** Sets the size of the chunk that the socket has not accepted completely yet, in bytes; 0 if it has accepted everything. */
  setInSocket(bytes: number): void {
    this.#budget.add(bytes - this.#inSocket);
    this.#inSocket = bytes;
  }

  /** Sets the memory that the events of queued replays need in addition to the histories, in bytes. */
  setExcess(bytes: number): void {
    if (bytes === this.#excess) return;
    this.#budget.add(bytes - this.#excess);
    this.#excess = bytes;
  }

  /** Removes the bytes of this queue from the budget, because the queue has ended. */
  clear(): void {
    this.add(-this.#queued);
    this.setInSocket(0);
    this.setExcess(0);
  }
}
