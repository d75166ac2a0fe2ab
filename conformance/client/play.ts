/** Runs one client tape and returns its verdict. */
import { StepFailed } from '../runner/scene.ts';
import type { CheckResult } from '../runner/verdict.ts';
import type { SelfWatch } from '../runner/watch.ts';
import { UnboundError, expand } from '../tape/bindings.ts';
import type { Json } from '../trace/json.ts';
import { Stage } from './stage.ts';
import type { StageOptions } from './stage.ts';
import { judgeUntold, performClientStep } from './steps.ts';
import type { ClientTape } from './script.ts';

/** A tape's need for an optional feature of the program, such as `client:buffer`. */
const FEATURE = /^client:(.+)$/;

/** If a tape failed and the suite itself stalled for more than this share of the time, the verdict is INCONCLUSIVE. */
const MOST_STALLED = 0.3;
/** If a tape failed and the machine was busy for more than this share of the time, the failure counts only if it repeats. */
const MOST_BUSY = 0.1;

export type PlayContext = Omit<StageOptions, 'check'> & { readonly watch: SelfWatch };

/** The result of one run of a tape. */
export interface Played {
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

async function perform(tape: ClientTape, stage: Stage): Promise<Judged> {
  const missing = tape.header.needs
    .map((need) => FEATURE.exec(need)?.[1] ?? '')
    .find((feature) => !stage.supports.includes(feature));
  if (missing !== undefined)
    return { verdict: 'N/A', reason: `the program does not offer "${missing}"`, failures: [], fired: 0 };
  for (const step of tape.steps) await performClientStep(step, stage);
  await stage.close();
  judgeUntold(tape.steps, stage);
  return { verdict: 'PASS', failures: [], fired: stage.judged };
}

/**
 * @throws {HarnessError} when the suite itself did something wrong; {DriverError} when the program does not start.
 */
export async function playClientTape(source: ClientTape, context: PlayContext): Promise<Played> {
  const { watch, ...rest } = context;
  // The cast is safe: a tape is JSON, except for optional members, which remain undefined.
  const tape = expand(source as unknown as Json, { nonce: 'n', origin: '' }) as unknown as ClientTape;
  const { id, clauses, level, why } = tape.header;
  const began = context.now();
  const stage = await Stage.open({ ...rest, check: id });
  let judged: Judged;
  try {
    judged = await perform(tape, stage);
  } catch (error) {
    judged = judgeError(error, tape, stage.judged);
  } finally {
    await stage.close();
  }
  const durationMs = Math.round(context.now() - began);
  const stalledMs = watch.stalledMs(began, began + durationMs);
  const isWorthless = judged.verdict === 'FAIL' && stalledMs > durationMs * MOST_STALLED;
  const verdict = isWorthless ? 'INCONCLUSIVE' : judged.verdict;
  const reason = isWorthless ? { reason: `the suite itself stalled for ${Math.round(stalledMs)} ms` } : {};
  const failed = verdict !== 'PASS' && verdict !== 'N/A';
  const busyMs = context.pulse.pausedMs(began, began + durationMs);
  return {
    result: { id, kind: 'tape', clauses, level, why, durationMs, ...judged, ...reason, verdict },
    isDoubtful: failed && (isWorthless || busyMs > durationMs * MOST_BUSY),
  };
}
