/**
 * The cursor of a subscription: opaque to clients (SEP-3415, *Cursor Lifecycle*). A cursor contains the stream, its epoch and the
 * sequenceId. If the stream has a new epoch, the server can see this in the cursor, and reports `truncated`. A cursor inside a warm picture
 * also contains the sequenceId at which the picture was taken.
 */
import type { Bookmark } from '../gateway/bookmark.ts';

const PREFIX = 'tm1.';

export function writeCursor(stream: string, { position, pictureHead }: Bookmark): string {
  const parts = [stream, position.epoch, position.sequenceId, ...(pictureHead === undefined ? [] : [pictureHead])];
  return PREFIX + Buffer.from(JSON.stringify(parts)).toString('base64url');
}

/** Parses a cursor. @returns undefined if the text is not a cursor of this stream */
export function readCursor(stream: string, cursor: string): Bookmark | undefined {
  if (!cursor.startsWith(PREFIX)) return undefined;
  let parts: unknown;
  try {
    parts = JSON.parse(Buffer.from(cursor.slice(PREFIX.length), 'base64url').toString());
  } catch {
    return undefined;
  }
  if (!Array.isArray(parts)) return undefined;
  const [of, epoch, sequenceId, pictureHead] = parts as readonly unknown[];
  if (of !== stream || typeof epoch !== 'string' || epoch === '' || !isSequenceId(sequenceId)) return undefined;
  const position = { epoch, sequenceId };
  if (pictureHead === undefined) return { position };
  return isSequenceId(pictureHead) ? { position, pictureHead } : undefined;
}

function isSequenceId(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
