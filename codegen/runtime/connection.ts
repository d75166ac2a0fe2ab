/**
 * A connection that reconnects. It opens a socket, authenticates, and reports when commands can be sent. When the socket
 * ends, the class of the close code decides whether, when and how to reconnect (CON-6).
 *
 *     idle → connecting → authenticating → ready → waiting → connecting …
 *                                 any of them → stopped
 *
 * Part of the client runtime: imports nothing from outside this directory.
 */
import { Authenticator } from './authenticator.ts';
import { backoffDelayMs } from './backoff.ts';
import { CallQueue } from './calls.ts';
import type { CallOptions } from './calls.ts';
import { classifyClose, closeName } from './close.ts';
import { CommandTable } from './commands.ts';
import type { Settle } from './commands.ts';
import type { Credential, Credentials } from './credentials.ts';
import { HOW_TO_FIND_OUT } from './diagnosis.ts';
import { ConnectionError } from './errors.ts';
import { Link } from './link.ts';
import type { LinkEnd } from './link.ts';
import type { Settings } from './settings.ts';
import { startTimer } from './timers.ts';
import type { CloseClass, Frame, ProtocolSpec } from './wire.ts';

export type ConnectionState = 'idle' | 'connecting' | 'authenticating' | 'ready' | 'waiting' | 'stopped';

/** How a socket ended, and whether the client reconnects. */
export interface ConnectionEnd {
  /** The close code. If no close frame was received, the code of the `closing` push. */
  readonly code: number;
  readonly reason: string;
  readonly class: CloseClass;
  readonly willReconnect: boolean;
}

/** Callbacks of the client. All are called synchronously. */
export interface ConnectionHooks {
  readonly onConnecting: (attempt: number) => void;
  readonly onOpen: () => void;
  readonly onAuthenticated: (data: Frame['data']) => void;
  /** Called when commands can be sent. */
  readonly onReady: () => void;
  readonly onPush: (frame: Frame) => void;
  readonly onEnd: (end: ConnectionEnd) => void;
  readonly onReconnecting: (attempt: number, delayMs: number) => void;
  /** Called when the client will not try to connect again. */
  readonly onStopped: (error: unknown) => void;
  readonly onError: (error: Error) => void;
  /**
   * Whether calls or subscriptions wait for the connection. Only then does a pending reconnect keep the process alive.
   */
  readonly hasWork: () => boolean;
}

export interface ConnectionOptions {
  readonly settings: Settings;
  readonly spec: ProtocolSpec;
  readonly credentials: Credentials;
  readonly hooks: ConnectionHooks;
}

/** How long `stop` waits for the server to close the connection too, in milliseconds. */
const CLOSE_GRACE_MS = 1_000;

export class Connection {
  readonly #settings: Settings;
  readonly #spec: ProtocolSpec;
  readonly #credentials: Credentials;
  readonly #hooks: ConnectionHooks;
  readonly #table: CommandTable;
  readonly #calls: CallQueue;
  readonly #authenticator: Authenticator;
  #state: ConnectionState = 'idle';
  #link: Link | undefined;
  /** Number of consecutive attempts that failed, or whose connection lasted less than `stableAfterMs`. The backoff grows with it. */
  #unstable = 0;
  /** Number of consecutive attempts that failed before commands could be sent. At `maxAttempts` the client gives up. */
  #unreached = 0;
  #readyAt: number | undefined;
  /** The delay that the server asked for, before the next attempt. */
  #retryAfterMs: number | undefined;
  #nextAttemptAt = 0;
  #cancelWait: () => void = () => undefined;
  #stopError: unknown;
  /** Resolves when the last socket is closed; undefined before `stop`, and without a socket. */
  #closed: Promise<void> | undefined;

  constructor({ settings, spec, credentials, hooks }: ConnectionOptions) {
    this.#settings = settings;
    this.#spec = spec;
    this.#credentials = credentials;
    this.#hooks = hooks;
    this.#table = new CommandTable(spec.commands);
    this.#calls = new CallQueue(this.#table);
    this.#authenticator = new Authenticator({
      credentials,
      table: this.#table,
      timeoutMs: settings.commandTimeoutMs,
      onAuthenticated: hooks.onAuthenticated,
      onError: hooks.onError,
    });
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** Number of events received on the current socket. */
  get events(): number {
    return this.#link?.events ?? 0;
  }

  /**
   * Must be called when the number of waiting calls or subscriptions has changed. Connects if there is no connection yet,
   * and decides again whether a pending reconnect keeps the process alive.
   */
  review(): void {
    if (this.#state === 'idle') void this.#connect();
    else if (this.#state === 'waiting') this.#wait();
  }

  /** Sends a command for a caller; see {@link CallQueue}. */
  async call(command: string, data: Frame['data'], options: CallOptions = {}): Promise<Frame['data']> {
    if (this.#state === 'stopped') throw this.#stopError;
    const { timeoutMs = this.#settings.commandTimeoutMs, signal } = options;
    const link = this.#state === 'ready' ? this.#link : undefined;
    const reply = this.#calls.call(command, data, timeoutMs, { signal, link });
    this.review();
    return reply;
  }

  /**
   * Sends a command for the client itself, not for a caller. @returns false when the connection is not ready; `settle` is
   * then never called.
   */
  request(command: string, data: Frame['data'], settle: Settle): boolean {
    if (this.#state !== 'ready' || this.#link === undefined) return false;
    const link = this.#link;
    this.#table.send(link, command, data, this.#settings.commandTimeoutMs, (answer) => {
      // If the reply does not arrive in time, client and server may disagree about the subscription, so reconnect.
      const error = answer.ok ? undefined : answer.error;
      if (error instanceof ConnectionError && error.reason === 'timeout') link.giveUp(error.message);
      else settle(answer);
    });
    return true;
  }

  /** Handles the reply to an `authenticate` of the application: later connections and renewals follow the new token. */
  adopt(token: string, reply: Frame['data']): void {
    this.#credentials.adopt(token);
    this.#authenticator.accepted(this.#link, reply);
  }

  expectHeartbeats(intervalMs: number): void {
    this.#link?.expectHeartbeats(intervalMs);
  }

  announceClosing(code: number, retryAfterMs: number | undefined): void {
    this.#link?.announceClosing({ code, retryAfterMs });
  }

  /** Drops the current socket and reconnects as after a lost connection. */
  restart(reason: string): void {
    this.#link?.giveUp(reason);
  }

  /**
   * Closes the connection permanently. Every call waits until the socket is closed.
   *
   * @param error pending calls reject with the error of the first call
   */
  async stop(error: unknown): Promise<void> {
    if (this.#state !== 'stopped') {
      this.#state = 'stopped';
      this.#stopError = error;
      this.#closed = this.#link?.close(CLOSE_GRACE_MS);
      this.#link = undefined;
      this.#cancelWait();
      this.#authenticator.cancel();
      this.#table.failAll(error);
      this.#calls.failAll(error);
      this.#hooks.onStopped(error);
    }
    await this.#closed;
  }

  async #connect(): Promise<void> {
    this.#state = 'connecting';
    this.#hooks.onConnecting(this.#unreached + 1);
    let credential: Credential | undefined;
    try {
      credential = await this.#credentials.fetch();
    } catch (cause) {
      if (this.state !== 'connecting') return;
      this.#hooks.onError(
        new Error('The token function failed; it is called again before the next attempt.', { cause }),
      );
      this.#retry();
      return;
    }
    // The client may have been stopped meanwhile, by a listener or while the token was fetched.
    if (this.state !== 'connecting') return;
    try {
      const link: Link = new Link(
        { ...this.#settings, subprotocol: this.#spec.subprotocol },
        {
          onOpen: () => this.#opened(link, credential),
          onFrame: (frame) => this.#receive(frame),
          onInvalid: this.#hooks.onError,
          onEnd: (end) => this.#ended(end),
        },
      );
      this.#link = link;
    } catch (cause) {
      void this.stop(
        new ConnectionError('refused', `Could not create a WebSocket to ${this.#settings.url}.`, { cause }),
      );
    }
  }

  #opened(link: Link, credential: Credential | undefined): void {
    this.#hooks.onOpen();
    // A listener may have closed the client.
    if (this.state === 'stopped') return;
    if (credential === undefined) {
      this.#ready(link);
      return;
    }
    this.#state = 'authenticating';
    this.#authenticator.authenticate(link, credential, {
      onAccepted: () => this.#ready(link),
      onRetry: (retryAfterMs) => {
        this.#retryAfterMs = retryAfterMs;
        link.giveUp('not authenticated');
      },
      onRefused: (error) => void this.stop(error),
    });
  }

  #ready(link: Link): void {
    if (this.#state === 'stopped') return;
    this.#state = 'ready';
    this.#unreached = 0;
    this.#readyAt = performance.now();
    this.#hooks.onReady();
    this.#calls.flush(link);
  }

  #receive(frame: Frame): void {
    if (!this.#table.receive(frame)) this.#hooks.onPush(frame);
  }

  #ended(end: LinkEnd): void {
    if (this.#state === 'stopped') return;
    this.#link = undefined;
    this.#state = 'waiting';
    this.#authenticator.cancel();
    const code = end.code >= 4000 ? end.code : (end.closing?.code ?? end.code);
    const closeClass = classifyClose(code, this.#spec);
    const final = this.#finalError(code, closeClass, end.reason);
    if (end.closing?.retryAfterMs !== undefined) this.#retryAfterMs = end.closing.retryAfterMs;
    this.#hooks.onEnd({ code, reason: end.reason, class: closeClass, willReconnect: final === undefined });
    this.#table.failAll(
      new ConnectionError('connection_lost', `The connection ended (${code}) before the reply was received.`, {
        closeCode: code,
        closeClass,
      }),
    );
    if (final === undefined) this.#retry();
    else void this.stop(final);
  }

  /** The error with which the client stops, if another attempt cannot succeed; otherwise undefined. */
  #finalError(code: number, closeClass: CloseClass, reason: string): ConnectionError | undefined {
    const cause = `${code} ${closeName(code, this.#spec) ?? ''}`.trim() + (reason === '' ? '' : `: ${reason}`);
    if (closeClass === 'do-not-retry') {
      const text = `The server closed the connection and asked the client not to reconnect unchanged (${cause}).`;
      return new ConnectionError('refused', text, { closeCode: code, closeClass });
    }
    if (closeClass === 'refresh' && !this.#credentials.renewable) {
      const text = `The credential is no longer accepted (${cause}). Set the "token" option to a function to renew it automatically.`;
      return new ConnectionError('refused', text, { closeCode: code, closeClass });
    }
    return undefined;
  }

  #retry(): void {
    // A listener may have closed the client.
    if (this.#state === 'stopped') return;
    const { maxAttempts, backoff, random, stableAfterMs } = this.#settings;
    if (this.#readyAt !== undefined && performance.now() - this.#readyAt >= stableAfterMs) this.#unstable = 0;
    if (this.#readyAt === undefined) this.#unreached += 1;
    if (this.#unreached >= maxAttempts) {
      const text = `Could not connect to ${this.#settings.url}; failed attempts: ${this.#unreached}. ${HOW_TO_FIND_OUT}`;
      void this.stop(new ConnectionError('unreachable', text));
      return;
    }
    const delayMs = this.#retryAfterMs ?? backoffDelayMs(this.#unstable, random, backoff);
    this.#unstable += 1;
    this.#retryAfterMs = undefined;
    this.#readyAt = undefined;
    this.#state = 'waiting';
    this.#nextAttemptAt = performance.now() + delayMs;
    this.#hooks.onReconnecting(this.#unreached + 1, delayMs);
    if (this.state === 'waiting') this.#wait();
  }

  #wait(): void {
    this.#cancelWait();
    const delayMs = this.#nextAttemptAt - performance.now();
    const holdsProcess = this.#hooks.hasWork() || this.#calls.waiting > 0;
    this.#cancelWait = startTimer(delayMs, () => void this.#connect(), { holdsProcess });
  }
}
