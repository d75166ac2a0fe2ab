/**
 * Encodes positions as one text, for the `id` of a server-sent event and for `Last-Event-ID` (SSE-2). The text is opaque to clients:
 *
 *     main@01JD8Q6Z6M.4102
 *     main@01JD8Q6Z6M.4102~
 *
 * A `~` at the end means that the client may not have received the whole warm picture. The picture is then sent again before the resume
 * (RPL-7). The epoch is percent-encoded, because it may contain any character. The sequence number follows the last `.`. The positions of
 * several streams are separated by commas.
 */
import { PATTERNS } from '../../generated/protocol.ts';
import { ProtocolError } from '../errors.ts';
import type { StreamPosition } from '../replay/record.ts';

/** Maximum length of a token, in characters; it limits the work of reading one. Node accepts up to 16 KiB of headers. */
const MAX_TOKEN = 16_384;
const PART = /^([^@]+)@([A-Za-z0-9%_~.!*'()-]+)\.(\d{1,16})(~?)$/;

/** One of the positions that a token contains. */
export interface TokenPosition extends StreamPosition {
  /** Whether the client has received the warm picture completely. `complete` by default. */
  readonly picture?: 'complete' | 'pending';
}

export function positionToken(positions: readonly TokenPosition[]): string {
  return positions
    .map(
      ({ stream, epoch, sequenceId, picture }) =>
        `${stream}@${encodeURIComponent(epoch)}.${sequenceId}${picture === 'pending' ? '~' : ''}`,
    )
    .join(',');
}

/** Decodes a token. @throws {ProtocolError} `invalid_message` if the text is not a token as `positionToken` creates it */
export function readPositionToken(token: string): readonly TokenPosition[] {
  if (token.length > MAX_TOKEN) throw unreadable();
  return token.split(',').map(readPart);
}

function readPart(text: string): TokenPosition {
  const [, stream = '', encoded = '', digits = '', mark = ''] = PART.exec(text) ?? [];
  const [epoch, sequenceId] = [decoded(encoded), Number(digits)];
  const readable = PATTERNS.StreamName.test(stream) && epoch.length > 0 && epoch.length <= 64;
  if (readable && digits !== '' && Number.isSafeInteger(sequenceId))
    return { stream, epoch, sequenceId, picture: mark === '' ? 'complete' : 'pending' };
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
    'The position cannot be read; send the `id` of a server-sent event unchanged, or send no position.',
    { pointer: '/after' },
  );
}
