/**
 * Watches streams for new events, and notifies hosts that have subscribed to the resources of these streams. A stream is read only while a
 * host is subscribed to its resource. At most one notification a second is sent for a resource.
 */
import { ProtocolError, ProtocolErrorCode, ResourceNotFoundError } from '@modelcontextprotocol/server';
import { orAbort } from '../../src/agents/abort.ts';
import { failureOf } from '../gateway/failure.ts';
import type { Gateway } from '../gateway/gateway.ts';
import { resourceErrorOf, streamAt } from './stream-uri.ts';

const QUIET_MS = 1_000;
/** Maximum number of resources that one caller may watch. Each of them is a subscription on the caller's gateway connection. */
const MOST_RESOURCES = 32;

export interface WatchOptions {
  readonly onUpdate: (uri: string) => void;
  readonly onFault: (error: unknown) => void;
}

interface Watched {
  /** How many clients watch this resource. When the last one stops, the subscription ends. */
  users: number;
  readonly ready: Promise<void>;
  /** Aborted to end the subscription. */
  readonly stop: AbortController;
  /** Aborted when the gateway has ended the subscription. */
  readonly ended: AbortController;
  pending: NodeJS.Timeout | undefined;
}

export class StreamWatch {
  readonly #gateway: Gateway;
  readonly #options: WatchOptions;
  readonly #watched = new Map<string, Watched>();

  constructor(gateway: Gateway, options: WatchOptions) {
    this.#gateway = gateway;
    this.#options = options;
  }

  /**
   * Watches the stream of a resource until the signal is aborted. Resolves when the gateway has confirmed the subscription.
   * @returns a signal that is aborted when the gateway ends the subscription
   * @throws {ResourceNotFoundError} if the URI names no stream; {ProtocolError} if the gateway refuses the subscription, or too many
   * resources are watched; the reason of the signal, if it is aborted
   */
  async watch(uri: string, signal: AbortSignal): Promise<AbortSignal> {
    signal.throwIfAborted();
    const watched = this.#watched.get(uri) ?? this.#start(uri);
    watched.users += 1;
    const leave = (): void => this.#leave(uri, watched);
    signal.addEventListener('abort', leave, { once: true });
    try {
      await orAbort(watched.ready, signal);
      return watched.ended.signal;
    } catch (error) {
      signal.removeEventListener('abort', leave);
      if (!signal.aborted) leave();
      throw resourceErrorOf(error);
    }
  }

  close(): void {
    for (const [uri, watched] of [...this.#watched]) this.#end(uri, watched);
  }

  #start(uri: string): Watched {
    const stream = streamAt(uri);
    if (stream === undefined) throw new ResourceNotFoundError(uri);
    if (this.#watched.size >= MOST_RESOURCES)
      throw new ProtocolError(
        ProtocolErrorCode.InvalidParams,
        `At most ${MOST_RESOURCES} resources can be watched at a time; unsubscribe from one first.`,
      );
    const ready = Promise.withResolvers<void>();
    const watched: Watched = {
      ...{ users: 0, ready: ready.promise, pending: undefined },
      ...{ stop: new AbortController(), ended: new AbortController() },
    };
    this.#watched.set(uri, watched);
    const { signal } = watched.stop;
    const onChange = (): void => this.#changed(uri, watched);
    this.#follow(stream, { signal, onChange, onReady: ready.resolve })
      .catch((error: unknown) => {
        ready.reject(error);
        if (!signal.aborted && failureOf(error) === undefined) this.#options.onFault(error);
      })
      .finally(() => {
        this.#end(uri, watched);
        watched.ended.abort();
      });
    return watched;
  }

  async #follow(
    stream: string,
    {
      signal,
      onChange,
      onReady,
    }: { readonly signal: AbortSignal; readonly onChange: () => void; readonly onReady: () => void },
  ): Promise<void> {
    const client = await this.#gateway.connected(signal);
    const subscription = client.subscribe({
      stream,
      events: ['*'],
      replay: { mode: 'none' },
      signal,
      onItem: onChange,
      onGap: onChange,
    });
    await subscription.ready;
    onReady();
    // This loop only waits for the end of the subscription. `onItem` and `onGap` have already handled the items.
    for await (const _ of subscription);
  }

  #leave(uri: string, watched: Watched): void {
    watched.users -= 1;
    if (watched.users === 0) this.#end(uri, watched);
  }

  #end(uri: string, watched: Watched): void {
    clearTimeout(watched.pending);
    watched.stop.abort();
    if (this.#watched.get(uri) === watched) this.#watched.delete(uri);
  }

  #changed(uri: string, watched: Watched): void {
    watched.pending ??= setTimeout(() => {
      watched.pending = undefined;
      this.#options.onUpdate(uri);
    }, QUIET_MS).unref();
  }
}
