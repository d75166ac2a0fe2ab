/** Ends connections whose credential expires, and connections that send no credential in time (SEC-2, SEC-3). */
import type { Connection } from './connection.ts';

/** A timer can run for at most 2^31−1 ms. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export class CredentialWatch {
  readonly #authTimeoutMs: number;
  readonly #now: () => number;
  readonly #timers = new Map<Connection, NodeJS.Timeout>();

  constructor({ authTimeoutMs, now }: { readonly authTimeoutMs: number; readonly now: () => number }) {
    this.#authTimeoutMs = authTimeoutMs;
    this.#now = now;
  }

  /** Starts to watch the credential of a connection. Must be called when the connection is opened, and when its credential has changed. */
  watch(connection: Connection): void {
    this.forget(connection);
    const { session } = connection;
    const { expiresAt } = session.principal;
    if (!session.authenticated) {
      const close = (): void => connection.close('auth_timeout', 'The client did not authenticate in time.');
      this.#start(connection, this.#authTimeoutMs, close);
    } else if (expiresAt !== undefined) {
      this.#start(connection, expiresAt - this.#now(), () => {
        // If the credential is valid for longer than a timer can run, the timer fires before the expiry. Then another timer is started.
        if (expiresAt > this.#now()) this.watch(connection);
        else connection.close('token_expired', 'The token has expired.');
      });
    }
  }

  /** Stops watching the credential of a connection. Must be called when the connection has ended. */
  forget(connection: Connection): void {
    clearTimeout(this.#timers.get(connection));
    this.#timers.delete(connection);
  }

  #start(connection: Connection, afterMs: number, act: () => void): void {
    const timer = setTimeout(act, Math.min(Math.max(0, afterMs), LONGEST_TIMER_MS));
    timer.unref();
    this.#timers.set(connection, timer);
  }
}
