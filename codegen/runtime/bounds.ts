/**
 * Limits the delays that a server sends. Without limits, a faulty or hostile server could make a client reconnect in a
 * loop, wait without end, or drop a working connection.
 *
 * Part of the client runtime: imports nothing from outside this directory.
 */

/** The limits of a delay that a server asks for, in milliseconds (CLI-4). */
const RETRY_MS = { least: 100, most: 300_000 };
/** The range of the limit `heartbeatIntervalMs` in the contract. */
const HEARTBEAT_MS = { least: 100, most: 600_000 };

function within(
  value: unknown,
  { least, most }: { readonly least: number; readonly most: number },
): number | undefined {
  // The negation also excludes NaN.
  if (typeof value !== 'number' || !(value >= 0)) return undefined;
  return Math.min(most, Math.max(least, value));
}

/** The wait before a retry, in milliseconds; undefined when the value is missing or invalid. */
export function retryAfterOf(value: unknown): number | undefined {
  return within(value, RETRY_MS);
}

/** The interval of the server's heartbeats, in milliseconds; undefined when the value is missing or invalid. */
export function heartbeatIntervalOf(value: unknown): number | undefined {
  return value === 0 ? undefined : within(value, HEARTBEAT_MS);
}
