/** An event in history, and the state of a stream on one node at one moment. */

/** A position in a stream. Positions are comparable only within one epoch (STR-3); `sequenceId` 0 means "before the first event". */
export interface Position {
  readonly epoch: string;
  readonly sequenceId: number;
}

/** A position and the stream that it is in. */
export interface StreamPosition extends Position {
  readonly stream: string;
}

/** The publisher of an event: a label chosen by the publisher, and the principal set by the server (BRD-2). */
export interface EventSource {
  readonly name: string;
  readonly principal: string;
}

/** One event with its position in the stream. Immutable, shared by every recipient, live or replayed. */
export interface EventRecord {
  readonly stream: string;
  readonly epoch: string;
  readonly sequenceId: number;
  readonly eventId: string;
  readonly event: string;
  /** RFC 3339 UTC with milliseconds; never decreases along a stream (STR-4). */
  readonly emittedAt: string;
  readonly source: EventSource;
  readonly payload: Readonly<Record<string, unknown>>;
  /**
   * The encoded members `"stream":…,…,"payload":{…}` of the event message, without the braces around them: made once
   * per node and event, shared by every frame that carries it (EVT-1).
   */
  readonly body: string;
  /** Length of `body` in UTF-8 bytes: what history's byte bound counts. */
  readonly bytes: number;
  /** Estimated memory in bytes, the decoded payload included: what the node's budget for history counts. */
  readonly weight: number;
}

/** A source loss, at the head when it was reported (GAP-2). */
export interface KeptLoss extends Position {
  /** Directories to read again, relative to the watched root; `''` is the root itself. */
  readonly paths: readonly string[];
}

/** The state of one attached stream at one moment. Valid until the current tick ends. */
export interface Snapshot {
  readonly head: Position;
  /** Lowest sequenceId still in history; `head.sequenceId + 1` when history is empty. */
  readonly floor: number;
  /** The events of history with a greater sequenceId, ascending and contiguous. */
  since(sequenceId: number): readonly EventRecord[];
  /** Older than `floor`: the newest event per key (latest-per-key) or name (latest), ascending (RPL-3). */
  readonly retained: readonly EventRecord[];
  /** True once the bound on retained keys has pushed a key out: a warm picture may then be incomplete. */
  readonly keysEvicted: boolean;
  /** Source losses of this epoch, in ascending order. */
  readonly losses: readonly KeptLoss[];
}
