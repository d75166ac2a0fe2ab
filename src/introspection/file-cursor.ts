/**
 * The cursor of `POST /ws/files`. It is opaque to clients. A client can send any text as a cursor, so a cursor is validated like other
 * input.
 */
import type { Position } from '../broker/broker.ts';
import { ProtocolError } from '../errors.ts';

export interface FileCursor {
  /** The node that created the cursor. */
  readonly nodeId: string;
  /** Where the next page begins; only the file source interprets it. */
  readonly after: string;
  /** The position of the first page, from which the client resumes after the last page. */
  readonly resumeAfter: Position;
}

export function writeFileCursor({ nodeId, after, resumeAfter: { epoch, sequenceId } }: FileCursor): string {
  return Buffer.from(JSON.stringify([nodeId, after, epoch, sequenceId])).toString('base64url');
}

/** Decodes a cursor. @throws {ProtocolError} `invalid_message` if no server can have created this text */
export function readFileCursor(text: string): FileCursor {
  const [nodeId, after, epoch, sequenceId] = valuesOf(text);
  if (
    typeof nodeId !== 'string' ||
    typeof after !== 'string' ||
    typeof epoch !== 'string' ||
    typeof sequenceId !== 'number' ||
    !Number.isSafeInteger(sequenceId) ||
    sequenceId < 0
  )
    throw new ProtocolError('invalid_message', 'This is not a cursor; send `nextCursor` of a page unchanged.', {
      pointer: '/cursor',
    });
  return { nodeId, after, resumeAfter: { epoch, sequenceId } };
}

function valuesOf(text: string): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}
