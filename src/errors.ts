/**
 * The two ways in which something can go wrong for a peer: a {@link ProtocolError} answers one command, a
 * {@link Disconnect} ends the connection. Both carry text that is safe to send; what only the log may see is the `cause`.
 */
import { CLOSE_CODES, ERRORS } from '../generated/protocol.ts';
import type { CloseName, ErrorCode } from '../generated/protocol.ts';

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

/** The end of a connection, with one of the contract's close codes (CON-6). */
export class Disconnect extends Error {
  readonly closeName: CloseName;

  constructor(closeName: CloseName, reason: string, options: { readonly cause?: unknown } = {}) {
    super(reason, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'Disconnect';
    this.closeName = closeName;
  }

  get code(): number {
    return CLOSE_CODES[this.closeName].code;
  }
}
