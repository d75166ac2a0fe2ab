/** Lets several waiters wait for a condition on the messages received so far. */
export class Signal {
  readonly #waiters = new Set<() => void>();

  /** Must be called when a message has arrived. Every waiter then checks its condition again. */
  notify(): void {
    for (const wake of [...this.#waiters]) wake();
  }

  /** Resolves with the first result of `look` that is not undefined, or with undefined after the time-out. */
  until<T>(look: () => T | undefined, timeoutMs: number): Promise<T | undefined> {
    const first = look();
    if (first !== undefined) return Promise.resolve(first);
    return new Promise((resolve, reject) => {
      const finish = (settle: () => void): void => {
        clearTimeout(timer);
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
      const timer = setTimeout(() => finish(() => resolve(undefined)), timeoutMs);
      this.#waiters.add(check);
    });
  }
}
