/**
 * Proves that the program of a client runs. A busy machine may give a program no processor time for seconds. Meanwhile the
 * client cannot act, so a missing or late action proves nothing. Therefore the suite repeatedly sends the command `echo`, if
 * the program offers it. The answers prove when the program ran. For other programs the suite estimates the load of the
 * machine.
 */
import { TICK_MS, PacedClock, SILENT_MS } from '../runner/paced-clock.ts';
import { textAt } from '../trace/json.ts';
import type { Timer } from '../target/timer.ts';
import type { JsonObject } from '../trace/json.ts';

/** The feature of a program that answers `echo`. */
export const ECHO = 'echo';
/** The time from an answer to the next `echo`. It is short, because some tapes measure waits of 100 ms. */
const REST_MS = 20;

interface Waiter {
  /** Only the answer to an `echo` that was sent at this time or later resolves the waiter. */
  readonly from: number;
  readonly resolve: () => void;
}

/** Sends one `echo` after the other. */
class Echoes {
  readonly #send: (command: JsonObject) => void;
  readonly #now: () => number;
  #count = 0;
  #sentAt = 0;
  #provenAt = 0;
  #waiters: readonly Waiter[] = [];
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(send: (command: JsonObject) => void, now: () => number) {
    this.#send = send;
    this.#now = now;
    this.#next();
  }

  /** When the last answered `echo` was sent. The program has certainly run since that time. */
  get provenAt(): number {
    return this.#provenAt;
  }

  /** Whether the notice is the answer to the last `echo`. */
  takes(notice: JsonObject): boolean {
    if (textAt(notice, 'ref') !== this.#ref) return false;
    const sentAt = this.#sentAt;
    this.#provenAt = sentAt;
    for (const { from, resolve } of this.#waiters) if (from <= sentAt) resolve();
    this.#waiters = this.#waiters.filter(({ from }) => from > sentAt);
    clearTimeout(this.#timer);
    if (!this.#isClosed) this.#timer = setTimeout(() => this.#next(), REST_MS);
    return true;
  }

  /** Resolves when the program has answered an `echo` that is sent from now on, or when the suite sends no more `echo`. */
  answered(): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiters = [...this.#waiters, { from: this.#now(), resolve }];
    return promise;
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    for (const { resolve } of this.#waiters) resolve();
    this.#waiters = [];
  }

  get #ref(): string {
    return `echo-${this.#count}`;
  }

  #next(): void {
    this.#count += 1;
    this.#sentAt = this.#now();
    this.#send({ do: 'echo', ref: this.#ref });
  }
}

export interface ProgramTimeOptions {
  readonly now: () => number;
  /** Estimates the load of the machine. */
  readonly machine: PacedClock;
}

/** The intervals in which the program had processor time. Time limits for the client count only these intervals. */
export class ProgramTime {
  readonly #options: ProgramTimeOptions;
  #echoes: Echoes | undefined;
  #answers: PacedClock | undefined;
  #closedAt: number | undefined;

  constructor(options: ProgramTimeOptions) {
    this.#options = options;
  }

  /** Starts to send `echo` to a program that answers it. */
  follow(send: (command: JsonObject) => void): void {
    const { now } = this.#options;
    const echoes = new Echoes(send, now);
    this.#echoes = echoes;
    this.#answers = new PacedClock({ now, ping: () => echoes.answered(), onSlow: () => undefined });
  }

  /** Whether the notice is the answer to an `echo`. Such a notice is not passed to the tape. */
  takes(notice: JsonObject): boolean {
    return this.#echoes?.takes(notice) === true;
  }

  /** Counts a time limit for something that the client must do: it expires only when the program has run for that time. */
  readonly timer: Timer = (limitMs, expire) => this.#clock.timer(limitMs, expire);

  /** Counts a time in which the client must not act: it ends when the program has run for that time. */
  readonly silence: Timer = (limitMs, expire) =>
    // One tick longer, because the first answer may be to an `echo` that the program read before the silence began.
    this.#clock.timer(this.#clock === this.#answers ? limitMs + TICK_MS : limitMs, expire);

  /** How long the program had no processor time between two times, in milliseconds. */
  pausedMs(from: number, to: number): number {
    if (this.#answers === undefined) return this.#options.machine.pausedMs(from, to);
    return this.#answers.pausedMs(from, Math.min(to, this.#closedAt ?? to));
  }

  /**
   * Whether the program has run since `from` without a pause of 5 s (half of `SILENT_MS`) or more. If the program has no `echo`
   * or has ended, this is unknown, and the result is true.
   */
  hasRunSince(from: number): boolean {
    return this.#clock !== this.#answers || this.#clock.longestMs(from, this.#options.now()) < SILENT_MS / 2;
  }

  /** When the last answered `echo` was sent: the program has run since then. Undefined for a program without `echo`. */
  get provenAt(): number | undefined {
    return this.#echoes?.provenAt;
  }

  /** Waits until the program has had the time to write every notice that is due. @returns whether the program answered in time */
  async settled(limitMs: number): Promise<boolean> {
    const echoes = this.#echoes;
    if (echoes === undefined || this.#closedAt !== undefined) return true;
    const { promise: late, resolve } = Promise.withResolvers<false>();
    const cancel = this.#options.machine.timer(limitMs, () => resolve(false));
    // Wait for two answers, because a program may read a frame in one turn of its event loop and report it in the next.
    const answers = echoes.answered().then(() => echoes.answered());
    const isSettled = await Promise.race([answers.then(() => true), late]);
    cancel();
    return isSettled;
  }

  /**
   * The clock for time limits. It runs slower than real time if the program is slow or the machine is busy. The answers to
   * `echo` determine its speed. If the program has no `echo` or has ended, the load of the machine does.
   */
  get #clock(): PacedClock {
    return this.#answers === undefined || this.#closedAt !== undefined ? this.#options.machine : this.#answers;
  }

  close(): void {
    this.#closedAt ??= this.#options.now();
    this.#echoes?.close();
    this.#answers?.close();
  }
}
