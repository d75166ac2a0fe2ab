/** The channels of the attached streams. Subscriptions of one turn are sent to Redis together. */
import type { RedisConnection } from './connection.ts';
import type { RedisKeys } from './keys.ts';

export interface StreamChannelsOptions {
  readonly connection: RedisConnection;
  readonly keys: RedisKeys;
  /** The streams to which this node is to be subscribed. */
  readonly wanted: () => Iterable<string>;
}

export class StreamChannels {
  readonly #options: StreamChannelsOptions;
  readonly #subscribed = new Set<string>();
  #subscribing: Promise<void> | undefined;

  constructor(options: StreamChannelsOptions) {
    this.#options = options;
  }

  /** Subscribes again with the next {@link reconcile}, because the subscription of the stream, or of all, may be lost. */
  forget(stream?: string): void {
    if (stream === undefined) this.#subscribed.clear();
    else this.#subscribed.delete(stream);
  }

  /** Subscribes and unsubscribes in Redis until it matches the attached streams; calls of one turn share one run. */
  reconcile(): Promise<void> {
    this.#subscribing ??= new Promise((resolve) => setImmediate(resolve)).then(() => {
      this.#subscribing = undefined;
      return this.#reconcile();
    });
    return this.#subscribing;
  }

  async #reconcile(): Promise<void> {
    const { connection, keys } = this.#options;
    const wanted = new Set(this.#options.wanted());
    const missing = [...wanted].filter((stream) => !this.#subscribed.has(stream));
    const left = [...this.#subscribed].filter((stream) => !wanted.has(stream));
    for (const stream of missing) this.#subscribed.add(stream);
    for (const stream of left) this.#subscribed.delete(stream);
    try {
      await connection.subscribeStreams(missing.map((stream) => keys.of(stream).channel));
    } catch (error) {
      for (const stream of missing) this.#subscribed.delete(stream);
      throw error;
    }
    await connection.unsubscribeStreams(left.map((stream) => keys.of(stream).channel));
  }
}
