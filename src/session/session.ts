/**
 * The protocol's side of one connection: who the client is, what it subscribes to, what it has been sent. A session knows
 * nothing of sockets; it speaks through an {@link Outlet}.
 */
import type { ServerMessage } from '../../generated/types.ts';
import type { CloseName } from '../../generated/protocol.ts';
import type { Principal } from '../auth/principal.ts';
import type { EventRecord, Position } from '../broker/broker.ts';
import type { StreamPosition } from '../replay/record.ts';
// Cycle of types: a session holds its subscriptions, each of which knows its session.
import type { Subscription } from './subscription.ts';
import { TokenBucket } from './token-bucket.ts';

/** What comes with messages that keep their place. */
export interface OrderedOptions {
  /** The position that the client must resume from as long as it has not received them: of a gap, its `from` (CON-7). */
  readonly after?: StreamPosition;
  /** Called when they are handed to the socket. */
  readonly onWritten?: () => void;
}

/** What follows a `subscribed`: chosen and encoded only as the socket takes it. */
export interface Replay {
  /** The position before the first event. */
  readonly after: StreamPosition;
  /** The frame prefix that makes the events this connection's. */
  readonly prefix: string;
  /** Ascending; `undefined` where there is nothing to send yet, so that others can have a turn. */
  readonly items: Iterator<EventRecord | ServerMessage | undefined>;
}

/** A live event in a frame that every connection with the same prefix is sent. */
export interface LiveEvent extends StreamPosition {
  readonly kind: 'event';
  readonly frame: Buffer;
  /** When it was queued, in milliseconds since the Unix epoch. */
  readonly since: number;
}

/** Takes live events. The fan-out keeps it: each object that is visited on the way of a delivery costs. */
export interface LiveSink {
  pushEvent(event: LiveEvent): void;
}

/** The way out to one client. */
export interface Outlet {
  /** A message that may overtake events (BCK-1). */
  send(message: ServerMessage): void;
  /** The same, for a large message: it is made when its turn to be written comes, and until then only counts as a message. */
  sendMade(make: () => ServerMessage): void;
  /** Messages that keep their place among the events and are written together (BCK-3). */
  sendInOrder(messages: readonly ServerMessage[], options?: OrderedOptions): void;
  /** For live events, which keep their place. */
  readonly live: LiveSink;
  /** Events of history and what is said among them, made as the socket takes them. */
  sendReplay(replay: Replay): void;
  close(name: CloseName, reason: string): void;
  /** Each stream of which something is still to be written, with the position before the first of it (CON-7). */
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
  /** False until a first `authenticate` succeeded, where credentials are required (SEC-2). */
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
  /** Paces this client's commands. */
  readonly commands: TokenBucket;
  /** Fan-out's scratch: the matching subscriptions while it groups connections. */
  readonly matched: Subscription[] = [];
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

  /** Wired once, by the connection that owns the socket. */
  bind(outlet: Outlet): void {
    this.#outlet = outlet;
  }

  get outlet(): Outlet {
    if (this.#outlet === undefined) throw new Error('The session has no outlet yet.');
    return this.#outlet;
  }

  /** Pays for processing time, in milliseconds, beyond what the commands themselves have paid for. */
  chargeWork(ms: number): void {
    if (ms > 0) this.commands.charge(ms / this.#costMs);
  }

  touch(): void {
    this.lastActivityAt = this.#now();
  }

  /** An id for a subscription whose client gave none (SUB-1). */
  nextSubscriptionId(): string {
    for (;;) {
      this.#serial += 1;
      const id = `s${this.#serial}`;
      if (!this.subscriptions.has(id)) return id;
    }
  }
}
