/** Converts failures of the gateway to errors of the Events extension (SEP-3415, *Error Handling*). */
import { ProtocolError } from '@modelcontextprotocol/server';
import { failureOf } from '../gateway/failure.ts';

export const EVENTS_ERROR = {
  invalidParams: -32602,
  internal: -32603,
  notFound: -32023,
  forbidden: -32024,
  resourceExhausted: -32025,
  unsupported: -32026,
  callbackEndpoint: -32027,
} as const;

export function invalidParams(message: string): ProtocolError {
  return new ProtocolError(EVENTS_ERROR.invalidParams, `InvalidParams: ${message}`);
}

export function notFound(kind: 'event' | 'subscription', message: string): ProtocolError {
  return new ProtocolError(EVENTS_ERROR.notFound, `NotFound: ${message}`, { kind });
}

export function forbidden(message: string): ProtocolError {
  return new ProtocolError(EVENTS_ERROR.forbidden, `Forbidden: ${message}`, { reason: message });
}

/** Converts an error. @param onFault receives an error that is a fault of this program; clients do not receive its text */
export function eventsErrorOf(error: unknown, onFault: (error: unknown) => void): ProtocolError {
  if (error instanceof ProtocolError) return error;
  const failure = failureOf(error);
  if (failure === undefined) {
    onFault(error);
    return new ProtocolError(EVENTS_ERROR.internal, 'An unexpected failure. The log of tidemark-mcp has the details.');
  }
  const { code, message, retryable, retryAfterMs, details } = failure;
  if (code === 'forbidden' || code === 'unauthenticated') return forbidden(message);
  if (code === 'limit_exceeded')
    return new ProtocolError(EVENTS_ERROR.resourceExhausted, `ResourceExhausted: ${message}`, {
      limit: 'subscriptions',
      ...details,
    });
  const isStatic =
    code === 'usage' || code.startsWith('filter_') || code === 'stream_invalid' || code === 'invalid_message';
  if (isStatic) return invalidParams(message);
  const retry = retryAfterMs === undefined ? {} : { retryAfterMs };
  return new ProtocolError(EVENTS_ERROR.internal, `UpstreamError: ${message}`, { reason: code, retryable, ...retry });
}
