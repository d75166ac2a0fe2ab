/** A whole run against a client: first the tapes, each with its own process and server, then the checks of the trace. */
import { availableParallelism } from 'node:os';
import { HarnessError } from '../runner/context.ts';
import { judgeTrace } from '../runner/judge-trace.ts';
import { RUNS_ALONE } from '../runner/starvation.ts';
import { judgeRun } from '../runner/verdict.ts';
import type { CheckResult, Outcome } from '../runner/verdict.ts';
import { StallDetector } from '../runner/stall-detector.ts';
import { isChosen } from '../tape/library.ts';
import { TRACE_VERSION, Trace } from '../trace/trace.ts';
import { CLIENT_CHECKS } from './checks.ts';
import { loadClock } from './load.ts';
import { runClientTape } from './run-tape.ts';
import type { TapeRunContext } from './run-tape.ts';
import type { ClientTape } from './tape.ts';

export interface ClientRunOptions {
  /** The command that starts the program; the shell runs it. */
  readonly command: string;
  /** Variables that are added to the environment of the program. */
  readonly env?: Readonly<Record<string, string>>;
  readonly tapes: readonly ClientTape[];
  readonly only?: string;
  readonly knownFailing: ReadonlySet<string>;
  readonly timeScale: number;
  readonly jobs: number;
  /** Stops after the first tape that fails. */
  readonly stopAtFailure?: true;
  readonly onResult?: (result: CheckResult) => void;
}

export interface ClientRun {
  readonly checks: readonly CheckResult[];
  readonly harnessFaults: readonly string[];
  readonly outcome: Outcome;
  readonly trace: Trace;
  readonly durationMs: number;
}

/** Twice the number of processors, because tapes mostly wait. */
export const DEFAULT_JOBS = Math.max(2, availableParallelism() * 2);

/** Runs a tape while no other tape runs. Repeats it until there is enough processor time for a valid verdict. */
async function runAlone(tape: ClientTape, context: TapeRunContext): Promise<CheckResult> {
  for (let runs = 1; ; runs += 1) {
    const { result, isDoubtful } = await runClientTape(tape, context);
    if (!isDoubtful || runs === RUNS_ALONE) return result;
  }
}

/** Runs the tapes, up to `jobs` at the same time. */
async function runAll(
  { tapes, jobs, stopAtFailure, onResult }: ClientRunOptions,
  context: TapeRunContext,
): Promise<{ readonly checks: CheckResult[]; readonly faults: string[] }> {
  const checks: CheckResult[] = [];
  const faults: string[] = [];
  const doubtful: ClientTape[] = [];
  const report = (result: CheckResult): void => {
    checks.push(result);
    onResult?.(result);
  };
  const isOver = (): boolean => stopAtFailure === true && checks.some(({ verdict }) => verdict === 'FAIL');
  const waiting = [...tapes];
  const worker = async (): Promise<void> => {
    for (;;) {
      // A failure that may end the run must be certain before more tapes run.
      const pauses = isOver() || (stopAtFailure === true && doubtful.length > 0);
      const tape = pauses ? undefined : waiting.shift();
      if (tape === undefined) return;
      try {
        const { result, isDoubtful } = await runClientTape(tape, context);
        if (isDoubtful) doubtful.push(tape);
        else report(result);
      } catch (error) {
        if (!(error instanceof HarnessError)) throw error;
        faults.push(error.message);
      }
    }
  };
  while (waiting.length > 0 && !isOver()) {
    await Promise.all(Array.from({ length: jobs }, worker));
    for (const tape of doubtful.splice(0)) if (!isOver()) report(await runAlone(tape, context));
  }
  return { checks, faults };
}

/** @throws {DriverError} when the program does not start. */
export async function runAgainstClient(options: ClientRunOptions): Promise<ClientRun> {
  const began = performance.now();
  const now = (): number => performance.now() - began;
  const trace = new Trace({ trace: TRACE_VERSION, startedAt: new Date().toISOString(), target: options.command }, now);
  const watch = new StallDetector(now, () => undefined);
  const machineClock = loadClock(now);
  const { command, env = {}, timeScale, only } = options;
  const tapes = options.tapes.filter(({ header }) => isChosen(header.id, only));
  try {
    const { checks, faults } = await runAll(
      { ...options, tapes },
      {
        ...{ command, env, timeScale, trace, now, watch, machineClock },
        connects: { made: 0, missed: 0 },
      },
    );
    const traced = CLIENT_CHECKS.filter(({ id }) => isChosen(id, only));
    const idle = { verdict: 'N/A', reason: 'the run had nothing for this check to examine' } as const;
    const all = [...checks, ...judgeTrace(trace, traced, () => idle)]
      .map((check): CheckResult => (options.knownFailing.has(check.id) ? { ...check, known: true } : check))
      .toSorted((left, right) => left.id.localeCompare(right.id));
    return {
      checks: all,
      harnessFaults: faults,
      outcome: judgeRun(all, faults),
      trace,
      durationMs: Math.round(now()),
    };
  } finally {
    watch.close();
    machineClock.close();
  }
}
