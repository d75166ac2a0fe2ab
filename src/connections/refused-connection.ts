/** Thrown to refuse a new connection: the HTTP status of the response, and the error in its body (OPS-0). */
import { ProtocolError } from '../errors.ts';
import { RETRY_AFTER_S } from '../wire/http-failure.ts';

export class RefusedConnection extends Error {
  readonly status: number;
  readonly error: ProtocolError;

  constructor(status: number, error: ProtocolError) {
    super(error.message);
    this.status = status;
    this.error = error;
  }
}

/** Creates the refusal for a client that may try again later. */
export function busy(status: 429 | 503, message: string): RefusedConnection {
  const retryAfterMs = RETRY_AFTER_S * 1000;
  return new RefusedConnection(status, new ProtocolError('rate_limited', message, { retryAfterMs }));
}
