/**
 * The protocol state of one connection: the principal of the client and its subscriptions. A session does not use the socket; it sends
 * messages through an {@link Outlet}.
 */
import type { ReplayReason, ServerMessage } from '../../generated/types.ts';
import type { CloseName } from '../../generated/protocol.ts';
import type { Principal } from '../auth/principal.ts';
import type { EventRecord, Position } from '../broker/broker.ts';
import type { PendingEvents } from '../replay/pending-events.ts';
import type { StreamPosition } from '../replay/record.ts';
import type { Framing } from '../wire/framing.ts';
// Import cycle of types only: a session has subscriptions, and each subscription refers to its session.
import type { Subscription } from './subscription.ts';
import { TokenBucket } from './token-bucket.ts';

/** Options of messages that must not overtake earlier events of the same client, and must not be overtaken by later events. */
export interface OrderedOptions {
  /** The position from which a client must resume if it has not received these messages. For a gap, it is `from` (CON-7). */
  readonly after?: StreamPosition;
  /** Called when the messages are passed to the socket. */
  readonly onWritten?: () => void;
}

/** The frames of several events of a replay, one after another. Clients with equal subscriptions share the bytes. */
export interface ReplayBlock {
  readonly kind: 'block';
  readonly frames: Buffer;
  readonly events: number;
  /** The position before the first event. */
  readonly after: StreamPosition;
  /** The position of the last event. */
  readonly last: StreamPosition;
}

/** The replay after `subscribed`. Its events are selected and encoded only when the socket can accept them. */
export interface Replay {
  /** The position before the first event of the replay. Undefined if several streams are replayed. */
  readonly after: StreamPosition | undefined;
  /** If several streams are replayed: for each stream whose replay has not started, the position before its first event. */
  readonly waiting?: () => Iterable<StreamPosition>;
  /** The prefix of the event frames for this connection. */
  readonly prefix: string;
  readonly reason: ReplayReason;
  /** The events that are not sent yet, of each stream of the replay, in the order in which the streams are sent. */
  readonly pending: readonly PendingEvents[];
  /** In ascending order. At an `undefined` item, the replay may pause, so that other connections are served. */
  readonly items: Iterator<EventRecord | ReplayBlock | ServerMessage | undefined>;
}

/** A live event, in a frame that all connections with the same prefix share. */
export interface LiveEvent extends StreamPosition {
  readonly kind: 'event';
  readonly frame: Buffer;
  /** Time at which the event was queued, in milliseconds since the Unix epoch. */
  readonly since: number;
}

/** Accepts live events. The fan-out calls this object directly, because one more call for each event and connection would cost time. */
export interface LiveSink {
  pushEvent(event: LiveEvent): void;
}

/** Sends messages to one client. */
export interface Outlet {
  /** Sends a message that may be sent before queued events (BCK-1). */
  send(message: ServerMessage): void;
  /**
   * Like `send`, but for a large message, which is built only when it is written. Until then, the limit on queued messages counts it, but
   * the limit on queued bytes does not.
   */
  sendMade(make: () => ServerMessage): void;
  /** Sends messages that keep their order among the events, and that are written together (BCK-3). */
  sendInOrder(messages: readonly ServerMessage[], options?: OrderedOptions): void;
  /** Converts messages to bytes for this client. */
  readonly framing: Framing;
  /** The object to which live events are passed. It keeps their order. */
  readonly live: LiveSink;
  /** Sends a replay. Its events are encoded only when the socket can accept them. */
  sendReplay(replay: Replay): void;
  close(name: CloseName, reason: string): void;
  /** For each stream with queued messages, the position before the first of them (CON-7). */
  unwritten(): ReadonlyMap<string, Position>;
  readonly delivered: number;
  readonly queuedBytes: number;
  readonly queuedMessages: number;
  readonly oldestQueuedMs: number;
  readonly slow: boolean;
}

export interface SessionOptions {
  readonly connectionId: string;
  readonly principal: Principal;
  /** `not-yet` until the first `authenticate` has succeeded, if credentials are required (SEC-2). */
  readonly authenticated: 'yes' | 'not-yet';
  readonly remoteAddress: string;
  readonly limits: {
    readonly commandsPerSecond: number;
    readonly commandBurst: number;
    readonly commandCostMs: number;
  };
  readonly now: () => number;
}

export class Session {
  readonly connectionId: string;
  readonly remoteAddress: string;
  readonly subscriptions = new Map<string, Subscription>();
  readonly openedAt: number;
  principal: Principal;
  authenticated: boolean;
  /** When the client last sent anything, in milliseconds since the Unix epoch. */
  lastActivityAt: number;
  closed = false;
  /** Limits the rate of this client's commands. */
  readonly commands: TokenBucket;
  /** The subscriptions of this session that match an event. Only used by the fan-out, while it groups connections. */
  matched: Subscription[] | undefined;
  /** Only used by heartbeats: the number of the newest change (`Fanout.changedSince`) that the last heartbeat took into account. */
  reportedChange = 0;
  #serial = 0;
  readonly #costMs: number;
  readonly #now: () => number;
  #outlet: Outlet | undefined;

  constructor(options: SessionOptions) {
    this.connectionId = options.connectionId;
    this.principal = options.principal;
    this.authenticated = options.authenticated === 'yes';
    this.remoteAddress = options.remoteAddress;
    this.commands = new TokenBucket({
      ratePerSecond: options.limits.commandsPerSecond,
      burst: options.limits.commandBurst,
      now: options.now,
    });
    this.#costMs = options.limits.commandCostMs;
    this.#now = options.now;
    this.openedAt = options.now();
    this.lastActivityAt = this.openedAt;
  }

  /** Sets the outlet. Called once, by the connection that owns the socket. */
  bind(outlet: Outlet): void {
    this.#outlet = outlet;
  }

  get outlet(): Outlet {
    if (this.#outlet === undefined) throw new Error('The session has no outlet yet.');
    return this.#outlet;
  }

  /** Takes tokens for processing time, in milliseconds. They are taken in addition to the one token that each command needs. */
  chargeWork(ms: number): void {
    if (ms > 0) this.commands.charge(ms / this.#costMs);
  }

  touch(): void {
    this.lastActivityAt = this.#now();
  }

  /** Creates an id for a subscription, if the client did not give one (SUB-1). */
  nextSubscriptionId(): string {
    for (;;) {
      this.#serial += 1;
      const id = `s${this.#serial}`;
      if (!this.subscriptions.has(id)) return id;
    }
  }
}
