/**
 * The cursor of a subscription: opaque to clients (SEP-3415, *Cursor Lifecycle*). It holds the stream, its epoch and the position, so
 * that a cursor of another run of the stream is recognised, and events that are lost with it are reported as truncated.
 */
import type { Mark } from '../gateway/mark.ts';

const PREFIX = 'tm1.';

export function writeCursor(stream: string, { position, inPicture }: Mark): string {
  const parts = [stream, position.epoch, position.sequenceId, ...(inPicture ? [1] : [])];
  return PREFIX + Buffer.from(JSON.stringify(parts)).toString('base64url');
}

/** @returns undefined if it is not a cursor of this stream */
export function readCursor(stream: string, cursor: string): Mark | undefined {
  if (!cursor.startsWith(PREFIX)) return undefined;
  let parts: unknown;
  try {
    parts = JSON.parse(Buffer.from(cursor.slice(PREFIX.length), 'base64url').toString());
  } catch {
    return undefined;
  }
  if (!Array.isArray(parts)) return undefined;
  const [of, epoch, sequenceId, picture] = parts as readonly unknown[];
  if (of !== stream || typeof epoch !== 'string' || epoch === '') return undefined;
  if (typeof sequenceId !== 'number' || !Number.isSafeInteger(sequenceId) || sequenceId < 0) return undefined;
  return { position: { epoch, sequenceId }, inPicture: picture === 1 };
}
