/** One connection of a client. Its messages are relayed to the gateway and back, and the active faults are applied to them. */
import { ERRORS, CLOSE_CODES } from '../../generated/protocol.ts';
import type { WebSocket } from 'ws';
import type { CloseName, CommandRefusal, Faults } from './faults.ts';

interface Envelope {
  readonly type?: unknown;
  readonly id?: unknown;
  readonly data?: EnvelopeData;
}

interface EnvelopeData {
  readonly [name: string]: unknown;
}

/** Events of one stream that were withheld. They are never sent: the client receives a `gap`, or must detect the loss itself. */
interface Withheld {
  readonly stream: unknown;
  readonly subscriptionIds: Set<unknown>;
  readonly from: { readonly epoch: unknown; readonly sequenceId: number };
  to: { readonly epoch: unknown; readonly sequenceId: number };
}

/** Close codes that only report a connection without a usable close frame. They must not be sent in a close frame (RFC 6455, 7.4.1). */
const UNSENDABLE: readonly number[] = [1005, 1006, 1015];

function parse(text: string): Envelope | undefined {
  try {
    return JSON.parse(text) as Envelope;
  } catch {
    return undefined;
  }
}

export interface ConnectionOptions {
  readonly faults: Faults;
  /** Called when the client has subscribed. */
  readonly onSubscribed: () => void;
}

export class RelayedConnection {
  readonly #client: WebSocket;
  readonly #server: WebSocket;
  readonly #faults: Faults;
  readonly #onSubscribed: () => void;
  #lossSerial: number;
  #toLose = 0;
  #lost = 0;
  #withheld: Withheld | undefined;
  /** When the message that was received last will be sent. Later messages are never sent before it, even with random delays. */
  #lastAt = 0;
  #ended = false;

  constructor(client: WebSocket, server: WebSocket, { faults, onSubscribed }: ConnectionOptions) {
    this.#client = client;
    this.#server = server;
    this.#faults = faults;
    this.#onSubscribed = onSubscribed;
    this.#lossSerial = faults.loss.serial;
    client.on('message', (data: Buffer, isBinary) => this.#fromClient(data, isBinary));
    client.on('close', (code, reason) => this.#passClose(server, code, reason));
    client.on('error', () => server.terminate());
    client.on('pong', (data) => this.#whenOpen(() => server.pong(data)));
    server.on('message', (data: Buffer, isBinary) => this.#fromServer(data, isBinary));
    server.on('ping', (data) => this.#later(() => client.ping(data)));
    server.on('close', (code, reason) => this.#later(() => this.#passClose(client, code, reason)));
    server.on('error', () => client.terminate());
  }

  #passClose(to: WebSocket, code: number, reason: Buffer): void {
    if (this.#ended) return;
    this.#ended = true;
    if (UNSENDABLE.includes(code)) to.terminate();
    else to.close(code, reason);
  }

  #whenOpen(work: () => void): void {
    if (this.#server.readyState === this.#server.OPEN) work();
    else if (this.#server.readyState === this.#server.CONNECTING) this.#server.once('open', work);
  }

  #fromClient(data: Buffer, isBinary: boolean): void {
    const message = isBinary ? undefined : parse(data.toString('utf8'));
    const type = typeof message?.type === 'string' ? message.type : '';
    const refusal = message === undefined ? undefined : this.#faults.takeCommand(type);
    if (refusal !== undefined) return this.#refuse(refusal, message?.id);
    this.#whenOpen(() => this.#server.send(data, { binary: isBinary }));
  }

  #refuse({ code, retryAfterMs }: CommandRefusal, id: unknown): void {
    const data = {
      code,
      message: 'This command is refused by a fault that was set in the mock.',
      retryable: ERRORS[code].retryable,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    };
    this.#send({ type: 'error', ...(typeof id === 'string' ? { id } : {}), data });
  }

  #fromServer(data: Buffer, isBinary: boolean): void {
    const message = isBinary ? undefined : parse(data.toString('utf8'));
    this.#takeLoss();
    if (message?.type === 'event' && this.#loses(message.data ?? {})) return;
    if (message?.type === 'heartbeat' && this.#lost > 0) {
      // Events that a gap reports are subtracted, because they were not delivered. Events that are lost without a report are not
      // subtracted, so that a client can detect the loss by comparing the counts.
      const delivered = Number(message.data?.['delivered'] ?? 0) - this.#lost;
      return this.#send({ ...message, data: { ...message.data, delivered } });
    }
    this.#later(() => this.#client.send(data, { binary: isBinary }));
    if (message?.type === 'subscribed') this.#onSubscribed();
  }

  /**
   * Starts to lose events if this was requested since the last call. Events that were withheld for an earlier request are reported first.
   */
  #takeLoss(): void {
    const { count, serial } = this.#faults.loss;
    if (serial === this.#lossSerial) return;
    this.#reportGap();
    this.#lossSerial = serial;
    this.#toLose = count;
  }

  /**
   * Withholds the event if further events must be lost. If the loss must be reported, sends the `gap` after the last of these events.
   * @returns whether the event was withheld
   */
  #loses(data: EnvelopeData): boolean {
    if (this.#toLose === 0) return false;
    this.#toLose -= 1;
    if (this.#faults.loss.kind === 'gap') {
      this.#lost += 1;
      this.#withhold(data);
      if (this.#toLose === 0) this.#reportGap();
    }
    return true;
  }

  #withhold(data: EnvelopeData): void {
    const { stream, epoch } = data;
    const sequenceId = Number(data['sequenceId']);
    const ids = Array.isArray(data['subscriptionIds']) ? (data['subscriptionIds'] as readonly unknown[]) : [];
    if (this.#withheld !== undefined && this.#withheld.stream !== stream) this.#reportGap();
    this.#withheld ??= {
      stream,
      subscriptionIds: new Set(),
      from: { epoch, sequenceId: sequenceId - 1 },
      to: { epoch, sequenceId },
    };
    this.#withheld.to = { epoch, sequenceId };
    for (const id of ids) this.#withheld.subscriptionIds.add(id);
  }

  #reportGap(): void {
    if (this.#withheld === undefined) return;
    const { stream, subscriptionIds, from, to } = this.#withheld;
    this.#withheld = undefined;
    this.#send({
      type: 'gap',
      data: { stream, subscriptionIds: [...subscriptionIds], from, to, reason: 'slow_consumer' },
    });
  }

  #send(message: object): void {
    this.#later(() => this.#client.send(JSON.stringify(message)));
  }

  /** Runs `work` after the current delay, but not before earlier messages were sent. */
  #later(work: () => void): void {
    const { delayMs, jitterMs, silentUntil } = this.#faults;
    const now = Date.now();
    const due = Math.max(now + delayMs + Math.random() * jitterMs, silentUntil, this.#lastAt);
    this.#lastAt = due;
    const act = (): void => {
      if (this.#client.readyState === this.#client.OPEN) work();
    };
    if (due <= now) act();
    else setTimeout(act, due - now).unref();
  }

  /** Closes the connection as a gateway does: sends `closing`, then the close frame (CON-6). */
  close(name: CloseName): void {
    const { code, retryable } = CLOSE_CODES[name];
    this.#client.send(JSON.stringify({ type: 'closing', data: { code, name, retryable } }));
    this.#ended = true;
    this.#client.close(code, name);
    this.#server.terminate();
  }

  /** Ends the connection without a close frame. */
  cut(): void {
    this.#ended = true;
    this.#client.terminate();
    this.#server.terminate();
  }
}
