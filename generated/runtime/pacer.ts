/**
 * Spreads the commands that subscriptions send. After a reconnect a hundred of them would leave at once, more than a server's
 * allowance may hold, and a client that keeps exceeding it is sent away (4204), to come back with the same hundred.
 *
 * A few leave at a time, until the server first says `rate_limited`. From then on, for the client's whole life, they leave
 * one by one, as far apart as that answer asked; and further, whenever one that left at that distance is refused again. (An
 * answer tells when the next command may come, which can be sooner than one command may come after the other.)
 *
 * Part of the client runtime: imports nothing from outside this directory.
 */
import type { Settle } from './commands.ts';
import { TidemarkError } from './errors.ts';
import { startTimer } from './timers.ts';
import type { Frame } from './wire.ts';

/** Sends a command. @returns false when there is no connection to send it on. */
export type Send = (command: string, data: Frame['data'], settle: Settle) => boolean;

/** Commands that may wait for their replies at a time: few against any sensible allowance, many against one at a time. */
const IN_FLIGHT = 8;

/** A wait, in milliseconds, where a server refuses without saying for how long. */
const DEFAULT_PAUSE_MS = 1_000;

/** How much further apart commands leave after each refusal. */
const WIDENING = 1.5;

/** Longest distance, in milliseconds: where a server asks for more, its allowance is refilled by more than one. */
const MAX_SPACING_MS = 100;

export class Pacer {
  readonly #send: Send;
  #waiting: (() => boolean)[] = [];
  #inFlight = 0;
  #spacingMs = 0;
  /** Counts the changes of the distance: a refusal of a command that left before the last one says nothing about it. */
  #spacings = 0;
  /** Counts connections: a reply that belongs to an earlier one changes nothing here. */
  #life = 0;
  #cancelPause: (() => void) | undefined;

  constructor(send: Send) {
    this.#send = send;
  }

  /** Sends the command in its turn. To be called with a connection that is ready. */
  request(command: string, data: Frame['data'], settle: Settle): void {
    const life = this.#life;
    this.#waiting.push(() => {
      const spacing = this.#spacings;
      return this.#send(command, data, (answer) => {
        if (life === this.#life) {
          this.#inFlight -= 1;
          if (!answer.ok) this.#heed(answer.error, spacing);
        }
        settle(answer);
        this.#pump();
      });
    });
    this.#pump();
  }

  /** The connection has ended: what waited is void. */
  reset(): void {
    this.#life += 1;
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
