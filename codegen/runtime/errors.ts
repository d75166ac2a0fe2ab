/**
 * The errors of the client: {@link TidemarkError} (the server rejected a command), {@link ConnectionError} (no answer),
 * {@link SubscriptionError} (the server or a full buffer ended a subscription), {@link WaitError} (no event in time) and
 * {@link ProtocolViolation} (the server broke the contract).
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

/** The server rejected a command (ERR-1). The connection stays open. */
export class TidemarkError extends Error {
  /** One of the contract's error codes; a newer server may have more. */
  readonly code: string;
  /** Whether the same command may succeed later, unchanged. */
  readonly retryable: boolean;
  /** How long to wait before a retry, in milliseconds. */
  readonly retryAfterMs: number | undefined;
  /** JSON pointer (RFC 6901) to the invalid value in the command. */
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
  /** The connection ended after the command was sent: the server may or may not have executed it. */
  | 'connection_lost'
  /** No answer in time, or no connection to send on. */
  | 'timeout'
  /** The server asked not to reconnect unchanged, or the credential cannot be renewed. */
  | 'refused'
  /** `maxAttempts` consecutive attempts failed. */
  | 'unreachable'
  /** This client was closed. */
  | 'client_closed';

export interface ConnectionErrorOptions {
  /** WebSocket close code, if the server sent one. */
  readonly closeCode?: number | undefined;
  readonly closeClass?: CloseClass | undefined;
  readonly cause?: unknown;
}

/** A command or subscription failed because there was no connection or no answer. */
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

/** A subscription ended without a call of `unsubscribe()`. Events received before were yielded. */
export class SubscriptionError extends Error {
  /** `buffer_overflow`, or the reason of the server's `subscription_closed` (for example `forbidden`). */
  readonly reason: string;
  readonly subscriptionId: string;
  /** Where a new subscription can resume without loss; undefined before the first warm replay is complete. */
  readonly position: Position | undefined;

  constructor(reason: string, message: string, at: { subscriptionId: string; position: Position | undefined }) {
    super(message);
    this.name = 'SubscriptionError';
    this.reason = reason;
    this.subscriptionId = at.subscriptionId;
    this.position = at.position;
  }
}

/** The details of a {@link WaitError}. */
interface WaitFailure {
  readonly position: Position | undefined;
  readonly gap?: object;
}

/** `waitFor` ended without an event. */
export class WaitError extends Error {
  /** `timeout`: no event in time. `gap`: events were lost, and the awaited one may be among them. */
  readonly reason: 'timeout' | 'gap';
  /** Where to go on: pass it as `since` to a new wait. Undefined when no position is known, because there was no connection. */
  readonly position: Position | undefined;
  /** When `reason` is `gap`: the `SubscriptionGap`. */
  readonly gap: object | undefined;

  constructor(reason: 'timeout' | 'gap', message: string, { position, gap }: WaitFailure) {
    super(message);
    this.name = 'WaitError';
    this.reason = reason;
    this.position = position;
    this.gap = gap;
  }
}

export function closedError(): ConnectionError {
  return new ConnectionError('client_closed', 'The client was closed.');
}

/**
 * The server sent something that the contract does not allow. Reported by the lifecycle event `error`; if it was the
 * reply to a command, the command rejects with it.
 */
export class ProtocolViolation extends Error {
  constructor(message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'ProtocolViolation';
  }
}
