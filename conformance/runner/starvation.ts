/**
 * Determines whether a busy machine may have caused a failure, so that the failure does not count. A suite without processor
 * time answers no pings, reads no frames and sends no commands. A conforming server then closes the connection, for example
 * with 4203 (CON-4). A server without processor time makes no progress while its own time limits pass.
 */
import type { WelcomeData } from '../../generated/types.ts';
import type { RunContext } from './context.ts';
import { SILENT_MS } from './paced-clock.ts';
import type { PacedClock } from './paced-clock.ts';
import type { StallDetector } from './stall-detector.ts';
import type { CheckResult } from './verdict.ts';

/** A check with a doubtful failure runs at most this many times while no other check runs. */
export const RUNS_ALONE = 3;
/** If suite or server paused for more than this share of the time, the machine is busy. */
const BUSY_SHARE = 0.1;

/** Why a failure may not be the fault of the server. */
export interface Doubt {
  readonly reason: string;
  /** Whether the failure counts if it repeats when the check runs alone. */
  readonly ifRepeated: 'counts' | 'proves nothing';
}

/** What decides whether a failure is doubtful. */
interface Circumstances {
  readonly now: RunContext['now'];
  readonly watch: Pick<StallDetector, 'longestStallMs' | 'stalledMs'>;
  readonly clock: Pick<PacedClock, 'longestMs' | 'pausedMs'>;
  readonly profile: {
    readonly welcome: {
      readonly heartbeatIntervalMs: number;
      readonly limits: Pick<WelcomeData['limits'], 'authTimeoutMs' | 'handshakeTimeoutMs' | 'sendQueueAgeMs'>;
    };
  };
}

/**
 * The longest stall, in milliseconds, that cannot make a conforming server end a connection. It is half of the shortest time
 * limit for clients, because delays of the network and the server are added to the stall. A server closes a connection after
 * two heartbeat intervals without a frame from the client (CON-4). So the stall is at most one heartbeat interval.
 */
function toleratedStallMs({ welcome }: Circumstances['profile']): number {
  const { authTimeoutMs, handshakeTimeoutMs, sendQueueAgeMs } = welcome.limits;
  return Math.min(welcome.heartbeatIntervalMs, authTimeoutMs / 2, handshakeTimeoutMs / 2, sendQueueAgeMs / 2);
}

/**
 * Why a failure since `from` is doubtful; undefined if it is not.
 * @param result the result of the check; its cause has `unanswered` if a command got no reply on an open connection
 */
export function doubtSince(
  from: number,
  circumstances: Circumstances,
  result: Pick<CheckResult, 'cause'> = {},
): Doubt | undefined {
  const doubt = pauseSince(from, circumstances);
  const { clock, now } = circumstances;
  // The time limit for the reply expired only after the server had answered enough pings, so the server had the time to
  // reply. A silent server is an exception: the time limit then expires without answers to pings.
  const hadTime = result.cause?.unanswered !== undefined && clock.longestMs(from, now()) < SILENT_MS / 2;
  return doubt !== undefined && hadTime ? { ...doubt, ifRepeated: 'counts' } : doubt;
}

/** The doubt about a failure, if pauses since `from` may have caused the failure. */
function pauseSince(from: number, { watch, clock, now, profile }: Circumstances): Doubt | undefined {
  const to = now();
  const toleratedMs = toleratedStallMs(profile);
  const stalledMs = watch.longestStallMs(from, to);
  const allowed = `and the limits of the server allow ${Math.round(toleratedMs)} ms`;
  if (stalledMs > toleratedMs) {
    const reason = `the suite got too little processor time: its event loop stalled for ${Math.round(stalledMs)} ms, ${allowed}`;
    return { reason, ifRepeated: 'proves nothing' };
  }
  const silentMs = clock.longestMs(from, to);
  const bound = (to - from) * BUSY_SHARE;
  const isBusy = watch.stalledMs(from, to) > bound;
  if (silentMs > toleratedMs) {
    const reason = `the server answered no WebSocket ping for ${Math.round(silentMs)} ms, ${allowed}`;
    return isBusy
      ? { reason: `the machine was too busy: ${reason}`, ifRepeated: 'proves nothing' }
      : { reason, ifRepeated: 'counts' };
  }
  // Several short pauses together can be as long as a limit of the server.
  return isBusy || clock.pausedMs(from, to) > bound
    ? { reason: 'the suite or the server was paused for more than a tenth of the time', ifRepeated: 'counts' }
    : undefined;
}

/** Whether too little processor time may be the cause of a result. */
export function isLate({ verdict, failures }: CheckResult): boolean {
  return verdict === 'INCONCLUSIVE' || verdict === 'UNTESTABLE' || failures.some(({ late }) => late === true);
}

/** The result of a check whose failure is still doubtful after its last run. */
export function doubtfulResult(result: CheckResult, { reason, ifRepeated }: Doubt): CheckResult {
  const { cause: _cause, ...rest } = result;
  if (ifRepeated === 'counts' || !isLate(result)) return result;
  return { ...rest, verdict: 'INCONCLUSIVE', reason, failures: [] };
}
