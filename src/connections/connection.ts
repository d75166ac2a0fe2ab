/** The connection of one client. It passes received commands to the router, sends messages through the outbox, and ends the connection. */
import { CLOSE_CODES, ERRORS } from '../../generated/protocol.ts';
import type { CloseName } from '../../generated/protocol.ts';
import type { ServerMessage } from '../../generated/types.ts';
import type { Position } from '../broker/broker.ts';
import type { ProtocolError } from '../errors.ts';
import type { HandlerServices } from '../handlers/context.ts';
import type { Router } from '../session/router.ts';
import type { HandlerContext } from '../handlers/context.ts';
import type { OrderedOptions, Outlet, Replay, Session } from '../session/session.ts';
import { Outbox } from '../delivery/outbox.ts';
import type { Bound, QueueOwner } from '../delivery/queue-account.ts';
import type { FlushScheduler } from '../delivery/flush-scheduler.ts';
import type { OutboxLimits } from '../delivery/outbox.ts';
import type { SendQueueBudget } from '../delivery/send-queue-budget.ts';
import type { Framing } from '../wire/framing.ts';
import type { Link, LinkEvents } from './link.ts';

/**
 * Reading from the socket pauses if this many commands wait, or if the waiting commands together are as long as the largest allowed
 * message.
 */
const MAX_WAITING = 64;
const BAD_MESSAGE_WINDOW_MS = 60_000;
const NOT_TEXT = 1003;

export interface ConnectionLimits extends OutboxLimits {
  readonly badMessagesPerMinute: number;
  readonly inboundMessageBytes: number;
  readonly commandBurst: number;
  readonly commandCostMs: number;
}

/** The parts and settings that all connections of a node share. There is one such object, because a node has many connections. */
export interface ConnectionSettings {
  readonly services: HandlerServices;
  readonly router: Router<HandlerContext>;
  readonly scheduler: FlushScheduler;
  readonly queues: SendQueueBudget;
  readonly limits: ConnectionLimits;
  readonly now: () => number;
  readonly random: () => number;
  readonly onFault: (error: unknown, session: Session) => void;
  /** Called when the server has decided to end the connection. The socket may stay open for some time, if the peer does not read. */
  readonly onClosing: (connection: Connection, name: CloseName) => void;
  /** Called when the socket is closed. */
  readonly onClose: (connection: Connection, code: number) => void;
}

export interface ConnectionOptions {
  readonly link: Link;
  readonly session: Session;
  readonly settings: ConnectionSettings;
}

const NEVER: readonly number[] = [];

/**
 * How long a client should wait before it reconnects, in milliseconds. The time is random, so that clients do not all reconnect at once.
 */
export function reconnectDelayMs(random: () => number): number {
  return Math.round(200 + random() * 800);
}

/**
 * One connection. This class itself implements the callbacks of its outbox and its link, because separate functions for the callbacks would
 * need more memory per connection.
 */
export class Connection implements Outlet, LinkEvents, QueueOwner {
  readonly session: Session;
  readonly outbox: Outbox;
  readonly #link: Link;
  readonly #settings: ConnectionSettings;
  /** Commands that wait for an earlier command. Created when the first command must wait. */
  #waiting: string[] | undefined;
  #waitingCharacters = 0;
  #busy = false;
  #closing = false;
  /** The close code that the server has sent. `ws` reports 1006 instead if the peer does not answer the close frame. */
  #closeCode: number | undefined;
  #badSince = NEVER;
  #limitedSince = NEVER;
  /** When the next heartbeat is due, in milliseconds since the Unix epoch. */
  nextBeatAt = 0;
  /** Number of pings sent since the peer last sent anything (CON-4). */
  unansweredPings = 0;

  constructor({ link, session, settings }: ConnectionOptions) {
    this.#settings = settings;
    this.session = session;
    this.#link = link;
    const { limits, scheduler, queues, now } = settings;
    this.outbox = new Outbox({
      socket: link.socket,
      framing: link.framing,
      limits,
      scheduler,
      queues,
      now,
      owner: this,
    });
    session.bind(this);
    link.listen(this);
  }

  /** Converts messages to bytes for this client. */
  get framing(): Framing {
    return this.#link.framing;
  }

  queueOverflowed(bound: Bound): void {
    this.close('slow_consumer', `The client reads too slowly: its send queue exceeded the bound on ${bound}.`);
  }

  queueFailed(error: unknown): void {
    this.#settings.onFault(error, this.session);
    this.terminate();
  }

  chargeWork(ms: number): void {
    this.session.chargeWork(ms);
  }

  onReceived(): void {
    this.unansweredPings = 0;
    this.session.touch();
  }

  onBinary(): void {
    this.#end(NOT_TEXT, 'Binary frames are not accepted; send text frames.');
  }

  onFault(code: number | undefined): void {
    this.#closeCode ??= code;
    this.release();
  }

  onClosed(code: number): void {
    this.release();
    this.#settings.onClose(this, this.#closeCode ?? code);
  }

  onText(text: string): void {
    if (this.#ignoresInput) return;
    if (!this.#busy && !this.#turn.over) return this.#take(text);
    (this.#waiting ??= []).push(text);
    this.#waitingCharacters += text.length;
    if (this.#isFull(1)) this.#link.pause();
    if (!this.#busy) this.#goOnAfter(undefined);
  }

  #take(text: string): void {
    const { services, router, limits } = this.#settings;
    const measured = this.#turn.measure();
    const pending = router.receive(text, { ...services, session: this.session });
    this.session.chargeWork(measured() - limits.commandCostMs);
    if (pending !== undefined || this.#turn.over) this.#goOnAfter(pending);
  }

  #goOnAfter(pending: Promise<void> | void): void {
    this.#busy = true;
    void this.#follow(pending);
  }

  /** Waits until the current command has its reply, and until a turn of the event loop has time left. Then starts the next command. */
  async #follow(pending: Promise<void> | void): Promise<void> {
    await pending;
    await this.#turn.admit(this);
    this.#next();
  }

  #next(): void {
    this.#busy = false;
    while (!this.#busy && !this.#ignoresInput) {
      const text = this.#waiting?.shift();
      if (text === undefined) break;
      this.#waitingCharacters -= text.length;
      this.#take(text);
    }
    if (this.#link.isPaused && !this.#isFull(2)) this.#link.resume();
  }

  /** Whether the waiting commands have reached `1 / part` of one of their two limits. */
  #isFull(part: number): boolean {
    const { inboundMessageBytes } = this.#settings.limits;
    return (this.#waiting?.length ?? 0) * part >= MAX_WAITING || this.#waitingCharacters * part >= inboundMessageBytes;
  }

  get #turn(): HandlerServices['turn'] {
    return this.#settings.services.turn;
  }

  /** Counts an error of the peer. Too many errors of one kind within a minute end the connection (ERR-2). */
  countError(error: ProtocolError): void {
    const since = this.#settings.now() - BAD_MESSAGE_WINDOW_MS;
    if (ERRORS[error.code].counts === 'bad-message') {
      this.#badSince = [...this.#badSince.filter((at) => at > since), this.#settings.now()];
      if (this.#badSince.length >= this.#settings.limits.badMessagesPerMinute)
        this.#closeAfterReply('protocol_error', 'Too many messages that break the contract.');
    } else if (error.code === 'rate_limited') {
      this.#limitedSince = [...this.#limitedSince.filter((at) => at > since), this.#settings.now()];
      if (this.#limitedSince.length > this.#settings.limits.commandBurst)
        this.#closeAfterReply('rate_limited', 'The client kept sending commands faster than allowed.');
    }
  }

  /**
   * Ends the connection after the current reply was queued. Until then, further messages are ignored: one read of 64 KiB can contain
   * thousands of messages, and `ws` emits all of them before a microtask runs.
   */
  #closeAfterReply(name: CloseName, reason: string): void {
    if (this.#closing) return;
    this.#closing = true;
    queueMicrotask(() => this.close(name, reason));
  }

  get #ignoresInput(): boolean {
    return this.#closing || this.session.closed;
  }

  /** Whether messages may be written. For server-sent events, this is false until the response has begun. */
  get isOpen(): boolean {
    return this.#link.isOpen;
  }

  send(message: ServerMessage): void {
    this.outbox.push(this.framing.message(message));
  }

  sendMade(make: () => ServerMessage): void {
    this.outbox.pushMade(() => this.framing.message(make()));
  }

  sendInOrder(messages: readonly ServerMessage[], options?: OrderedOptions): void {
    this.outbox.pushInOrder(Buffer.concat(messages.map((each) => this.framing.message(each))), options);
  }

  sendReplay(replay: Replay): void {
    this.outbox.pushReplay(replay);
  }

  /** Queues a message that reports the current state. It is built when it is written, so it reports the state at that time. */
  sendReport(make: () => ServerMessage): void {
    this.outbox.pushReport(() => this.framing.message(make()));
  }

  get live(): Outbox {
    return this.outbox;
  }

  unwritten(): ReadonlyMap<string, Position> {
    return this.outbox.unwritten();
  }

  get delivered(): number {
    return this.outbox.delivered;
  }

  get queuedBytes(): number {
    return this.outbox.queuedBytes;
  }

  get queuedMessages(): number {
    return this.outbox.queuedMessages;
  }

  get oldestQueuedMs(): number {
    return this.outbox.oldestQueuedMs;
  }

  get slow(): boolean {
    return this.outbox.slow;
  }

  /** Sends a `closing` message, then closes the connection (CON-5, CON-6). */
  close(name: CloseName, reason: string, options: { readonly retryAfterMs?: number } = {}): void {
    if (this.session.closed) return;
    if (!this.#link.isOpen) return this.terminate();
    const { code, retryable } = CLOSE_CODES[name];
    const retryAfterMs = options.retryAfterMs ?? (retryable ? reconnectDelayMs(this.#settings.random) : undefined);
    this.#settings.onClosing(this, name);
    this.outbox.flush();
    this.outbox.finish(
      this.framing.message({
        type: 'closing',
        data: { code, name, retryable, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) },
      }),
    );
    this.#end(code, reason);
  }

  #end(code: number, reason: string): void {
    if (this.session.closed) return;
    this.#closeCode = code;
    this.release();
    this.#link.close(code, reason);
  }

  /** Ends the session and its subscriptions. The link to the client stays open. */
  release(): void {
    if (this.session.closed) return;
    this.session.closed = true;
    this.#waiting = undefined;
    this.#waitingCharacters = 0;
    this.outbox.end();
    this.#settings.services.registry.endAll(this.session);
  }

  /** Sends a WebSocket ping (CON-4). */
  ping(): void {
    if (this.session.closed) return;
    if (this.#link.ping() === 'expects pong') this.unansweredPings += 1;
  }

  /** Ends the connection without a close frame. */
  terminate(): void {
    this.release();
    this.#link.terminate();
  }
}
