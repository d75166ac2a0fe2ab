/**
 * Errors of commands and requests. The message of an error may be sent to the client; its `cause` is only logged.
 *
 * @module tidemark/errors
 */
import { ERRORS } from '../generated/protocol.ts';
import type { ErrorCode } from '../generated/protocol.ts';

export interface ProtocolErrorOptions {
  /** JSON pointer (RFC 6901) to the invalid value in the message of the client (ENV-4). */
  readonly pointer?: string;
  readonly retryAfterMs?: number;
  readonly details?: Readonly<Record<string, unknown>>;
  /** The cause, which is only logged and never sent to the client. */
  readonly cause?: unknown;
}

/** An error that is sent as the reply to one command or request. The connection stays open (ERR-1). */
export class ProtocolError extends Error {
  readonly code: ErrorCode;
  readonly pointer: string | undefined;
  readonly retryAfterMs: number | undefined;
  readonly details: Readonly<Record<string, unknown>> | undefined;

  constructor(code: ErrorCode, message: string, options: ProtocolErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'ProtocolError';
    this.code = code;
    this.pointer = options.pointer;
    this.retryAfterMs = options.retryAfterMs;
    this.details = options.details;
  }

  get retryable(): boolean {
    return ERRORS[this.code].retryable;
  }
}

/** The error that a client receives when the server is at fault. @param cause what went wrong, which is only logged */
export function internalError(cause: unknown): ProtocolError {
  return new ProtocolError('internal', 'Internal error. The server log has the details.', { cause });
}
