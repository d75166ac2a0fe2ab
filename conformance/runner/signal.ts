import { clockTimer } from '../target/timer.ts';
import type { Timer } from '../target/timer.ts';

/** Lets several waiters wait for a condition on the messages received so far. */
export class Signal {
  readonly #waiters = new Set<() => void>();
  readonly #timer: Timer;

  constructor(timer: Timer = clockTimer) {
    this.#timer = timer;
  }

  /** Must be called when a message has arrived. Every waiter then checks its condition again. */
  notify(): void {
    for (const wake of [...this.#waiters]) wake();
  }

  /** Resolves with the first result of `look` that is not undefined, or with undefined after the time-out. */
  until<T>(look: () => T | undefined, timeoutMs: number, timer = this.#timer): Promise<T | undefined> {
    const first = look();
    if (first !== undefined) return Promise.resolve(first);
    return new Promise((resolve, reject) => {
      const finish = (settle: () => void): void => {
        cancel();
        this.#waiters.delete(check);
        settle();
      };
      const check = (): void => {
        try {
          const found = look();
          if (found !== undefined) finish(() => resolve(found));
        } catch (error) {
          finish(() => reject(error instanceof Error ? error : new Error(String(error))));
        }
      };
      const cancel = timer(timeoutMs, () => finish(() => resolve(undefined)));
      this.#waiters.add(check);
    });
  }
}
