/**
 * A typed event emitter for Node and browsers.
 *
 * Part of the client runtime: imports nothing from outside this directory.
 */

export interface ListenOptions {
  /** Removes the listener when aborted. */
  readonly signal?: AbortSignal;
}

export class Emitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<(detail: never) => void>>();

  /** Adds a listener; returns the function that removes it. */
  on<Name extends keyof Events>(
    name: Name,
    listener: (detail: Events[Name]) => void,
    options: ListenOptions = {},
  ): () => void {
    const set = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, set);
    // Each addition gets its own wrapper. So a function that was added twice is called twice, and each addition can be
    // removed separately.
    const entry = (detail: Events[Name]): void => listener(detail);
    const off = (): void => {
      set.delete(entry);
      options.signal?.removeEventListener('abort', off);
    };
    if (options.signal?.aborted === true) return off;
    set.add(entry);
    options.signal?.addEventListener('abort', off, { once: true });
    return off;
  }

  /**
   * Calls every listener. If a listener throws, its error is reported as an uncaught error, and the other listeners are
   * still called.
   */
  emit<Name extends keyof Events>(name: Name, detail: Events[Name]): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])] as ((detail: Events[Name]) => void)[]) {
      callListener(listener, detail);
    }
  }
}

/**
 * Calls a function of the application. If it throws, its error is reported as an uncaught error, and the client
 * continues.
 */
export function callListener<Detail>(listener: (detail: Detail) => void, detail: Detail): void {
  try {
    listener(detail);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
