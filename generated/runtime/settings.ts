/**
 * What can be set on a client, and what holds when it is not.
 *
 * Part of the client runtime: imports nothing from outside this directory.
 */
import type { BackoffOptions } from './backoff.ts';
import { readUrl } from './credentials.ts';
import type { TokenSource } from './credentials.ts';
import type { ProtocolSpec } from './wire.ts';
import type { WebSocketConstructor } from './link.ts';

export interface ClientOptions {
  /** Where the gateway listens, for example `ws://127.0.0.1:7400/ws`. `http:` and `https:` are read as `ws:` and `wss:`. */
  readonly url: string | URL;
  /** A token, or a function that fetches a valid one before each connection and whenever one expires (41xx). */
  readonly token?: TokenSource;
  readonly apiKey?: string;
  /** A WHATWG WebSocket class. Default: the global one (browsers, Node ≥ 22). */
  readonly WebSocket?: WebSocketConstructor;
  /** Closes the client when aborted; what is pending then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  readonly backoff?: BackoffOptions;
  /** Attempts in a row that may fail before the client gives up. Default: no limit. */
  readonly maxAttempts?: number;
  /** From the attempt to connect to the first message, in milliseconds. Default 10,000. */
  readonly openTimeoutMs?: number;
  /** From a command's call to its reply, in milliseconds, waiting for a connection included. Default 10,000. */
  readonly commandTimeoutMs?: number;
  /** Heartbeat intervals without any message after which the connection is given up. Default 2.5. */
  readonly silentIntervals?: number;
  /** A connection that held this long, in milliseconds, starts the backoff anew when it ends. Default 5,000. */
  readonly stableAfterMs?: number;
  /** Source of jitter, 0 ≤ x < 1. Default `Math.random`. */
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

/** @throws {TypeError} on an address that cannot be used, and where there is no WebSocket. */
export function readSettings(options: ClientOptions, { credentialParameters }: ProtocolSpec): Settings {
  return {
    url: readUrl(options.url, credentialParameters),
    WebSocket: options.WebSocket ?? globalWebSocket(),
    backoff: options.backoff ?? {},
    maxAttempts: options.maxAttempts ?? Number.POSITIVE_INFINITY,
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
    'There is no global WebSocket here (Node has it from 22 on). Give one in the "WebSocket" option.',
  );
}
