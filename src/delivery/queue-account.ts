/** Counts the bytes of one send queue, for the queue itself and for the budget of the node, and reports faults and work to its owner. */
import type { SendQueueBudget } from './send-queue-budget.ts';

export type Bound = 'bytes' | 'messages' | 'age';

/**
 * The owner of a send queue. It is an object instead of one function for each purpose, because functions for each connection would take
 * more memory.
 */
export interface QueueOwner {
  /** Called once, if a hard limit is exceeded. */
  queueOverflowed(bound: Bound): void;
  /** Called if a queued message could not be built. Nothing more is written then. */
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

  constructor({ owner, budget, now }: QueueAccountOptions) {
    this.owner = owner;
    this.now = now;
    this.#budget = budget;
  }

  /** Bytes in the queue. A shared batch is not included. */
  get queued(): number {
    return this.#queued;
  }

  /** Counts bytes that were added to the queue. The number is negative for bytes that left the queue. */
  add(bytes: number): void {
    this.#queued += bytes;
    this.#budget.add(bytes);
  }

  /** Counts the bytes that the socket has not accepted completely yet. They replace the number of the last call. */
  setInSocket(bytes: number): void {
    this.#budget.add(bytes - this.#inSocket);
    this.#inSocket = bytes;
  }

  /** Removes the bytes of this queue from the budget, because the queue has ended. */
  clear(): void {
    this.add(-this.#queued);
    this.setInSocket(0);
  }
}
