/** `resources/subscribe` and `resources/unsubscribe` of the revisions before 2026-07-28, for one connection. */
import type { StreamWatch } from './watch.ts';

interface Held {
  /** Settles when the gateway has confirmed or refused the subscription. */
  readonly confirmed: Promise<void>;
  readonly end: AbortController;
}

export class ResourceSubscriptions {
  readonly #watch: StreamWatch;
  readonly #held = new Map<string, Held>();

  constructor(watch: StreamWatch) {
    this.#watch = watch;
  }

  /**
   * Resolves when the gateway has confirmed the subscription. A second subscription to the same resource shares the first, so that no
   * change between the two is missed. @throws what `StreamWatch.watch` throws
   */
  async subscribe(uri: string): Promise<void> {
    const known = this.#held.get(uri);
    if (known !== undefined) return known.confirmed;
    const end = new AbortController();
    const held = { confirmed: this.#start(uri, end), end };
    this.#held.set(uri, held);
    return held.confirmed;
  }

  unsubscribe(uri: string): void {
    this.#held.get(uri)?.end.abort();
    this.#held.delete(uri);
  }

  async #start(uri: string, end: AbortController): Promise<void> {
    const forget = (): void => {
      if (this.#held.get(uri)?.end === end) this.#held.delete(uri);
    };
    try {
      const ended = await this.#watch.watch(uri, end.signal);
      if (ended.aborted) forget();
      else ended.addEventListener('abort', forget, { once: true, signal: end.signal });
    } catch (error) {
      forget();
      throw error;
    }
  }
}
