/**
 * Bounds how many reads of streams are sent to Redis at a time. Ten thousand at once would fill the connection: the replies of the last
 * ones, and of the heartbeat, would arrive after their timeout.
 */

/** `subscribed` streams go first: a client waits for them, while a node that follows many streams may take its time. */
export type Lane = 'subscribed' | 'followed';

export class Turns {
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
      // The turn passes to the next task, or ends.
      const next = this.#waiting.subscribed.take() ?? this.#waiting.followed.take();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }
}

/** A queue; taking from the front of a long array would move all of it. */
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
