/**
 * Dispatches the server's pushes to the subscriptions and the client. Unknown types are ignored (ENV-4).
 *
 * Part of the client runtime: imports nothing from outside this directory.
 */
import { retryAfterOf } from './bounds.ts';
import { readError } from './commands.ts';
import { ProtocolViolation } from './errors.ts';
import type { ClientFeed } from './feed-port.ts';
import { isObject, isStrings, isWholeNumber, readEventPrefix, readPosition } from './wire.ts';
import type { Frame, Position } from './wire.ts';

export interface PushesOptions {
  readonly feeds: ReadonlyMap<string, ClientFeed>;
  /** Number of event messages received on the current connection. */
  readonly eventsReceived: () => number;
  readonly onWelcome: (data: Frame['data']) => void;
  readonly onClosing: (data: Frame['data'], code: number, retryAfterMs: number | undefined) => void;
  readonly onLoss: (loss: { readonly sent: number; readonly received: number }) => void;
  readonly onError: (error: Error) => void;
}

export class Pushes {
  readonly #options: PushesOptions;
  readonly #table: ReadonlyMap<string, (data: Frame['data']) => void>;

  constructor(options: PushesOptions) {
    this.#options = options;
    this.#table = new Map<string, (data: Frame['data']) => void>([
      ['event', (data) => this.#event(data)],
      ['heartbeat', (data) => this.#heartbeat(data)],
      ['replay_complete', (data) => this.#replayComplete(data)],
      ['positions', (data) => this.#attentive(this.#idOf(data))?.positionsReceived?.(data)],
      ['gap', (data) => this.#gap(data)],
      ['subscription_closed', (data) => this.#subscriptionClosed(data)],
      ['welcome', options.onWelcome],
      ['closing', (data) => this.#closing(data)],
      // An error without an id: the server could not read the id of the command.
      ['error', (data) => options.onError(readError(data))],
    ]);
  }

  receive(frame: Frame): void {
    this.#table.get(frame.type)?.(frame.data);
  }

  #event(data: Frame['data']): void {
    const prefix = readEventPrefix(data);
    if (prefix === undefined) {
      this.#violation('an "event" without subscriptionIds, isReplay, stream or position (EVT-1)');
      return;
    }
    for (const id of prefix.subscriptionIds) this.#attentive(id)?.event(data, prefix);
  }

  #heartbeat(data: Frame['data']): void {
    const { delivered, positions } = data;
    if (!isWholeNumber(delivered) || !Array.isArray(positions)) {
      this.#violation('a "heartbeat" without valid delivered or positions (CON-3)');
      return;
    }
    const received = this.#options.eventsReceived();
    if (delivered > received) {
      for (const feed of this.#options.feeds.values()) feed.lossFound();
      this.#options.onLoss({ sent: delivered, received });
      return;
    }
    if (delivered < received) {
      this.#violation(`a "heartbeat" that counts ${delivered} events when ${received} were received (CON-3)`);
      return;
    }
    const byStream = new Map<string, Position>();
    for (const entry of positions as unknown[]) {
      const position = readPosition(entry);
      if (isObject(entry) && typeof entry.stream === 'string' && position !== undefined)
        byStream.set(entry.stream, position);
    }
    for (const id of this.#options.feeds.keys()) this.#attentive(id)?.heartbeat(byStream);
  }

  #replayComplete(data: Frame['data']): void {
    const { count, truncated } = data;
    const position = readPosition(data.position);
    const end = { position, count: isWholeNumber(count) ? count : 0, truncated: truncated === true };
    this.#attentive(this.#idOf(data))?.replayComplete(end);
  }

  #gap(data: Frame['data']): void {
    if (!isStrings(data.subscriptionIds)) {
      this.#violation('a "gap" without subscriptionIds (GAP-1)');
      return;
    }
    for (const id of data.subscriptionIds) this.#attentive(id)?.gap(data);
  }

  #subscriptionClosed(data: Frame['data']): void {
    const { reason } = data;
    this.#options.feeds.get(this.#idOf(data))?.closedByServer(typeof reason === 'string' ? reason : 'unknown');
  }

  #attentive(id: string): ClientFeed | undefined {
    const feed = this.#options.feeds.get(id);
    return feed?.attentive === true ? feed : undefined;
  }

  #idOf({ subscriptionId }: Frame['data']): string {
    if (typeof subscriptionId === 'string') return subscriptionId;
    this.#violation('a message without subscriptionId');
    return '';
  }

  #closing(data: Frame['data']): void {
    const { code, retryAfterMs } = data;
    if (!isWholeNumber(code)) {
      this.#violation('a "closing" without a valid code (CON-5)');
      return;
    }
    this.#options.onClosing(data, code, retryAfterOf(retryAfterMs));
  }

  #violation(what: string): void {
    this.#options.onError(new ProtocolViolation(`The server sent ${what}. It was ignored.`));
  }
}
