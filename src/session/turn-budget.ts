/**
 * Limits the time that commands and requests of all clients together may take in one turn of the event loop. One read of a socket can
 * contain thousands of commands, and `ws` emits all of them at once. In addition, many sockets can be read in one turn, and work that waits
 * only for promises continues in the same turn.
 */
/** Work shorter than this, in milliseconds, is charged by the clock. Longer work is charged by its processing time. */
const LONG_MS = 1;

interface WaitingWork {
  /** Paused work, which continues before new work of the same client starts. */
  readonly paused: (() => void)[];
  readonly fresh: (() => void)[];
}

export class TurnBudget {
  readonly #limitMs: number;
  /** When the first command of this turn started, in milliseconds of `performance.now`. */
  #startedAt: number | undefined;
  /** Processing time of this thread at the start of the turn. */
  #cpuBefore: NodeJS.CpuUsage | undefined;

  /** The waiting work of each client. The client that is served next is first. */
  readonly #waiting = new Map<object | string, WaitingWork>();

  constructor(limitMs: number) {
    this.#limitMs = limitMs;
  }

  /** Starts the time of this turn, unless it has already started. Must be called when a command starts. */
  start(): void {
    if (this.#startedAt !== undefined) return;
    this.#startedAt = performance.now();
    this.#cpuBefore = process.threadCpuUsage();
    setImmediate(() => (this.#startedAt = undefined));
  }

  /**
   * Begins to measure a piece of work that runs without interruption. Asking the system for the processing time costs as much as a small
   * command. Therefore the system is asked once per turn, and again only after work that took long by the clock. During such work, the
   * system may have suspended the process. Clients must not be charged for that time.
   * @returns a function that returns the processing time of the work, in milliseconds
   */
  measure(): () => number {
    this.start();
    const before = performance.now();
    return () => {
      const elapsed = performance.now() - before;
      if (elapsed < LONG_MS) return elapsed;
      const { user, system } = process.threadCpuUsage(this.#cpuBefore);
      return Math.min(elapsed, (user + system) / 1000);
    };
  }

  /**
   * Resolves when new work may start. If the time of this turn is used up, the work starts in a later turn, and its time counts for that
   * turn. Clients are served in rotation, so that a client with a hundred requests does not delay the others. The work of one client is
   * admitted in the order of its arrival. Long work must call `readmit` after each of its slices.
   */
  async admit(client: object | string): Promise<void> {
    if (this.mustWait) await this.#wait(client, 'fresh');
    this.start();
  }

  /**
   * Like `admit`, but for work that has started and continues. It precedes new work of the same client. Otherwise, all requests that a
   * client sends at once would pass the rate limit before the first of them is charged for its second slice.
   */
  async readmit(client: object | string): Promise<void> {
    if (this.mustWait) await this.#wait(client, 'paused');
    this.start();
  }

  #wait(client: object | string, kind: keyof WaitingWork): Promise<void> {
    return new Promise((resolve) => {
      const own = this.#waiting.get(client) ?? { paused: [], fresh: [] };
      own[kind].push(resolve);
      this.#waiting.set(client, own);
      setImmediate(this.#admitNext);
    });
  }

  /**
   * Admits the next piece of waiting work. This callback is scheduled once for each piece, and a piece that was admitted runs before the
   * next callback.
   */
  readonly #admitNext = (): void => {
    if (this.over) return void setImmediate(this.#admitNext);
    const [next] = this.#waiting;
    if (next === undefined) return;
    const [client, work] = next;
    this.#waiting.delete(client);
    (work.paused.shift() ?? work.fresh.shift())?.();
    if (work.paused.length + work.fresh.length > 0) this.#waiting.set(client, work);
  };

  /** Whether new work must wait for its admission. Work that need not wait can start without `await`, so that no other work precedes it. */
  get mustWait(): boolean {
    return this.over || this.#waiting.size > 0;
  }

  /** Whether further work must wait for a later turn of the event loop. */
  get over(): boolean {
    return this.#startedAt !== undefined && performance.now() - this.#startedAt >= this.#limitMs;
  }
}

/** Resolves in the next turn of the event loop, after other sockets were read and written. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
