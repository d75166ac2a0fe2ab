/** The types of an event in history, and of the state of a stream on one node at one moment. */

import type { StreamMemory } from './stream-memory.ts';

/** A position in a stream. Positions are comparable only within one epoch (STR-3); `sequenceId` 0 means "before the first event". */
export interface Position {
  readonly epoch: string;
  readonly sequenceId: number;
}

/** A position and the stream that it is in. */
export interface StreamPosition extends Position {
  readonly stream: string;
}

/** The publisher of an event. `name` is a label that the publisher chose; `principal` is set by the server (BRD-2). */
export interface EventSource {
  readonly name: string;
  readonly principal: string;
}

/** One event with its position in the stream. It never changes, and all receivers share it, whether the event is live or replayed. */
export interface EventRecord {
  readonly stream: string;
  readonly epoch: string;
  readonly sequenceId: number;
  readonly eventId: string;
  readonly event: string;
  /** RFC 3339 in UTC, with milliseconds. Within a stream, it never decreases (STR-4). */
  readonly emittedAt: string;
  readonly source: EventSource;
  readonly payload: Readonly<Record<string, unknown>>;
  /**
   * The JSON members `"stream":…,…,"payload":{…}` of the event message, without the surrounding braces. They are encoded once per node and
   * event, and are shared by all frames that contain the event (EVT-1).
   */
  readonly body: string;
  /** Length of `body` in UTF-8 bytes. The byte limit of history counts it. */
  readonly bytes: number;
  /** Estimated memory in bytes, including the decoded payload. The node's budget for history counts it. */
  readonly weight: number;
}

/** Events in ascending order and without a hole, in parts that are not empty. */
export type EventParts = readonly (readonly EventRecord[])[];

/** A source loss. Its position is that of the head when the loss was reported (GAP-2). */
export interface KeptLoss extends Position {
  /** Directories to read again, relative to the watched root; `''` is the root itself. */
  readonly paths: readonly string[];
}

/** The state of one attached stream at one moment. Valid until the current turn of the event loop ends. */
export interface Snapshot {
  readonly head: Position;
  /** Lowest sequenceId in history; `head.sequenceId + 1` if history is empty. */
  readonly floor: number;
  /** The events in history with a sequenceId greater than the given one. */
  since(sequenceId: number): EventParts;
  /** The newest event of each key (`latest-per-key`) or name (`latest`), if it is older than `floor`; in ascending order (RPL-3). */
  readonly retained: readonly EventRecord[];
  /** True once retained events were, or may have been, dropped because of a limit. A warm picture may then be incomplete. */
  readonly keysEvicted: boolean;
  /** Source losses of this epoch, in ascending order. */
  readonly losses: readonly KeptLoss[];
  /** The memory of the history. Unlike the other members, it remains valid. It does not keep the history in memory. */
  readonly memory: StreamMemory;
}
