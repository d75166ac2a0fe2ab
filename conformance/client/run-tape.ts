/** Runs one client tape and returns its verdict. */
import { PATIENCE_MS } from '../runner/context.ts';
import { StepFailed } from '../runner/tape-state.ts';
import type { CheckResult } from '../runner/verdict.ts';
import type { StallDetector } from '../runner/stall-detector.ts';
import { UnboundError, expand } from '../tape/bindings.ts';
import type { Json } from '../trace/json.ts';
import { ClientTapeState } from './tape-state.ts';
import type { ClientTapeStateOptions } from './tape-state.ts';
import { judgeNotReported, performClientStep } from './steps.ts';
import type { ClientTape } from './tape.ts';

/** A tape's need for an optional feature of the program, such as `client:buffer`. */
const FEATURE = /^client:(.+)$/;

/**
 * The longest stall of the suite, in milliseconds, that causes no failure. After a longer stall, a failure that the stall
 * may have caused is INCONCLUSIVE. The value is half of the shortest time limit of a client in a tape: an `openTimeoutMs` of
 * 500.
 */
const MOST_STALLED_MS = 250;
/**
 * If the machine was busy for more than this share of the time, and the client did something too late, the tape runs again
 * alone.
 */
const MOST_BUSY = 0.1;

export type TapeRunContext = Omit<ClientTapeStateOptions, 'check'> & { readonly watch: StallDetector };

/** The result of one run of a tape. */
export interface TapeRun {
  readonly result: CheckResult;
  /** Whether a busy machine may have caused the result, so that the tape must run again alone. */
  readonly isDoubtful: boolean;
}

type Judged = Pick<CheckResult, 'verdict' | 'failures' | 'fired'> & { readonly reason?: string };

function judgeError(error: unknown, { header }: ClientTape, fired: number): Judged {
  const verdict = header.level === 'must' ? 'FAIL' : 'WARN';
  if (error instanceof StepFailed) return { verdict, failures: [error.failure], fired };
  if (error instanceof UnboundError)
    return { verdict, failures: [{ text: `the client did not send a value: ${error.message}`, frames: [] }], fired };
  throw error;
}

async function perform(tape: ClientTape, state: ClientTapeState): Promise<Judged> {
  const missing = tape.header.needs
    .map((need) => FEATURE.exec(need)?.[1] ?? '')
    .find((feature) => !state.supports.includes(feature));
  if (missing !== undefined)
    return { verdict: 'N/A', reason: `the program does not offer "${missing}"`, failures: [], fired: 0 };
  for (const step of tape.steps) await performClientStep(step, state);
  if (tape.steps.some(({ verb }) => verb === 'notReported')) await state.settle(PATIENCE_MS * state.options.timeScale);
  await state.close();
  judgeNotReported(tape.steps, state);
  return { verdict: 'PASS', failures: [], fired: state.judged };
}

/**
 * @throws {HarnessError} when the suite itself did something wrong; {DriverError} when the program does not start.
 */
export async function runClientTape(source: ClientTape, context: TapeRunContext): Promise<TapeRun> {
  const { watch, ...rest } = context;
  // The cast is safe: a tape is JSON, except for optional members, which remain undefined.
  const tape = expand(source as unknown as Json, { nonce: 'n', origin: '' }) as unknown as ClientTape;
  const { id, clauses, level, why } = tape.header;
  const began = context.now();
  const state = await ClientTapeState.open({ ...rest, check: id });
  const ready = context.now();
  let judged: Judged;
  let isStallable = false;
  try {
    judged = await perform(tape, state);
  } catch (error) {
    judged = judgeError(error, tape, state.judged);
    // A stall of the suite may have caused a late result if the client gave up a connection, or if the program has no
    // `echo`. With `echo`, a time limit of the suite also waits for answers of the program. So a stall does not make that
    // limit too short.
    isStallable = isLate(judged) && (state.hasGivenUp || state.programTime.provenAt === undefined);
  } finally {
    await state.close();
  }
  const ended = context.now();
  const reason = reasonForDoubt(judged, state, isStallable ? watch.longestStallMs(ready, ended) : 0);
  const busyMs = Math.max(state.programTime.pausedMs(ready, ended), watch.stalledMs(ready, ended));
  const isBusy = busyMs > (ended - ready) * MOST_BUSY;
  const doubt = reason === undefined ? {} : ({ verdict: 'INCONCLUSIVE', reason } as const);
  return {
    result: { id, kind: 'tape', clauses, level, why, durationMs: Math.round(ended - began), ...judged, ...doubt },
    isDoubtful: reason !== undefined || (isBusy && isLate(judged)),
  };
}

function isLate({ failures }: Judged): boolean {
  return failures.some(({ late }) => late === true);
}

/**
 * Why the verdict proves nothing; undefined if it is reliable.
 * @param stalledMs how long the suite stalled, if a stall may have caused the failure
 */
function reasonForDoubt(judged: Judged, { doubts }: ClientTapeState, stalledMs: number): string | undefined {
  if (judged.verdict === 'PASS') return doubts[0];
  return judged.verdict === 'FAIL' && stalledMs > MOST_STALLED_MS
    ? `the suite itself stalled for ${Math.round(stalledMs)} ms`
    : undefined;
}
