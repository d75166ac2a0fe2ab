/**
 * Limits the rate of the commands that subscriptions send. After a reconnect, a client with a hundred subscriptions
 * would send a hundred commands at once, which may exceed the server's rate limit. A client that keeps exceeding the
 * limit is disconnected (4204), and would then send the same commands again.
 *
 * A few commands are in flight at once until the server first answers `rate_limited`. From then on, until the client is
 * closed, they are sent one by one, spaced by the `retryAfterMs` of that answer (at most by `MAX_SPACING_MS`). The spacing
 * grows whenever a command sent at this spacing is rate limited again, because `retryAfterMs` only reports when the next command is
 * allowed, not the sustained rate.
 *
 * Part of the client runtime: imports nothing from outside this directory.
 */
import type { Settle } from './commands.ts';
import { TidemarkError } from './errors.ts';
import { startTimer } from './timers.ts';
import type { Frame } from './wire.ts';

/** Sends a command. @returns false if there is no connection. */
export type Send = (command: string, data: Frame['data'], settle: Settle) => boolean;

/** Maximum number of commands in flight: below any sensible rate limit, and much faster than one at a time. */
const IN_FLIGHT = 8;

/** The wait, in milliseconds, when `rate_limited` has no `retryAfterMs`. */
const DEFAULT_PAUSE_MS = 1_000;

/** Factor by which the spacing grows after each `rate_limited`. */
const WIDENING = 1.5;

/**
 * Maximum spacing, in milliseconds. A longer `retryAfterMs` does not need a longer spacing, because after such a wait
 * the server allows several commands.
 */
const MAX_SPACING_MS = 100;

export class Pacer {
  readonly #send: Send;
  #waiting: (() => boolean)[] = [];
  #inFlight = 0;
  #spacingMs = 0;
  /** How often the spacing has changed. A `rate_limited` widens the spacing only if its command was sent after the last change. */
  #spacings = 0;
  /** Number of the current connection. Replies on earlier connections are ignored. */
  #connection = 0;
  #cancelPause: (() => void) | undefined;

  constructor(send: Send) {
    this.#send = send;
  }

  /** Queues the command. Call it only while the connection is ready. */
  request(command: string, data: Frame['data'], settle: Settle): void {
    const connection = this.#connection;
    this.#waiting.push(() => {
      const spacing = this.#spacings;
      return this.#send(command, data, (answer) => {
        if (connection === this.#connection) {
          this.#inFlight -= 1;
          if (!answer.ok) this.#heed(answer.error, spacing);
        }
        settle(answer);
        this.#pump();
      });
    });
    this.#pump();
  }

  /** Drops queued commands, because the connection has ended. */
  reset(): void {
    this.#connection += 1;
    this.#waiting = [];
    this.#inFlight = 0;
    this.#endPause();
  }

  #pump(): void {
    while (this.#cancelPause === undefined && this.#inFlight < IN_FLIGHT) {
      const send = this.#waiting.shift();
      if (send === undefined) return;
      if (send()) this.#inFlight += 1;
      if (this.#spacingMs > 0) this.#pause(this.#spacingMs);
    }
  }

  #heed(error: unknown, spacing: number): void {
    if (!(error instanceof TidemarkError) || error.code !== 'rate_limited') return;
    const waitMs = error.retryAfterMs ?? DEFAULT_PAUSE_MS;
    if (spacing === this.#spacings) {
      this.#spacingMs = Math.min(Math.max(this.#spacingMs * WIDENING, waitMs), MAX_SPACING_MS);
      this.#spacings += 1;
    }
    this.#endPause();
    this.#pause(waitMs);
  }

  #pause(delayMs: number): void {
    this.#cancelPause = startTimer(delayMs, () => {
      this.#endPause();
      this.#pump();
    });
  }

  #endPause(): void {
    this.#cancelPause?.();
    this.#cancelPause = undefined;
  }
}
