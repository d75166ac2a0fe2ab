/**
 * How a command or request fails for a peer. The message is safe to send; the `cause` is for the log only.
 *
 * @module tidemark/errors
 */
import { ERRORS } from '../generated/protocol.ts';
import type { ErrorCode } from '../generated/protocol.ts';

export interface ProtocolErrorOptions {
  /** RFC 6901 pointer into the message to the value that is at fault (ENV-4). */
  readonly pointer?: string;
  readonly retryAfterMs?: number;
  readonly details?: Readonly<Record<string, unknown>>;
  /** For the log only. */
  readonly cause?: unknown;
}

/** An answer to one command: the connection goes on (ERR-1). */
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
