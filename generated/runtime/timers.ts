/**
 * Timers that by default do not keep a Node process alive. Browsers ignore the option `holdsProcess`.
 *
 * Part of the client runtime: imports nothing from outside this directory.
 */
import { isObject } from './wire.ts';

export interface TimerOptions {
  /**
   * Keeps the process alive until the timer fires. Set for timers on which the program waits, such as the time limit of
   * `waitFor`, or a reconnect that a pending call needs.
   */
  readonly holdsProcess?: boolean;
}

/**
 * Longest delay that `setTimeout` accepts (a signed 32-bit integer of milliseconds). A longer delay would fire at once.
 */
const MAX_DELAY_MS = 2_147_483_647;

/** Runs `task` after `delayMs` milliseconds; returns the function that cancels it. */
export function startTimer(delayMs: number, task: () => void, options: TimerOptions = {}): () => void {
  const timer: unknown = setTimeout(task, Math.min(Math.max(delayMs, 0), MAX_DELAY_MS));
  if (options.holdsProcess !== true && isUnrefable(timer)) timer.unref();
  return () => clearTimeout(timer as Parameters<typeof clearTimeout>[0]);
}

function isUnrefable(timer: unknown): timer is { unref(): void } {
  return isObject(timer) && typeof timer.unref === 'function';
}
