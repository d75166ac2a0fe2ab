/**
 * The errors of the client: {@link TidemarkError} (the server rejected a command), {@link ConnectionError} (no answer),
 * {@link SubscriptionError} (the server or a full buffer ended a subscription), {@link WaitError} (no event in time) and
 * {@link ProtocolViolation} (the server broke the contract).
 *
 * Part of the client runtime: imports nothing from outside this directory.
 */
import type { CloseClass, Position, StreamPosition } from './wire.ts';

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
  declare readonly code: string;
  /** Whether the command may succeed if it is sent again later without a change. */
  declare readonly retryable: boolean;
  /** How long to wait before a retry, in milliseconds. */
  declare readonly retryAfterMs: number | undefined;
  /** JSON pointer (RFC 6901) to the invalid value in the command. */
  declare readonly pointer: string | undefined;
  declare readonly details: Readonly<Record<string, unknown>> | undefined;

  constructor(data: ErrorData) {
    super(data.message);
    Object.assign(this, data, { name: 'TidemarkError' });
  }
}

export type ConnectionErrorReason =
  /** The connection ended after the command was sent: the server may or may not have executed it. */
  | 'connection_lost'
  /** No answer in time, or no connection in time on which to send the command. */
  | 'timeout'
  /** The server will not accept this client again without a change, or the credential cannot be renewed. */
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
  declare readonly reason: ConnectionErrorReason;
  declare readonly closeCode: number | undefined;
  declare readonly closeClass: CloseClass | undefined;

  constructor(reason: ConnectionErrorReason, message: string, options: ConnectionErrorOptions = {}) {
    super(message, options);
    const { closeCode, closeClass } = options;
    Object.assign(this, { name: 'ConnectionError', reason, closeCode, closeClass });
  }

  /** Whether the same call may succeed later, on this client. */
  get retryable(): boolean {
    return this.reason === 'connection_lost' || this.reason === 'timeout';
  }
}

/** The point that a subscription has reached: `position` in one stream, or `positions` in several streams. */
export interface SubscriptionPlace {
  readonly subscriptionId: string;
  readonly position?: Position | undefined;
  readonly positions?: readonly StreamPosition[] | undefined;
}

/**
 * The server or a full buffer ended a subscription. Events that were received before its end have been yielded. After `unsubscribe()` or
 * `close()`, only `ready` and `caughtUp` reject with this error, if they are still pending.
 */
export class SubscriptionError extends Error {
  /** `buffer_overflow`, `unsubscribed`, `client_closed`, or the reason of the server's `subscription_closed` (for example `forbidden`). */
  declare readonly reason: string;
  declare readonly subscriptionId: string;
  /** Where a new subscription can resume without loss; undefined before the first warm replay is complete. */
  declare readonly position: Position | undefined;
  /** The positions of a subscription to several streams, instead of `position`. */
  declare readonly positions: readonly StreamPosition[] | undefined;

  constructor(reason: string, message: string, at: SubscriptionPlace) {
    super(message);
    Object.assign(this, at, { name: 'SubscriptionError', reason });
  }
}

/** The details of a {@link WaitError}. */
export interface WaitFailure {
  readonly position?: Position | undefined;
  readonly positions?: readonly StreamPosition[] | undefined;
  readonly gap?: object;
}

/** `waitFor` ended without an event. */
export class WaitError extends Error {
  /** `timeout`: no event in time. `gap`: events were lost, and the awaited one may be among them. */
  declare readonly reason: 'timeout' | 'gap';
  /**
   * Where to continue: pass the position as `since` to a new wait. Undefined when no position is known, because there was no connection.
   */
  declare readonly position: Position | undefined;
  /** The positions of a wait on several streams, instead of `position`. */
  declare readonly positions: readonly StreamPosition[] | undefined;
  /** When `reason` is `gap`: the `SubscriptionGap`. */
  declare readonly gap: object | undefined;

  constructor(reason: 'timeout' | 'gap', message: string, failure: WaitFailure) {
    super(message);
    Object.assign(this, failure, { name: 'WaitError', reason });
  }
}

export function closedError(): ConnectionError {
  return new ConnectionError('client_closed', 'The client was closed.');
}

/**
 * The server sent something that the contract does not allow. Reported by the lifecycle event `error`. If a reply breaks
 * the contract, its command rejects with this error.
 */
export class ProtocolViolation extends Error {
  constructor(message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options);
    this.name = 'ProtocolViolation';
  }
}
