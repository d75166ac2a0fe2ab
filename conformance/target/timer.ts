/** Timers for time limits. */

/**
 * Calls `expire` when a time limit has passed. A timer may count more slowly than the clock while the machine is busy.
 * @returns a function that cancels the limit
 */
export type Timer = (limitMs: number, expire: () => void) => () => void;

/** A timer that follows the clock. */
export const clockTimer: Timer = (limitMs, expire) => {
  const timer = setTimeout(expire, limitMs);
  return () => clearTimeout(timer);
};
