/** `resources/subscribe` and `resources/unsubscribe` of the revisions before 2026-07-28, for one connection. */
import type { StreamWatch } from './watch.ts';

export class ResourceSubscriptions {
  readonly #watch: StreamWatch;
  readonly #held = new Map<string, AbortController>();

  constructor(watch: StreamWatch) {
    this.#watch = watch;
  }

  /**
   * Resolves when the gateway has confirmed the subscription. A second subscription to the same resource replaces the first. @throws what
   * `StreamWatch.watch` throws
   */
  async subscribe(uri: string): Promise<void> {
    this.unsubscribe(uri);
    const end = new AbortController();
    this.#held.set(uri, end);
    const forget = (): void => {
      if (this.#held.get(uri) === end) this.#held.delete(uri);
    };
    try {
      const ended = await this.#watch.watch(uri, end.signal);
      ended.addEventListener('abort', forget, { once: true, signal: end.signal });
    } catch (error) {
      forget();
      throw error;
    }
  }

  unsubscribe(uri: string): void {
    this.#held.get(uri)?.abort();
    this.#held.delete(uri);
  }
}
