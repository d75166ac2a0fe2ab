/**
 * Whether the suite itself was too slow for a failure to count. A suite whose event loop stalls answers no ping, reads no frame and sends
 * no command; a conforming server then closes the connection, for example with 4203 (CON-4).
 */
import type { RunContext } from './context.ts';
import type { CheckResult } from './verdict.ts';

/** How often a starved check is run again, each time with no other check beside it. */
export const RUNS_ALONE = 3;

/**
 * The longest stall, in milliseconds, that cannot make a conforming server end a connection: half of the shortest limit that a client
 * must keep, because the time on the network and in the server comes on top. For CON-4 that is one of the two heartbeat intervals.
 */
export function toleratedStallMs({ welcome }: RunContext['profile']): number {
  const { authTimeoutMs, handshakeTimeoutMs, sendQueueAgeMs } = welcome.limits;
  return Math.min(welcome.heartbeatIntervalMs, authTimeoutMs / 2, handshakeTimeoutMs / 2, sendQueueAgeMs / 2);
}

/** Why a failure since `from` does not count; undefined when it counts. */
export function starvationSince(from: number, { watch, now, profile }: RunContext): string | undefined {
  const stalledMs = watch.longestStallMs(from, now());
  const toleratedMs = toleratedStallMs(profile);
  if (stalledMs <= toleratedMs) return undefined;
  return `the suite got too little processor time: its event loop stalled for ${Math.round(stalledMs)} ms, and the limits of the server allow ${Math.round(toleratedMs)} ms`;
}

/** The result of a check that was starved whenever it ran. */
export function starvedResult(result: CheckResult, reason: string): CheckResult {
  const { cause: _cause, ...rest } = result;
  return { ...rest, verdict: 'INCONCLUSIVE', reason, failures: [] };
}
