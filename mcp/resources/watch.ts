/**
 * Detects new events of streams, for hosts that have subscribed to the resources of these streams. No stream is read
 * before a host asks for it, and at most one notification per second is sent for each stream.
 */
import type { Gateway } from '../gateway/gateway.ts';
import { streamAt } from './streams.ts';

const QUIET_MS = 1_000;
/** How many streams a host may watch, because each needs a subscription on the connection to the gateway. */
const MOST_STREAMS = 32;

export class StreamWatch {
  readonly #gateway: Gateway;
  readonly #onUpdate: (uri: string) => void;
  readonly #onFault: (error: unknown) => void;
  readonly #end = new AbortController();
  readonly #watched = new Set<string>();
  readonly #pending = new Map<string, NodeJS.Timeout>();

  constructor(
    gateway: Gateway,
    { onUpdate, onFault }: { readonly onUpdate: (uri: string) => void; readonly onFault: (error: unknown) => void },
  ) {
    this.#gateway = gateway;
    this.#onUpdate = onUpdate;
    this.#onFault = onFault;
  }

  /** Starts to watch the streams of these resources; others are ignored. */
  add(uris: readonly string[]): void {
    for (const uri of uris) {
      const stream = streamAt(uri);
      if (stream === undefined || this.#watched.has(uri) || this.#watched.size >= MOST_STREAMS) continue;
      this.#watched.add(uri);
      this.#follow(uri, stream).catch((error: unknown) => {
        this.#watched.delete(uri);
        if (!this.#end.signal.aborted) this.#onFault(error);
      });
    }
  }

  close(): void {
    this.#end.abort();
    for (const timer of this.#pending.values()) clearTimeout(timer);
  }

  async #follow(uri: string, stream: string): Promise<void> {
    const { signal } = this.#end;
    const client = await this.#gateway.connected(signal);
    const subscription = client.subscribe({
      stream,
      events: ['*'],
      replay: { mode: 'none' },
      signal,
      onItem: () => this.#changed(uri),
      onGap: () => this.#changed(uri),
    });
    // The iterator is needed only to learn of the end of the subscription.
    for await (const _ of subscription);
  }

  #changed(uri: string): void {
    if (this.#pending.has(uri)) return;
    const notify = (): void => {
      this.#pending.delete(uri);
      this.#onUpdate(uri);
    };
    this.#pending.set(uri, setTimeout(notify, QUIET_MS).unref());
  }
}

/**
 * The resources to which a message subscribes. The message is `subscriptions/listen` in protocol version 2026-07-28,
 * and `resources/subscribe` in earlier versions.
 */
export function subscribedUris(message: unknown): readonly string[] {
  const { method, params } = (message ?? {}) as { readonly method?: unknown; readonly params?: Params };
  if (method === 'resources/subscribe') return typeof params?.uri === 'string' ? [params.uri] : [];
  const uris = method === 'subscriptions/listen' ? params?.notifications?.resourceSubscriptions : undefined;
  return Array.isArray(uris) ? uris.filter((uri) => typeof uri === 'string') : [];
}

interface Params {
  readonly uri?: unknown;
  readonly notifications?: { readonly resourceSubscriptions?: unknown };
}
