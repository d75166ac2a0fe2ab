/**
 * Numbers that a server sends, within what can be right. A server that is wrong, or hostile, must not make a client reconnect in a
 * loop, wait without limit, or take a live connection for a dead one.
 *
 * Part of the client runtime: imports nothing from outside this directory.
 */

/** Sooner than this nobody needs to try again; later than this the client decides for itself. */
const RETRY_MS = { least: 100, most: 300_000 };
/** What the contract allows for the limit `heartbeatIntervalMs`. */
const HEARTBEAT_MS = { least: 100, most: 600_000 };

function within(
  value: unknown,
  { least, most }: { readonly least: number; readonly most: number },
): number | undefined {
  if (typeof value !== 'number' || Number.isNaN(value) || value < 0) return undefined;
  return Math.min(most, Math.max(least, value));
}

/** When to try again, in milliseconds; undefined when the server did not say, or said what cannot be. */
export function retryAfterOf(value: unknown): number | undefined {
  return within(value, RETRY_MS);
}

/** How often heartbeats are to be expected, in milliseconds; undefined when the server did not say, or said what cannot be. */
export function heartbeatIntervalOf(value: unknown): number | undefined {
  return value === 0 ? undefined : within(value, HEARTBEAT_MS);
}
