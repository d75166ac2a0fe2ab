/**
 * The broker: it orders the events of each stream and keeps their history.
 *
 * A publish is one atomic step (STR-4): take the next sequence number, stamp `emittedAt`, append to history, deliver the event.
 * If these were separate steps, a subscriber could see a sequenceId that is not in history, and a resume from it would be
 * incorrect.
 *
 * Every node holds a *mirror* of the history of each stream that it has attached. For the memory broker the mirror is
 * the store itself; for Redis it is loaded on attach and kept contiguous. That is what makes {@link Broker.snapshot}
 * synchronous: a subscription takes its snapshot, queues its replay and goes live within one tick, so no event can be lost or
 * doubled in between (RPL-2).
 */
import type { GapReason } from '../../generated/protocol.ts';
import type { Budget } from '../replay/budget.ts';
import type { EventTable } from '../catalogue/event-table.ts';
import type { EventRecord, EventSource, Position, Snapshot, StreamPosition } from '../replay/record.ts';

export type { EventRecord, EventSource, Position, Snapshot } from '../replay/record.ts';

/** How long a client waits before it repeats a command that failed because the broker was unavailable, in milliseconds. */
export const BROKER_RETRY_MS = 1_000;

/** An event as published, before the broker has assigned a position. The payload is already validated. */
export interface EventDraft {
  readonly stream: string;
  readonly event: string;
  readonly source: EventSource;
  readonly payload: Readonly<Record<string, unknown>>;
  /** The payload as JSON, if the publisher has it already. */
  readonly payloadJson?: string;
  /** A repeat within `idempotencyWindowMs`, by the same principal on the same stream, returns the first result (BRD-1). */
  readonly idempotencyKey?: string;
}

export interface PublishResult extends StreamPosition {
  readonly eventId: string;
  /** True if the idempotency key was seen before: nothing was published, and the first result is returned. */
  readonly duplicate: boolean;
}

/** Events of an attached stream that this node can no longer deliver (GAP-1). */
export interface StreamLoss {
  readonly stream: string;
  readonly from: Position;
  readonly to: Position;
  readonly reason: GapReason;
}

/** A loss at a source, reported to the subscribers of the affected paths on every node (GAP-2). */
export interface SourceLoss {
  readonly stream: string;
  /** Directories to rescan, relative to the watched root; '' is the root itself. */
  readonly paths: readonly string[];
}

export interface BrokerHealth {
  readonly kind: 'memory' | 'redis';
  readonly connected: boolean;
  /** Round trip of the broker's own heartbeat, in milliseconds; 0 for the memory broker. */
  readonly lagMs: number;
  /** The other nodes that share the broker now; none for the memory broker. */
  readonly peers?: readonly BrokerPeer[];
}

/** Another node, as it announces itself. */
export interface BrokerPeer {
  /** The node's {@link BrokerListener.nodeId}. */
  readonly nodeId: string;
  /** Digest of its contract; undefined if the node does not announce one. */
  readonly contractDigest: string | undefined;
}

/** A stream with events, and its state at this moment. */
export interface FollowedStream {
  readonly stream: string;
  readonly snapshot: Snapshot;
}

export interface StreamInfo {
  readonly stream: string;
  readonly head: Position;
  readonly historyEvents: number;
  readonly historyBytes: number;
}

/** Settings and objects that the gateway passes to its broker. */
export interface BrokerContext {
  readonly limits: BrokerLimits;
  /** What is kept per key or name (RPL-3). */
  readonly events: EventTable;
  readonly log: BrokerLog;
}

export type BrokerFactory = (context: BrokerContext) => Broker;

/** The log of a broker, with the signatures of pino's methods. */
export interface BrokerLog {
  info(details: Readonly<Record<string, unknown>>, message: string): void;
  warn(details: Readonly<Record<string, unknown>>, message: string): void;
}

/** The answer of one node to a question. */
export interface NodeAnswer {
  /** The node's {@link BrokerListener.nodeId}. */
  readonly node: string;
  readonly answer: string;
}

export interface NodeAnswers {
  readonly answers: readonly NodeAnswer[];
  /** Nodes that were alive within the last minute, did not leave in good order, and did not answer. */
  readonly missing: readonly string[];
}

/** Wired once, by the gateway. */
export interface BrokerListener {
  /** The name of this node, which the other nodes receive. */
  readonly nodeId: string;
  /** Digest of this node's contract, which the other nodes receive. */
  readonly contractDigest?: string;
  /** Receives the events of each attached stream in order and without holes; called at most once per event and node. */
  onEvent(record: EventRecord): void;
  /** After this call the stream continues at `loss.to`. */
  onLoss(loss: StreamLoss): void;
  onSourceLoss(loss: SourceLoss): void;
  /** A followed stream has expired, after its last event. Its next event, if any, has a new epoch and the sequenceId 1 (MUL-6). */
  onEnded(stream: string): void;
  onHealth(health: BrokerHealth): void;
  /** A question of another node ({@link Broker.askNodes}). Undefined if this node cannot answer it. */
  onQuestion(question: string): string | Promise<string> | undefined;
}

/** Bounds of history (RPL-5) and of idempotency; the defaults are the contract's. */
export interface BrokerLimits {
  readonly historyEvents: number;
  readonly historyBytes: number;
  readonly historyAgeMs: number;
  readonly sessionHistoryEvents: number;
  readonly sessionTtlMs: number;
  readonly retainedKeys: number;
  readonly retainedBytes: number;
  readonly historyBudgetBytes: number;
  readonly streamsPerNode: number;
  readonly idempotencyKeys: number;
  readonly idempotencyWindowMs: number;
}

export interface Broker {
  readonly kind: BrokerHealth['kind'];
  /** Connects and starts calling the listener. Rejects if the first connection fails. */
  start(listener: BrokerListener): Promise<void>;
  /**
   * Publishes one event, on any stream, attached or not.
   * @throws {ProtocolError} `broker_unavailable` if the broker cannot be reached and nothing was stored.
   */
  publish(draft: EventDraft): Promise<PublishResult>;
  /**
   * Holds the stream's mirror until a matching {@link detach} (counted). Once it resolves, `snapshot` works and
   * every later event reaches `onEvent`.
   * @throws {ProtocolError} `broker_unavailable`.
   */
  attach(stream: string): Promise<void>;
  detach(stream: string): void;
  /**
   * Delivers the events of every stream that the selector covers to `onEvent`, until a matching {@link unfollow} (counted). A stream that
   * appears later is delivered from its first event. Unlike an attachment, this does not keep a session stream from expiring. Once it
   * resolves, {@link followed} has every existing stream, with every event that was published before this call.
   * @throws {ProtocolError} `broker_unavailable`.
   */
  follow(selector: string): Promise<void>;
  unfollow(selector: string): void;
  /** The streams with events that these followed selectors cover, and their state on this node. */
  followed(selectors: readonly string[]): Iterable<FollowedStream>;
  /** The newest position of an attached or followed stream on this node; undefined if the stream does not exist here. */
  headOf(stream: string): Position | undefined;
  /**
   * Resolves once every event published anywhere on an attached stream before this call has reached `onEvent` (SYN-1).
   * @throws {ProtocolError} `broker_unavailable`.
   */
  sync(stream: string): Promise<void>;
  /** The current state of an attached stream on this node. Throws if the stream is not attached. */
  snapshot(stream: string): Snapshot;
  /** Reports a source loss to the subscribers of a stream on every node. */
  announce(loss: SourceLoss): Promise<void>;
  /**
   * Asks all other nodes that share the broker, and waits at most a second for each. Never rejects: if the broker is unreachable,
   * all other nodes are missing.
   */
  askNodes(question: string): Promise<NodeAnswers>;
  health(): BrokerHealth;
  /** The budgets that clients share on this node, and their current use. */
  budgets(): Readonly<Record<string, Budget>>;
  /** Streams with a history: all of them for the memory broker, the attached ones for Redis. */
  streams(): readonly StreamInfo[];
  close(): Promise<void>;
}
