/** Subscribes to the channels of the mirrored streams. The changes of one turn of the event loop are sent to Redis together. */
import type { RedisConnection } from './connection.ts';
import type { RedisKeys } from './keys.ts';
import { SharedRuns } from './shared-runs.ts';
import { portions } from './stream-heads.ts';

export interface StreamChannelsOptions {
  readonly connection: Pick<RedisConnection, 'subscribeStreams' | 'unsubscribeStreams'>;
  readonly keys: RedisKeys;
}

/** Maximum number of channels in one command. The replies arrive within a few milliseconds, so they do not delay a heartbeat. */
const PORTION = 1_000;

export class StreamChannels {
  readonly #options: StreamChannelsOptions;
  readonly #wanted = new Set<string>();
  /** The streams whose subscription Redis has confirmed, each with the time of the confirmation, by the performance clock. */
  readonly #subscribed = new Map<string, number>();
  /** Streams that the next run must check: `#wanted` and `#subscribed` may differ, or Redis has not confirmed a command. */
  readonly #changed = new Set<string>();
  /** Increases each time subscriptions are lost. */
  #losses = 0;
  /**
   * Allows only one run at a time. Otherwise, the UNSUBSCRIBE of one run could be sent after the SUBSCRIBE of a later run for the same
   * channel.
   */
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

  /** Marks the stream, so that the next run unsubscribes from it. */
  close(stream: string): void {
    this.#wanted.delete(stream);
    this.#changed.add(stream);
  }

  /** Must be called if the subscription of the stream may be lost. The next run then subscribes again. */
  forget(stream: string): void {
    this.#subscribed.delete(stream);
    this.#changed.add(stream);
  }

  /**
   * Must be called when a connection for subscriptions was lost, and when a new one is ready, because a new connection has no
   * subscriptions.
   */
  forgetAll(): void {
    this.#losses += 1;
    this.#subscribed.clear();
    for (const stream of this.#wanted) this.#changed.add(stream);
  }

  /** The time since which this node receives all messages of the stream, by the performance clock; undefined if it may miss messages. */
  subscribedAt(stream: string): number | undefined {
    return this.#subscribed.get(stream);
  }

  get connectionLosses(): number {
    return this.#losses;
  }

  /** Subscribes and unsubscribes in Redis until this node has exactly the wanted subscriptions. */
  reconcile(): Promise<void> {
    return this.#runs.run();
  }

  async #reconcile(): Promise<void> {
    const { connection } = this.#options;
    const changed = [...this.#changed];
    const missing = changed.filter((stream) => this.#wanted.has(stream) && !this.#subscribed.has(stream));
    // `left` includes streams whose SUBSCRIBE was not confirmed, because Redis may have executed it.
    const left = changed.filter((stream) => !this.#wanted.has(stream));
    this.#changed.clear();
    try {
      await this.#inPortions(missing, async (streams, channels) => {
        const losses = this.#losses;
        await connection.subscribeStreams(channels);
        // If the connection was lost in the meantime, the subscription may be lost although it was confirmed.
        if (losses === this.#losses) for (const stream of streams) this.#subscribed.set(stream, performance.now());
      });
      await this.#inPortions(left, async (streams, channels) => {
        await connection.unsubscribeStreams(channels);
        for (const stream of streams) this.#subscribed.delete(stream);
      });
    } catch (error) {
      // The next run repeats all commands of this run that were not confirmed.
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
