/**
 * A clock for time limits that runs slower while the target is slow. On a busy machine a correct server may take seconds to
 * answer, so the time alone proves nothing. Therefore the suite pings the target continuously, on a separate connection. One
 * tick of this clock is one ping with its answer. A time limit expires only when its time has passed and the target has
 * answered as many pings as an idle target answers in that time. So a target that answers pings but not a command is at
 * fault. A target that answers neither is busy or has stopped; `standstill-detector.ts` finds out which.
 */
import type { Timer } from '../target/timer.ts';

/** The shortest duration of a tick: the time from one ping to the next, in milliseconds. */
export const TICK_MS = 100;
/** After this many milliseconds without an answer, the target counts as silent, not busy. Time limits then expire without ticks. */
export const SILENT_MS = 10_000;
/** A tick that takes longer than this, in milliseconds, is reported. */
const REPORTED_MS = 250;

/** The start and end of a slow tick, in milliseconds since the run began. */
interface SlowTick {
  readonly from: number;
  readonly to: number;
}

interface Limit {
  readonly deadline: number;
  ticks: number;
  readonly expire: () => void;
}

export interface PacedClockOptions {
  /** Milliseconds since the run began. */
  readonly now: () => number;
  /** Pings the target. Resolves when it has answered, or when it cannot be reached. */
  readonly ping: () => Promise<void>;
  /** Called after each tick longer than `REPORTED_MS`. @param ms how much longer than `TICK_MS` the tick took, in milliseconds */
  readonly onSlow: (ms: number) => void;
}

export class PacedClock {
  readonly #options: PacedClockOptions;
  readonly #limits = new Set<Limit>();
  readonly #slow: SlowTick[] = [];
  readonly #listeners: ((ms: number) => void)[] = [];
  #timer: NodeJS.Timeout | undefined;
  /** The ping that has not been answered yet. */
  #unanswered: Promise<void> | undefined;
  #isSilent = false;
  #began: number;
  #ended = false;

  constructor(options: PacedClockOptions) {
    this.#options = options;
    this.#began = options.now();
    void this.#ping();
  }

  /** Starts a time limit, which expires when both its milliseconds and its ticks have passed. */
  readonly timer: Timer = (limitMs, expire) => {
    const ticks = Math.ceil(limitMs / TICK_MS);
    const limit = { deadline: this.#options.now() + limitMs, ticks, expire };
    this.#limits.add(limit);
    return () => this.#limits.delete(limit);
  };

  /** Starts a time limit. @returns a function that tells whether the limit has expired, for a caller that polls */
  limit(limitMs: number): () => boolean {
    let isOver = false;
    this.timer(limitMs, () => (isOver = true));
    return () => isOver;
  }

  /** @param listener called after each tick, with its duration in milliseconds */
  onTick(listener: (ms: number) => void): void {
    this.#listeners.push(listener);
  }

  async #ping(): Promise<void> {
    const began = this.#options.now();
    this.#unanswered ??= this.#options.ping().finally(() => (this.#unanswered = undefined));
    const patience = Promise.withResolvers<'silent'>();
    const timer = setTimeout(() => patience.resolve('silent'), this.#isSilent ? TICK_MS : SILENT_MS);
    const outcome = await Promise.race([this.#unanswered, patience.promise]);
    clearTimeout(timer);
    this.#isSilent = outcome === 'silent';
    const rest = TICK_MS - (this.#options.now() - began);
    // Wait at least one turn of the event loop even after a slow tick, so that frames that arrived with the answer
    // are read first.
    if (!this.#ended) this.#timer = setTimeout(() => this.#tick(), Math.max(0, rest));
  }

  #tick(): void {
    const now = this.#options.now();
    const tookMs = now - this.#began;
    if (tookMs > TICK_MS * 2) this.#slow.push({ from: this.#began + TICK_MS, to: now });
    if (tookMs > REPORTED_MS) this.#options.onSlow(Math.round(tookMs - TICK_MS));
    for (const listener of this.#listeners) listener(tookMs);
    this.#began = now;
    for (const limit of this.#limits) {
      limit.ticks -= 1;
      if ((limit.ticks > 0 && !this.#isSilent) || now < limit.deadline) continue;
      this.#limits.delete(limit);
      limit.expire();
    }
    if (!this.#ended) void this.#ping();
  }

  /** The total time between `from` and `to` in which the target answered no ping, in milliseconds. */
  pausedMs(from: number, to: number): number {
    return this.#pauses(from, to).reduce((sum, each) => sum + each, 0);
  }

  /** The longest pause between `from` and `to` in which the target answered no ping, in milliseconds. */
  longestMs(from: number, to: number): number {
    return Math.max(0, ...this.#pauses(from, to));
  }

  /** The part of each pause that lies between `from` and `to`, in milliseconds. Includes a pause that has not ended yet. */
  #pauses(from: number, to: number): readonly number[] {
    const current = { from: this.#began + TICK_MS, to: this.#options.now() };
    return [...this.#slow, current].map((each) => Math.max(0, Math.min(to, each.to) - Math.max(from, each.from)));
  }

  /** Ends the pings. Time limits that are still running expire at once. */
  close(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
    for (const { expire } of this.#limits) expire();
    this.#limits.clear();
  }
}
