/**
 * Sends the credential on each connection, and a new credential before the present one expires (SEC-2, SEC-3).
 *
 * Part of the client runtime: imports nothing from outside this directory.
 */
import type { CommandTable } from './commands.ts';
import type { Credential, Credentials } from './credentials.ts';
import { TidemarkError } from './errors.ts';
import type { Link } from './link.ts';
import { startTimer } from './timers.ts';
import { isObject } from './wire.ts';
import type { Frame } from './wire.ts';

export interface AuthenticatorOptions {
  readonly credentials: Credentials;
  readonly table: CommandTable;
  readonly timeoutMs: number;
  readonly onAuthenticated: (data: Frame['data']) => void;
  readonly onError: (error: Error) => void;
}

export interface AuthenticationHandlers {
  readonly onAccepted: () => void;
  /**
   * Called when the credential was not accepted, but another attempt may succeed: the credential can be renewed, or the
   * server may accept it later.
   */
  readonly onRetry: (retryAfterMs: number | undefined) => void;
  readonly onRefused: (error: TidemarkError) => void;
}

/** A credential is renewed after this fraction of its remaining lifetime. */
const RENEW_AT = 0.9;

/**
 * In milliseconds. If a token expires sooner than this, it is not renewed; instead the client waits until the server
 * closes the connection with 4100. Without this limit, a token function that returns the same cached token each time
 * would be called more and more often.
 */
const MIN_LEFT_MS = 2_000;

export class Authenticator {
  readonly #options: AuthenticatorOptions;
  /**
   * Number of consecutive rejections of the credential. The first rejection may be due to an expired token, so the
   * token function is then called once more.
   */
  #refusals = 0;
  #cancelRenewal: () => void = () => undefined;

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
  }

  authenticate(link: Link, credential: Credential, handlers: AuthenticationHandlers): void {
    const { table, timeoutMs, credentials, onError } = this.#options;
    table.send(link, 'authenticate', { ...credential }, timeoutMs, (answer) => {
      if (answer.ok) {
        this.#refusals = 0;
        this.accepted(link, answer.data);
        handlers.onAccepted();
        return;
      }
      // If the connection has ended, its close code decides whether the client reconnects.
      if (!link.usable) return;
      onError(asError(answer.error));
      if (!(answer.error instanceof TidemarkError) || answer.error.retryable) {
        handlers.onRetry(answer.error instanceof TidemarkError ? answer.error.retryAfterMs : undefined);
        return;
      }
      this.#refusals += 1;
      if (credentials.renewable && this.#refusals === 1) handlers.onRetry(undefined);
      else handlers.onRefused(answer.error);
    });
  }

  /**
   * Called when the server has accepted a credential. Schedules its renewal if there is a token function.
   *
   * @param link the connection; undefined if it has ended meanwhile
   */
  accepted(link: Link | undefined, data: Frame['data']): void {
    this.cancel();
    const expiresAt = isObject(data.principal) ? data.principal.expiresAt : undefined;
    const leftMs = typeof expiresAt === 'string' ? Date.parse(expiresAt) - Date.now() : 0;
    // The token may seem expired although it was just accepted, because the clocks of client and server differ.
    if (link !== undefined && this.#options.credentials.renewable && leftMs >= MIN_LEFT_MS)
      this.#cancelRenewal = startTimer(leftMs * RENEW_AT, () => void this.#renew(link));
    // Called last, because a listener may close the client, which cancels the renewal.
    this.#options.onAuthenticated(data);
  }

  /** Cancels the renewal, because the connection has ended or a newer credential was accepted. */
  cancel(): void {
    this.#cancelRenewal();
  }

  async #renew(link: Link): Promise<void> {
    const { credentials, table, timeoutMs, onError } = this.#options;
    try {
      const credential = await credentials.fetch();
      if (credential === undefined || !link.usable) return;
      table.send(link, 'authenticate', { ...credential }, timeoutMs, (answer) => {
        if (answer.ok) this.accepted(link, answer.data);
        else if (link.usable) onError(asError(answer.error));
      });
    } catch (cause) {
      onError(new Error('The token function failed; the current token is used until it expires.', { cause }));
    }
  }
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
