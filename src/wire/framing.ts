/** How messages are converted to bytes, for a WebSocket or for server-sent events. */
import type { ReplayReason, ServerMessage } from '../../generated/types.ts';
import type { EventRecord } from '../broker/broker.ts';
import type { StreamPosition } from '../replay/record.ts';

export interface Framing {
  /** Connections whose framings have the same `kind` share the bytes of live events with the same prefix. */
  readonly kind: string;
  /** Connections whose framings have the same `resumedKind` share the bytes of events that a resume replays, if the prefix is the same. */
  readonly resumedKind: string;
  /** Called when all messages about the positions of a new subscription to many streams have been framed (MUL-4). */
  positionsFramed(): void;
  /** The frame of a message that is not an event. A message that must keep its place among the events is framed when it is queued. */
  message(message: ServerMessage): Buffer;
  /** The frame of a message of a replay that is not an event. Called when the message is written. */
  replayMessage(message: ServerMessage): Buffer;
  /** The final frame of a queued live event; called when it is written. @param frame the frame that was created when it was queued */
  written(frame: Buffer, event: StreamPosition): Buffer;
  /** Size of an event's frame, in bytes. @param reason the kind of replay, if the event is replayed */
  eventBytes(prefix: string, record: EventRecord, reason?: ReplayReason): number;
  /**
   * The frames of several events, one after another, in a buffer of their own. They may be kept for a long time (replay-blocks.ts), and in
   * a slab, one small frame would keep 64 KiB in memory.
   */
  events(prefix: string, records: readonly EventRecord[], reason?: ReplayReason): Buffer;
  /** Writes the frame of an event into `target`, beginning at `offset`. @returns the offset after the frame */
  writeEvent(target: Buffer, offset: number, event: FramedEvent): number;
}

export interface FramedEvent {
  readonly prefix: string;
  readonly record: EventRecord;
  /** The kind of replay, if the event is replayed. */
  readonly reason?: ReplayReason;
}

/**
 * Frames of at least this size are allocated in a separate buffer. Node allocates smaller buffers from slabs (64 KiB in Node 24), and a
 * slab stays in memory as long as one of its parts is used. With slabs, the queue of a slow client with frames of 30 KB used 8 % more
 * memory than the frames contain. From this size on, a separate buffer saves more memory than it costs.
 */
const OWN_BUFFER_BYTES = 4096;

/** The frame of one live event. */
export function encodeEvent(framing: Framing, prefix: string, record: EventRecord): Buffer {
  const bytes = framing.eventBytes(prefix, record);
  const frame = bytes < OWN_BUFFER_BYTES ? Buffer.allocUnsafe(bytes) : Buffer.allocUnsafeSlow(bytes);
  framing.writeEvent(frame, 0, { prefix, record });
  return frame;
}
