/** How messages become bytes: for a WebSocket or for server-sent events. */
import type { ReplayReason, ServerMessage } from '../../generated/types.ts';
import type { EventRecord } from '../broker/broker.ts';

export interface Framing {
  /** Connections whose framings have the same kind share the bytes of an event whose prefix is the same. */
  readonly kind: 'websocket' | 'event-stream';
  /** The frame of a message other than an event. */
  message(message: ServerMessage): Buffer;
  /** Size of the frame of an event, in bytes. @param reason for a replayed event, the kind of replay */
  eventBytes(prefix: string, record: EventRecord, reason?: ReplayReason): number;
  /** The frames of several events, one after the other. */
  events(prefix: string, records: readonly EventRecord[], reason?: ReplayReason): Buffer;
  /** Writes the frame of an event into `target` at `offset` and returns the offset after it. */
  writeEvent(target: Buffer, offset: number, event: FramedEvent): number;
}

export interface FramedEvent {
  readonly prefix: string;
  readonly record: EventRecord;
  /** For a replayed event, the kind of replay. */
  readonly reason?: ReplayReason;
}

/**
 * Node allocates small buffers from slabs (64 KiB in Node 24), and a slab stays in memory as long as any of its parts: a slow
 * client's queue of 30 KB frames took 8 % more memory than its bytes. Above this size a separate buffer saves more than it costs.
 */
const OWN_BUFFER_BYTES = 4096;

/** The frame of one live event. */
export function encodeEvent(framing: Framing, prefix: string, record: EventRecord): Buffer {
  const bytes = framing.eventBytes(prefix, record);
  const frame = bytes < OWN_BUFFER_BYTES ? Buffer.allocUnsafe(bytes) : Buffer.allocUnsafeSlow(bytes);
  framing.writeEvent(frame, 0, { prefix, record });
  return frame;
}
