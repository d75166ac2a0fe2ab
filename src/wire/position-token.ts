/**
 * Positions as one text, for the `id` of a server-sent event and for `Last-Event-ID` (SSE-2). Opaque to clients:
 *
 *     main@01JD8Q6Z6M.4102
 *
 * An epoch is percent-encoded, because it may contain any character; the last `.` precedes the sequence number. Positions of several
 * streams are joined by commas.
 */
import { PATTERNS } from '../../generated/protocol.ts';
import { ProtocolError } from '../errors.ts';
import type { StreamPosition } from '../replay/record.ts';

/** Bounds the work of reading a token, in characters; Node accepts 16 KiB of headers. */
const MAX_TOKEN = 16_384;
const PART = /^([^@]+)@([A-Za-z0-9%_~.!*'()-]+)\.(\d{1,16})$/;

export function positionToken(positions: readonly StreamPosition[]): string {
  return positions
    .map(({ stream, epoch, sequenceId }) => `${stream}@${encodeURIComponent(epoch)}.${sequenceId}`)
    .join(',');
}

/** @throws {ProtocolError} `invalid_message` if the text is not a position of this gateway */
export function readPositionToken(token: string): readonly StreamPosition[] {
  if (token.length > MAX_TOKEN) throw unreadable();
  return token.split(',').map(readPart);
}

function readPart(text: string): StreamPosition {
  const [, stream = '', encoded = '', digits = ''] = PART.exec(text) ?? [];
  const [epoch, sequenceId] = [decoded(encoded), Number(digits)];
  const readable = PATTERNS.StreamName.test(stream) && epoch.length > 0 && epoch.length <= 64;
  if (readable && digits !== '' && Number.isSafeInteger(sequenceId)) return { stream, epoch, sequenceId };
  throw unreadable();
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}

function unreadable(): ProtocolError {
  return new ProtocolError(
    'invalid_message',
    'The position cannot be read; send the `id` of a server-sent event unchanged, or none to start anew.',
    { pointer: '/after' },
  );
}
