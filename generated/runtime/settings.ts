/**
 * The options of a client and their defaults.
 *
 * Part of the client runtime: imports nothing from outside this directory.
 */
import type { BackoffOptions } from './backoff.ts';
import { readUrl } from './credentials.ts';
import type { TokenSource } from './credentials.ts';
import type { ProtocolSpec } from './wire.ts';
import type { WebSocketConstructor } from './link.ts';

export interface ClientOptions {
  /**
   * Address of the gateway, for example `ws://127.0.0.1:7400/ws`. `http:` and `https:` are read as `ws:` and `wss:`.
   */
  readonly url: string | URL;
  /** A token, or a function that fetches a valid token before each connection and before the present token expires. */
  readonly token?: TokenSource;
  readonly apiKey?: string;
  /** A WHATWG WebSocket class. Default: the global one (browsers, Node ≥ 22). */
  readonly WebSocket?: WebSocketConstructor;
  /** Closes the client when aborted. Pending calls reject with the signal's reason; loops over subscriptions end without an error. */
  readonly signal?: AbortSignal;
  readonly backoff?: BackoffOptions;
  /** Number of consecutive failed attempts after which the client gives up. Default: no limit. */
  readonly maxAttempts?: number;
  /** Time limit from the attempt to connect to the first message, in milliseconds. Default 10,000. */
  readonly openTimeoutMs?: number;
  /** Time limit of a command, including the wait for a connection, in milliseconds. Default 10,000. */
  readonly commandTimeoutMs?: number;
  /** Number of heartbeat intervals without any message after which the client reconnects. Default 2.5. */
  readonly silentIntervals?: number;
  /** How long a connection must last to reset the backoff, in milliseconds. Default 5,000. */
  readonly stableAfterMs?: number;
  /** A function that returns random numbers, 0 ≤ x < 1, for the jitter of the backoff. Default `Math.random`. */
  readonly random?: () => number;
}

export interface Settings {
  readonly url: string;
  readonly WebSocket: WebSocketConstructor;
  readonly backoff: BackoffOptions;
  readonly maxAttempts: number;
  readonly openTimeoutMs: number;
  readonly commandTimeoutMs: number;
  readonly silentIntervals: number;
  readonly stableAfterMs: number;
  readonly random: () => number;
}

/** @throws {TypeError} when the address is invalid, or no WebSocket class is available. */
export function readSettings(options: ClientOptions, { credentialParameters }: ProtocolSpec): Settings {
  return {
    url: readUrl(options.url, credentialParameters),
    WebSocket: options.WebSocket ?? globalWebSocket(),
    backoff: options.backoff ?? {},
    maxAttempts: options.maxAttempts ?? Infinity,
    openTimeoutMs: options.openTimeoutMs ?? 10_000,
    commandTimeoutMs: options.commandTimeoutMs ?? 10_000,
    silentIntervals: options.silentIntervals ?? 2.5,
    stableAfterMs: options.stableAfterMs ?? 5_000,
    random: options.random ?? Math.random,
  };
}

function globalWebSocket(): WebSocketConstructor {
  const { WebSocket } = globalThis as { readonly WebSocket?: WebSocketConstructor };
  if (WebSocket !== undefined) return WebSocket;
  throw new TypeError(
    'No global WebSocket is available (Node has one since version 22). Pass a class in the "WebSocket" option.',
  );
}
