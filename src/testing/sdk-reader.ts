/** A {@link Reader} that uses the client SDK, so it reconnects and resumes automatically. */
import { WebSocket } from 'ws';
import { createClient } from '../../generated/client.ts';
import type { TidemarkClient } from '../../generated/client.ts';
import type { ReaderOptions, ReaderReport } from './reader.ts';

export class SdkReader {
  readonly #options: ReaderOptions;
  readonly #last: Record<string, number> = {};
  readonly #counts = { events: 0, holes: 0, duplicates: 0, gaps: 0, replayed: 0, connections: 0 };
  #closing: string | undefined;
  #closeCode: number | undefined;

  constructor(options: ReaderOptions) {
    this.#options = options;
  }

  get report(): ReaderReport {
    return { ...this.#counts, last: { ...this.#last }, closing: this.#closing, closeCode: this.#closeCode };
  }

  /** Connects and subscribes. Resolves when the subscription receives live events. */
  async connect(url: string): Promise<void> {
    const client = createClient({ url, WebSocket });
    client.on('open', () => {
      this.#counts.connections += 1;
    });
    client.on('closing', ({ name }) => {
      this.#closing = name;
    });
    client.on('closed', ({ code }) => {
      this.#closeCode = code;
    });
    client.on('gap', () => {
      this.#counts.gaps += 1;
    });
    await Promise.all(this.#options.streams.map((stream) => this.#follow(client, stream)));
  }

  async #follow(client: TidemarkClient, stream: string): Promise<void> {
    const subscription = client.subscribe({ events: ['*'], stream, replay: { mode: 'none' } });
    const { position } = await subscription.ready;
    this.#last[stream] = position.sequenceId;
    void (async () => {
      for await (const event of subscription) this.#take(stream, event);
    })();
  }

  #take(stream: string, event: { readonly sequenceId: number; readonly isReplay: boolean }): void {
    const { sequenceId, isReplay } = event;
    const last = this.#last[stream] ?? 0;
    this.#counts.events += 1;
    if (isReplay) this.#counts.replayed += 1;
    if (sequenceId <= last) this.#counts.duplicates += 1;
    else if (sequenceId !== last + 1) this.#counts.holes += 1;
    this.#last[stream] = Math.max(last, sequenceId);
  }
}
