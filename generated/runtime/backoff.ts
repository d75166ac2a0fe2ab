/**
 * Computes the delay before the next attempt to connect.
 *
 * Part of the client runtime: imports nothing from outside this directory.
 */

export interface BackoffOptions {
  /** Upper bound of the first wait, in milliseconds. Default 500. */
  readonly minMs?: number;
  /** Upper bound of every wait, in milliseconds. Default 20,000. */
  readonly maxMs?: number;
}

const DEFAULT_MIN_MS = 500;
const DEFAULT_MAX_MS = 20_000;

/**
 * Backoff with full jitter: a random delay between 0 and `min(maxMs, minMs × 2^attempt)`. Compared with other strategies,
 * it spreads the reconnects of many clients best, and causes the least work for clients and server
 * (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
 *
 * @param attempt 0 for the first wait.
 * @param random a function such as `Math.random`.
 * @returns whole milliseconds.
 */
export function backoffDelayMs(attempt: number, random: () => number, options: BackoffOptions = {}): number {
  const { minMs = DEFAULT_MIN_MS, maxMs = DEFAULT_MAX_MS } = options;
  const ceiling = Math.min(maxMs, minMs * 2 ** Math.min(Math.max(attempt, 0), 30));
  return Math.round(random() * ceiling);
}
