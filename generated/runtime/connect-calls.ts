/** Part of the client runtime: imports nothing from outside this directory. */

/** The calls of `connect()` that wait for a connection. */
export class ConnectCalls<Welcome> {
  readonly #waiting: { resolve: (welcome: Welcome) => void; reject: (error: unknown) => void }[] = [];

  /** Number of calls that wait. */
  get size(): number {
    return this.#waiting.length;
  }

  /** Adds a call. @returns a promise that {@link ConnectCalls.resolve} or {@link ConnectCalls.reject} settles */
  add(): Promise<Welcome> {
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  resolve(welcome: Welcome): void {
    for (const { resolve } of this.#waiting.splice(0)) resolve(welcome);
  }

  reject(error: unknown): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}
