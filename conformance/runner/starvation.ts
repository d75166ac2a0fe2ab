/**
 * Determines whether the suite itself was too slow, so that a failure does not count. If the event loop of the suite
 * stalls, it answers no pings, reads no frames and sends no commands. A conforming server then closes the connection,
 * for example with 4203 (CON-4).
 */
import type { RunContext } from './context.ts';
import type { CheckResult } from './verdict.ts';

/** How often a starved check is run again, each time while no other check runs. */
export const RUNS_ALONE = 3;

/**
 * The longest stall, in milliseconds, that cannot make a conforming server end a connection: half of the shortest time
 * limit for clients, because delays of the network and the server are added to the stall. For CON-4 this is one of the
 * two heartbeat intervals.
 */
export function toleratedStallMs({ welcome }: RunContext['profile']): number {
  const { authTimeoutMs, handshakeTimeoutMs, sendQueueAgeMs } = welcome.limits;
  return Math.min(welcome.heartbeatIntervalMs, authTimeoutMs / 2, handshakeTimeoutMs / 2, sendQueueAgeMs / 2);
}

/** Why a failure since `from` does not count; undefined if it counts. */
export function starvationSince(from: number, { watch, now, profile }: RunContext): string | undefined {
  const stalledMs = watch.longestStallMs(from, now());
  const toleratedMs = toleratedStallMs(profile);
  if (stalledMs <= toleratedMs) return undefined;
  return `the suite got too little processor time: its event loop stalled for ${Math.round(stalledMs)} ms, and the limits of the server allow ${Math.round(toleratedMs)} ms`;
}

/** The result of a check that was starved in every run. */
export function starvedResult(result: CheckResult, reason: string): CheckResult {
  const { cause: _cause, ...rest } = result;
  return { ...rest, verdict: 'INCONCLUSIVE', reason, failures: [] };
}
