/**
 * The protocol state of one connection: the client's principal, its subscriptions, and counts of messages. A session does not
 * use the socket; it sends through an {@link Outlet}.
 */
import type { ReplayReason, ServerMessage } from '../../generated/types.ts';
import type { CloseName } from '../../generated/protocol.ts';
import type { Principal } from '../auth/principal.ts';
import type { EventRecord, Position } from '../broker/broker.ts';
import type { StreamPosition } from '../replay/record.ts';
import type { Framing } from '../wire/framing.ts';
// Cycle of types: a session has subscriptions, and each subscription refers to its session.
import type { Subscription } from './subscription.ts';
import { TokenBucket } from './token-bucket.ts';

/** Options of messages that keep their order among the events. */
export interface OrderedOptions {
  /** The position from which a client that has not received them must resume: for a gap, its `from` (CON-7). */
  readonly after?: StreamPosition;
  /** Called when the messages are handed to the socket. */
  readonly onWritten?: () => void;
}

/** The frames of several events of a replay, one after the other. Clients with equal subscriptions share the bytes. */
export interface ReplayBlock {
  readonly kind: 'block';
  readonly frames: Buffer;
  readonly events: number;
  /** The position of the last event. */
  readonly last: StreamPosition;
}

/** The replay after a `subscribed`. Its events are selected and encoded only when the socket can take them. */
export interface Replay {
  /** The position before the replay's first event; undefined if the replay is of many streams. */
  readonly after: StreamPosition | undefined;
  /** For a replay of many streams: the position before the first event of each stream of which no item has been taken yet. */
  readonly waiting?: () => Iterable<StreamPosition>;
  /** The frame prefix of the events for this connection. */
  readonly prefix: string;
  readonly reason: ReplayReason;
  /** In ascending order; an item is `undefined` where the replay yields to other connections. */
  readonly items: Iterator<EventRecord | ReplayBlock | ServerMessage | undefined>;
}

/** A live event, in a frame that all connections with the same prefix share. */
export interface LiveEvent extends StreamPosition {
  readonly kind: 'event';
  readonly frame: Buffer;
  /** Time at which the event was queued, in milliseconds since the Unix epoch. */
  readonly since: number;
}

/** Accepts live events. The fan-out keeps a reference to it, because each further object that a delivery visits costs time. */
export interface LiveSink {
  pushEvent(event: LiveEvent): void;
}

/** Sends to one client. */
export interface Outlet {
  /** A message that may overtake events (BCK-1). */
  send(message: ServerMessage): void;
  /** The same for a large message: it is built when it is written, and until then counts as a message but not in bytes. */
  sendMade(make: () => ServerMessage): void;
  /** Messages that keep their order among the events and are written together (BCK-3). */
  sendInOrder(messages: readonly ServerMessage[], options?: OrderedOptions): void;
  /** How messages become bytes for this client. */
  readonly framing: Framing;
  /** Receives live events and keeps their order. */
  readonly live: LiveSink;
  /** A replay, encoded as the socket takes it. */
  sendReplay(replay: Replay): void;
  close(name: CloseName, reason: string): void;
  /** Each stream with queued messages, and the position before the first of them (CON-7). */
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
  /** False until the first `authenticate` succeeds, if credentials are required (SEC-2). */
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
  /** Used by the fan-out only: the matching subscriptions while it groups connections. */
  readonly matched: Subscription[] = [];
  /** Used by heartbeats only: the change of a followed stream up to which positions have been reported. */
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

  /** Called once, by the connection that owns the socket. */
  bind(outlet: Outlet): void {
    this.#outlet = outlet;
  }

  get outlet(): Outlet {
    if (this.#outlet === undefined) throw new Error('The session has no outlet yet.');
    return this.#outlet;
  }

  /** Takes tokens for a command's processing time, in milliseconds, in addition to its one token. */
  chargeWork(ms: number): void {
    if (ms > 0) this.commands.charge(ms / this.#costMs);
  }

  touch(): void {
    this.lastActivityAt = this.#now();
  }

  /** Makes an id for a subscription to which the client gave none (SUB-1). */
  nextSubscriptionId(): string {
    for (;;) {
      this.#serial += 1;
      const id = `s${this.#serial}`;
      if (!this.subscriptions.has(id)) return id;
    }
  }
}
