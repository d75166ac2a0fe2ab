/**
 * The broker: it orders the events of each stream and keeps their history.
 *
 * A publish is one atomic step (STR-4): take the next sequence number, set `emittedAt`, append to history, deliver the event. If these were
 * separate steps, a subscriber could see a sequenceId that is not in history, and a resume after it would be wrong.
 *
 * Each node keeps a *mirror*, a copy of the history of each stream that it has attached. With the memory broker, the mirror is the store
 * itself. With Redis, the mirror is loaded when the stream is attached, and is kept contiguous. Because of the mirror, {@link
 * Broker.snapshot} can be synchronous: a subscription takes its snapshot, queues its replay and starts live delivery in one turn of the
 * event loop. Therefore no event is lost or duplicated between replay and live delivery (RPL-2).
 */
import type { GapReason } from '../../generated/protocol.ts';
import type { Budget } from '../replay/budget.ts';
import type { EventTable } from '../catalogue/event-table.ts';
import { ProtocolError } from '../errors.ts';
import type { EventRecord, EventSource, Position, Snapshot, StreamPosition } from '../replay/record.ts';

export type { EventRecord, EventSource, Position, Snapshot } from '../replay/record.ts';

/** How long a client must wait, in milliseconds, before it repeats a command that failed because the broker was unavailable. */
export const BROKER_RETRY_MS = 1_000;

/**
 * Thrown by `attach` if the broker is reachable, but the history of a followed stream cannot be read. As soon as the history can be read,
 * the followers of the stream receive its events, or a report of their loss.
 */
export class StreamUnread extends ProtocolError {
  constructor(stream: string, cause: unknown) {
    super('broker_unavailable', `the history of stream ${stream} could not be read`, {
      retryAfterMs: BROKER_RETRY_MS,
      cause,
    });
  }
}

/** An event before the broker has given it a position. The payload is already validated. */
export interface EventDraft {
  readonly stream: string;
  readonly event: string;
  readonly source: EventSource;
  readonly payload: Readonly<Record<string, unknown>>;
  /** The payload as JSON text. Undefined if the publisher has not encoded the payload yet. */
  readonly payloadJson?: string;
  /**
   * If the same principal has published on the same stream with this key within `idempotencyWindowMs`, nothing is published, and the result
   * of that first publish is returned (BRD-1).
   */
  readonly idempotencyKey?: string;
}

export interface PublishResult extends StreamPosition {
  readonly eventId: string;
  /** True if the idempotency key was used before. Then nothing was published, and the other members are the result of the first publish. */
  readonly duplicate: boolean;
}

/**
 * Stands for a position that this node does not know. A client may store this position and resume after it. The resume then fails with a
 * gap, which reports that events may be missing.
 */
export const UNKNOWN_POSITION: Position = { epoch: 'unknown', sequenceId: 0 };

/** Events of an attached stream that this node can no longer deliver (GAP-1). */
export interface StreamLoss {
  readonly stream: string;
  /** The position before the first lost event. The epoch is `unknown` if this node has received no event of the stream. */
  readonly from: Position;
  /** The position of the last lost event. The epoch is `unknown` if the stream expired before this node had read all of it. */
  readonly to: Position;
  readonly reason: GapReason;
}

/** A loss at a source. On every node, it is reported to the subscribers of the affected paths (GAP-2). */
export interface SourceLoss {
  readonly stream: string;
  /** Directories to read again, relative to the watched root; '' is the root itself. */
  readonly paths: readonly string[];
}

export interface BrokerHealth {
  readonly kind: 'memory' | 'redis';
  readonly connected: boolean;
  /** Round trip of the broker's heartbeat, in milliseconds; 0 for the memory broker. */
  readonly lagMs: number;
  /** The other nodes that currently share the broker. The memory broker has none. */
  readonly peers?: readonly BrokerPeer[];
}

/** Another node, described by its own announcement. */
export interface BrokerPeer {
  /** The {@link BrokerListener.nodeId} of that node. */
  readonly nodeId: string;
  /** Digest of the contract of that node; undefined if the node does not announce it. */
  readonly contractDigest: string | undefined;
}

/** A stream that has events, and its current state on this node. */
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

/** What the gateway passes to its broker. */
export interface BrokerContext {
  readonly limits: BrokerLimits;
  /** The replay policy of each event. It determines which events are kept for warm replays after history has dropped them (RPL-3). */
  readonly events: EventTable;
  readonly log: BrokerLog;
}

export type BrokerFactory = (context: BrokerContext) => Broker;

/** The log of a broker. Its methods have the signatures of pino. */
export interface BrokerLog {
  info(details: Readonly<Record<string, unknown>>, message: string): void;
  warn(details: Readonly<Record<string, unknown>>, message: string): void;
}

/** The answer of one node to a question that another node asked. */
export interface NodeAnswer {
  /** The {@link BrokerListener.nodeId} of the node. */
  readonly node: string;
  readonly answer: string;
}

export interface NodeAnswers {
  readonly answers: readonly NodeAnswer[];
  /** Nodes that did not answer, although they were alive within the last minute and have not left the broker. */
  readonly missing: readonly string[];
}

/** Receives the calls of the broker. The gateway passes its listener to `start`. */
export interface BrokerListener {
  /** Name of this node. The broker reports it to the other nodes. */
  readonly nodeId: string;
  /** Digest of this node's contract. The broker reports it to the other nodes. */
  readonly contractDigest?: string;
  /** Receives the events of each attached or followed stream, in order and without holes. Called at most once per event and node. */
  onEvent(record: EventRecord): void;
  /** Reports lost events. The stream then continues after `loss.to`. */
  onLoss(loss: StreamLoss): void;
  /**
   * Reports that events may have been lost on streams that this followed pattern covers. The names of these streams are unknown (MUL-9).
   */
  onUnnamedLoss(pattern: string): void;
  onSourceLoss(loss: SourceLoss): void;
  /** A followed stream has expired. If an event is published on it later, that event has a new epoch and the sequenceId 1 (MUL-6). */
  onEnded(stream: string): void;
  onHealth(health: BrokerHealth): void;
  /**
   * Answers a question of another node ({@link Broker.askNodes}).
   * @param isAwaited whether the other node still waits for the answer. If not, the broker does not send it, so it may be incomplete.
   * @returns undefined if this node cannot answer the question
   */
  onQuestion(question: string, isAwaited: () => boolean): string | Promise<string> | undefined;
}

/** Limits of history (RPL-5) and of idempotency. The contract has the defaults. */
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
  /** Connects to the broker, and passes events to the listener from then on. Rejects if the first attempt to connect fails. */
  start(listener: BrokerListener): Promise<void>;
  /**
   * Publishes one event. Its stream need not be attached.
   * @throws {ProtocolError} `broker_unavailable`; if its `details.outcome` is `unknown`, the event may have been stored. `limit_exceeded`
   * if the stream is new and there is no room for another stream.
   */
  publish(draft: EventDraft): Promise<PublishResult>;
  /**
   * Keeps a mirror of the stream until {@link detach} has been called as often as `attach`. After `attach` has resolved, `snapshot` can be
   * called, and every later event is passed to `onEvent`.
   * @throws {ProtocolError} `broker_unavailable`.
   */
  attach(stream: string): Promise<void>;
  detach(stream: string): void;
  /**
   * Passes to `onEvent` the events of all streams that the selector covers, until {@link unfollow} has been called as often as `follow`. A
   * stream that is created later is delivered from its first event. Unlike attaching, following does not prevent a session stream from
   * expiring. After `follow` has resolved, {@link followed} returns every existing stream, with all events that were published before
   * `follow` was called. `followed` leaves out a stream that cannot be read. Once that stream can be read, `onLoss` reports its events up
   * to that moment as lost.
   * @throws {ProtocolError} `broker_unavailable`.
   */
  follow(selector: string): Promise<void>;
  unfollow(selector: string): void;
  /** The streams with events that these selectors cover, each with its state on this node. The selectors must be followed. */
  followed(selectors: readonly string[]): Iterable<FollowedStream>;
  /** The newest position of an attached or followed stream on this node. Undefined if this node does not mirror the stream. */
  headOf(stream: string): Position | undefined;
  /**
   * Waits for the events that were published on an attached stream before this call, by any node. Resolves when all of them have been
   * passed to `onEvent` (SYN-1).
   * @throws {ProtocolError} `broker_unavailable`.
   */
  sync(stream: string): Promise<void>;
  /** The current state of an attached stream on this node. @throws {Error} if the stream is not attached */
  snapshot(stream: string): Snapshot;
  /** Reports a source loss to the subscribers of a stream, on all nodes. @throws {ProtocolError} `broker_unavailable` */
  announce(loss: SourceLoss): Promise<void>;
  /**
   * Asks all other nodes that share the broker, and waits at most a second for their answers. Never rejects: if the broker cannot be
   * reached, all other nodes are reported as missing.
   */
  askNodes(question: string): Promise<NodeAnswers>;
  health(): BrokerHealth;
  /** The budgets that the clients of this node share, with their current use. */
  budgets(): Readonly<Record<string, Budget>>;
  /** Streams with a history. For the memory broker, these are all streams; for Redis, the attached ones. */
  streams(): readonly StreamInfo[];
  close(): Promise<void>;
}
