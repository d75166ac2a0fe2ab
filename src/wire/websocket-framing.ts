/** Converts messages to WebSocket frames (RFC 6455 §5.2). A message is framed once, and all recipients share the bytes. */
import type { ServerMessage } from '../../generated/types.ts';
import type { EventRecord } from '../broker/broker.ts';
import { EVENT_END } from './codec.ts';
import type { FramedEvent, Framing } from './framing.ts';

const FINAL_TEXT = 0x81;

/** The size of the header of an unmasked text frame that is not fragmented: 2, 4 or 10 bytes. */
function frameHeaderBytes(payloadBytes: number): number {
  if (payloadBytes < 126) return 2;
  return payloadBytes < 65536 ? 4 : 10;
}

function writeFrameHeader(target: Buffer, offset: number, payloadBytes: number): number {
  target[offset] = FINAL_TEXT;
  if (payloadBytes < 126) {
    target[offset + 1] = payloadBytes;
    return offset + 2;
  }
  if (payloadBytes < 65536) {
    target[offset + 1] = 126;
    return target.writeUInt16BE(payloadBytes, offset + 2);
  }
  target[offset + 1] = 127;
  return target.writeBigUInt64BE(BigInt(payloadBytes), offset + 2);
}

/** One text frame, ready for the socket. */
export function encodeFrame(text: string): Buffer {
  const payloadBytes = Buffer.byteLength(text);
  const frame = Buffer.allocUnsafe(frameHeaderBytes(payloadBytes) + payloadBytes);
  frame.write(text, writeFrameHeader(frame, 0, payloadBytes), 'utf8');
  return frame;
}

function eventBytes(prefix: string, record: EventRecord): number {
  const payload = prefix.length + record.bytes + EVENT_END.length;
  return payload + frameHeaderBytes(payload);
}

function writeEvent(target: Buffer, offset: number, { prefix, record }: FramedEvent): number {
  const start = writeFrameHeader(target, offset, prefix.length + record.bytes + EVENT_END.length);
  const afterPrefix = start + target.write(prefix, start, 'latin1');
  const afterBody = afterPrefix + target.write(record.body, afterPrefix, 'utf8');
  return afterBody + target.write(EVENT_END, afterBody, 'latin1');
}

/**
 * Builds the frames of several events. Each call that writes text into a buffer takes about as long as copying an event. Therefore, if all
 * of the text is ASCII, the frames are joined as text first and written with one call.
 */
function events(prefix: string, records: readonly EventRecord[]): Buffer {
  const bytes = records.reduce((sum, record) => sum + eventBytes(prefix, record), 0);
  const frames = Buffer.allocUnsafeSlow(bytes);
  if (records.every((record) => record.bytes === record.body.length)) {
    let text = '';
    for (const record of records) {
      const payload = prefix.length + record.bytes + EVENT_END.length;
      text += latin1FrameHeader(payload) + prefix + record.body + EVENT_END;
    }
    frames.write(text, 'latin1');
    return frames;
  }
  let offset = 0;
  for (const record of records) offset = writeEvent(frames, offset, { prefix, record });
  return frames;
}

function frameOf(message: ServerMessage): Buffer {
  return encodeFrame(JSON.stringify(message));
}

const header = Buffer.alloc(10);

/** The header of a frame as text, with one character per byte. */
function latin1FrameHeader(payloadBytes: number): string {
  return header.toString('latin1', 0, writeFrameHeader(header, 0, payloadBytes));
}

export const WEBSOCKET_FRAMING: Framing = {
  kind: 'websocket',
  resumedKind: 'websocket',
  positionsFramed: () => undefined,
  message: frameOf,
  replayMessage: frameOf,
  written: (frame) => frame,
  eventBytes,
  events,
  writeEvent,
};
