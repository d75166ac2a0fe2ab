/** How messages are converted to bytes, for a WebSocket or for server-sent events. */
import type { ReplayReason, ServerMessage } from '../../generated/types.ts';
import type { EventRecord } from '../broker/broker.ts';
import type { StreamPosition } from '../replay/record.ts';

export interface Framing {
  /** Connections whose framings have the same `kind` share the bytes of events with the same prefix. */
  readonly kind: string;
  /** Called when all messages about the positions of a new subscription to many streams have been framed (MUL-4). */
  positionsFramed(): void;
  /** The frame of a message that is not an event. Messages in the order of the events are framed when they are queued. */
  message(message: ServerMessage): Buffer;
  /** The frame of a message of a replay. It is framed when it is written. */
  replayMessage(message: ServerMessage): Buffer;
  /** The frame of a queued live event, now that it is written. It was framed when the event was queued. */
  written(frame: Buffer, event: StreamPosition): Buffer;
  /** Size of an event's frame, in bytes. @param reason the kind of replay, if the event is replayed */
  eventBytes(prefix: string, record: EventRecord, reason?: ReplayReason): number;
  /** The frames of several events, one after another. */
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
 * Frames of at least this size get a separate buffer. Node allocates smaller buffers from slabs (64 KiB in Node 24), and a slab stays in
 * memory as long as one of its parts is used. A slow client's queue of 30 KB frames therefore took 8 % more memory than its bytes. For
 * frames of this size or more, a separate buffer saves more than it costs.
 */
const OWN_BUFFER_BYTES = 4096;

/** The frame of one live event. */
export function encodeEvent(framing: Framing, prefix: string, record: EventRecord): Buffer {
  const bytes = framing.eventBytes(prefix, record);
  const frame = bytes < OWN_BUFFER_BYTES ? Buffer.allocUnsafe(bytes) : Buffer.allocUnsafeSlow(bytes);
  framing.writeEvent(frame, 0, { prefix, record });
  return frame;
}
