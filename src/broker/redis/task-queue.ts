/**
 * Limits how many reads of streams are in progress at a time. Ten thousand reads at once would fill the connection. The last replies,
 * including the reply to the heartbeat, would then arrive after their timeout.
 */

/** The priority of a task. `subscribed` tasks run first, because a client waits for them. A follow of many streams can wait longer. */
export type Lane = 'subscribed' | 'followed';

export class TaskQueue {
  readonly #width: number;
  readonly #waiting: Readonly<Record<Lane, Waiting>> = { subscribed: new Waiting(), followed: new Waiting() };
  #running = 0;

  constructor(width: number) {
    this.#width = width;
  }

  async run<T>(lane: Lane, task: () => Promise<T>): Promise<T> {
    if (this.#running < this.#width) this.#running += 1;
    else await new Promise<void>((resolve) => this.#waiting[lane].add(resolve));
    try {
      return await task();
    } finally {
      // The next waiting task starts in place of this one. If no task waits, one task fewer is running.
      const next = this.#waiting.subscribed.take() ?? this.#waiting.followed.take();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }
}

/** A queue as an array with a start index, because removing the first item of a long array would move all others. */
class Waiting {
  #items: (() => void)[] = [];
  #taken = 0;

  add(item: () => void): void {
    this.#items.push(item);
  }

  take(): (() => void) | undefined {
    const item = this.#items[this.#taken];
    this.#taken += 1;
    if (this.#taken < this.#items.length) return item;
    this.#items = [];
    this.#taken = 0;
    return item;
  }
}
