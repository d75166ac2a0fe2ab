/**
 * What a caller can meet: {@link TidemarkError} (the server answered "no"), {@link ConnectionError} (there was no
 * answer), {@link SubscriptionError} (the server ended a subscription, or a limit of the caller's did) and
 * {@link ProtocolViolation} (the server sent what the contract does not allow).
 *
 * Part of the client runtime: imports nothing from outside this directory.
 */
import type { CloseClass, Position } from './wire.ts';

/** `data` of an `error` reply (ERR-1). */
export interface ErrorData {
  readonly code: string;
  readonly message: string;
  readonly retryable: boolean;
  readonly retryAfterMs?: number | undefined;
  readonly pointer?: string | undefined;
  readonly details?: Readonly<Record<string, unknown>> | undefined;
}

/** The server refused a command (ERR-1). The connection goes on. */
export class TidemarkError extends Error {
  /** One of the contract's error codes; a newer server may know more of them. */
  readonly code: string;
  /** Whether the same command may succeed later, unchanged. */
  readonly retryable: boolean;
  /** When to try again, in milliseconds from the answer. */
  readonly retryAfterMs: number | undefined;
  /** RFC 6901 pointer into the command to the value that is at fault. */
  readonly pointer: string | undefined;
  readonly details: Readonly<Record<string, unknown>> | undefined;

  constructor(data: ErrorData) {
    super(data.message);
    this.name = 'TidemarkError';
    this.code = data.code;
    this.retryable = data.retryable;
    this.retryAfterMs = data.retryAfterMs;
    this.pointer = data.pointer;
    this.details = data.details;
  }
}

export type ConnectionErrorReason =
  /** The connection ended after the command was sent: it may or may not have been carried out. */
  | 'connection_lost'
  /** No answer in time, or no connection to send on. */
  | 'timeout'
  /** The server said not to come back unchanged, or the credential cannot be renewed. */
  | 'refused'
  /** As many attempts in a row as `maxAttempts` allows have failed. */
  | 'unreachable'
  /** This client was closed. */
  | 'client_closed';

export interface ConnectionErrorOptions {
  /** WebSocket close code, where there was one. */
  readonly closeCode?: number | undefined;
  readonly closeClass?: CloseClass | undefined;
  readonly cause?: unknown;
}

/** A command or a subscription that had no connection to go through. */
export class ConnectionError extends Error {
  readonly reason: ConnectionErrorReason;
  readonly closeCode: number | undefined;
  readonly closeClass: CloseClass | undefined;

  constructor(reason: ConnectionErrorReason, message: string, options: ConnectionErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'ConnectionError';
    this.reason = reason;
    this.closeCode = options.closeCode;
    this.closeClass = options.closeClass;
  }

  /** Whether the same call may succeed later, on this client. */
  get retryable(): boolean {
    return this.reason === 'connection_lost' || this.reason === 'timeout';
  }
}

/** A subscription ended although nobody here asked for it. What was received before has been handed over. */
export class SubscriptionError extends Error {
  /** `buffer_overflow`, or the reason of the server's `subscription_closed` (for example `forbidden`). */
  readonly reason: string;
  readonly subscriptionId: string;
  /** Where a new subscription can resume without a loss; undefined while no complete picture was received. */
  readonly position: Position | undefined;

  constructor(reason: string, message: string, at: { subscriptionId: string; position: Position | undefined }) {
    super(message);
    this.name = 'SubscriptionError';
    this.reason = reason;
    this.subscriptionId = at.subscriptionId;
    this.position = at.position;
  }
}

/**
 * The server sent something that the contract does not allow. Said by the `error` lifecycle event; a command whose reply
 * it spoilt also rejects with it.
 */
export class ProtocolViolation extends Error {
  constructor(message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'ProtocolViolation';
  }
}
