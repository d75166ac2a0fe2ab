/** The resource URIs of streams, and the conversion of gateway errors to resource errors. */
import { ProtocolError, ProtocolErrorCode } from '@modelcontextprotocol/server';
import { PATTERNS } from '../../generated/protocol.ts';
import { failureOf } from '../gateway/failure.ts';

export const STREAM_SCHEME = 'tidemark://stream/';
export function uriOf(stream: string): string {
  return STREAM_SCHEME + encodeURIComponent(stream);
}

/** @returns the stream that the URI of a resource names; undefined for any other URI */
export function streamAt(uri: string): string | undefined {
  if (!uri.startsWith(STREAM_SCHEME)) return undefined;
  const name = decoded(uri.slice(STREAM_SCHEME.length));
  return PATTERNS.StreamName.test(name) ? name : undefined;
}

/** Decodes a percent-encoded text. A text that is not valid, such as `%`, is returned unchanged. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Converts a failure of the gateway to an error for clients; returns other errors unchanged. */
export function resourceErrorOf(error: unknown): unknown {
  const failure = failureOf(error);
  if (failure === undefined) return error;
  return new ProtocolError(ProtocolErrorCode.InternalError, `${failure.code}: ${failure.message}`);
}
