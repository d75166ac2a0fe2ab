/** The channels of the mirrored streams. Subscriptions of one turn are sent to Redis together. */
import type { RedisConnection } from './connection.ts';
import type { RedisKeys } from './keys.ts';
import { SharedRuns } from './shared-runs.ts';
import { portions } from './stream-heads.ts';

export interface StreamChannelsOptions {
  readonly connection: Pick<RedisConnection, 'subscribeStreams' | 'unsubscribeStreams'>;
  readonly keys: RedisKeys;
}

/** Channels of one command: its replies arrive within a few milliseconds, so that no heartbeat waits for them. */
const PORTION = 1_000;

export class StreamChannels {
  readonly #options: StreamChannelsOptions;
  readonly #wanted = new Set<string>();
  readonly #subscribed = new Set<string>();
  /** Streams whose subscription may differ from what is wanted. */
  readonly #changed = new Set<string>();
  /** The number of connections that were lost. */
  #losses = 0;
  /** Runs follow each other: otherwise the UNSUBSCRIBE of one could be sent after the SUBSCRIBE of a later one to the same channel. */
  readonly #runs = new SharedRuns(() => this.#reconcile());

  constructor(options: StreamChannelsOptions) {
    this.#options = options;
  }

  /** Resolves when this node is subscribed to the stream. @throws {Error} if Redis did not confirm it; the next run tries again */
  open(stream: string): Promise<void> {
    this.#wanted.add(stream);
    this.#changed.add(stream);
    return this.reconcile();
  }

  /** The next run unsubscribes from the stream. */
  close(stream: string): void {
    this.#wanted.delete(stream);
    this.#changed.add(stream);
  }

  /** The subscription of the stream may be lost: the next run subscribes again. */
  forget(stream: string): void {
    this.#subscribed.delete(stream);
    this.#changed.add(stream);
  }

  /** A new connection has no subscriptions. */
  forgetAll(): void {
    this.#losses += 1;
    this.#subscribed.clear();
    for (const stream of this.#wanted) this.#changed.add(stream);
  }

  /** Subscribes and unsubscribes in Redis until it matches what is wanted. */
  reconcile(): Promise<void> {
    return this.#runs.run();
  }

  async #reconcile(): Promise<void> {
    const { connection } = this.#options;
    const changed = [...this.#changed];
    const missing = changed.filter((stream) => this.#wanted.has(stream) && !this.#subscribed.has(stream));
    // Also those whose SUBSCRIBE was not confirmed: Redis may have carried it out.
    const left = changed.filter((stream) => !this.#wanted.has(stream));
    this.#changed.clear();
    try {
      await this.#inPortions(missing, async (streams, channels) => {
        const losses = this.#losses;
        await connection.subscribeStreams(channels);
        // The reply may be of a connection that is lost by now.
        if (losses === this.#losses) for (const stream of streams) this.#subscribed.add(stream);
      });
      await this.#inPortions(left, async (streams, channels) => {
        await connection.unsubscribeStreams(channels);
        for (const stream of streams) this.#subscribed.delete(stream);
      });
    } catch (error) {
      // What was not confirmed is sent again by the next run.
      for (const stream of changed) this.#changed.add(stream);
      throw error;
    }
  }

  async #inPortions(
    streams: readonly string[],
    send: (streams: readonly string[], channels: readonly string[]) => Promise<void>,
  ): Promise<void> {
    for (const portion of portions(streams, PORTION)) {
      await send(
        portion,
        portion.map((stream) => this.#options.keys.of(stream).channel),
      );
    }
  }
}
