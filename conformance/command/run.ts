/** `conformance run`: tests a gateway. */
import { join } from 'node:path';
import { TRACE_CHECKS } from '../invariants/checks.ts';
import type { TargetConfig } from '../target/config.ts';
import { EXCHANGES } from '../exchanges/check.ts';
import type { Explanation } from '../report/failure.ts';
import { summarise } from '../report/summary.ts';
import type { Summary } from '../report/summary.ts';
import { checkLine, textReport } from '../report/text.ts';
import { chosenTapes, run } from '../runner/run.ts';
import type { Run } from '../runner/run.ts';
import { EXIT } from '../runner/verdict.ts';
import type { CheckResult } from '../runner/verdict.ts';
import { isChosen, suiteTapes } from '../tape/library.ts';
import type { Tape } from '../tape/tape.ts';
import { useContract } from './contract.ts';
import { knownFailingOf } from './known-failing.ts';
import { parseReports, writeReports } from './reports.ts';
import { targetOf } from './target.ts';
import { UsageError, print, printStatus, terminalWidth, writeOutput } from './terminal.ts';

/** Default directory for failing exchanges. */
export const COUNTEREXAMPLES = 'counterexamples';

export interface RunFlags {
  readonly url?: string;
  readonly httpUrl?: string;
  readonly config?: string;
  readonly stimulus?: string;
  readonly tapes?: string;
  /** Path of a contract that declares the user's own events. */
  readonly contract?: string;
  readonly only?: string;
  readonly level: 'must' | 'should';
  readonly knownFailing?: string;
  readonly seed: number;
  readonly exchanges: number;
  readonly counterexamples: string;
  readonly repeat: number;
  readonly jobs: number;
  readonly timeScale: number;
  readonly report: readonly string[];
  readonly junit?: string;
  readonly trace?: string;
  readonly json?: true;
  readonly verbose?: true;
  readonly keepGoing?: true;
}

/** Makes the command that runs one check again, from its id. */
function repeatCommand(flags: RunFlags, config: TargetConfig): (id: string) => string {
  const options = [
    flags.config === undefined ? `--url ${config.url}` : `--config ${flags.config}`,
    ...(flags.config !== undefined && flags.url !== undefined ? [`--url ${flags.url}`] : []),
    ...(flags.tapes === undefined ? [] : [`--tapes ${flags.tapes}`]),
    ...(flags.contract === undefined ? [] : [`--contract ${flags.contract}`]),
    ...(flags.stimulus === undefined ? [] : [`--stimulus '${flags.stimulus}'`]),
    ...(flags.exchanges === 40 ? [] : [`--exchanges ${flags.exchanges}`]),
    ...(flags.timeScale === 1 ? [] : [`--time-scale ${flags.timeScale}`]),
  ];
  // An invariant examines the whole trace, so repeating it means repeating the same selection of checks.
  const needsWholeTrace = (id: string): boolean => /^(?:frames|invariants|probe)\//.test(id) || id === '*';
  const only = (id: string): string => {
    const globs = needsWholeTrace(id) ? flags.only : id;
    return globs === undefined ? '' : ` --only '${globs}'`;
  };
  const seed = (id: string): string => (id === EXCHANGES.id ? ` --seed ${flags.seed}` : '');
  return (id) => `npx tidemark conformance run ${options.join(' ')}${seed(id)}${only(id)}`;
}

/** Exit codes from the best to the worst result. The worst of several runs counts, so that a flaky server does not pass. */
const SEVERITY: readonly number[] = [EXIT.ok, EXIT.inconclusive, EXIT.findings, EXIT.usage, EXIT.harness];

function worse(left: Run, right: Run): Run {
  return SEVERITY.indexOf(right.outcome.exit) >= SEVERITY.indexOf(left.outcome.exit) ? right : left;
}

/**
 * Prints each verdict with `--verbose`, otherwise a progress count, because a run takes about two heartbeat intervals of
 * the target, one minute by default.
 */
function onResultOf(flags: RunFlags, most: number): (check: CheckResult) => void {
  if (flags.verbose === true) return (check) => printStatus(checkLine(check));
  if (!process.stderr.isTTY) return () => undefined;
  let done = 0;
  return () => {
    done += 1;
    process.stderr.write(`\r${done} of ${most} checks `);
    if (done === most) process.stderr.write('\n');
  };
}

async function runOften(flags: RunFlags, tapes: readonly Tape[], config: TargetConfig): Promise<Run> {
  const ids = [...tapes.map(({ header }) => header.id), EXCHANGES.id, ...TRACE_CHECKS.map(({ id }) => id)];
  if (!ids.some((id) => isChosen(id, flags.only)))
    throw new UsageError(
      `--only ${flags.only ?? ''} matches none of ${ids.length} checks; \`tidemark conformance list\` shows all checks.`,
    );
  const knownFailing = knownFailingOf(flags.knownFailing, ids);
  let worst: Run | undefined;
  for (let round = 1; round <= flags.repeat; round += 1) {
    const result = await run({
      config,
      tapes,
      ...(flags.only === undefined ? {} : { only: flags.only }),
      level: flags.level,
      knownFailing,
      timeScale: flags.timeScale,
      jobs: flags.jobs,
      exchanges: flags.exchanges,
      seed: flags.seed + round - 1,
      ...(flags.keepGoing === true ? { keepGoing: true } : {}),
      library: flags.tapes === undefined ? 'suite' : 'own',
      onResult: onResultOf(flags, ids.length),
    });
    if (flags.repeat > 1) printStatus(`run ${round} of ${flags.repeat}: ${result.outcome.text}`);
    worst = worst === undefined ? result : worse(worst, result);
  }
  if (worst === undefined) throw new UsageError('--repeat must be 1 or more.');
  return worst;
}

function reportRun(flags: RunFlags, result: Run, config: TargetConfig): Summary {
  const summary = summarise(result, result);
  const explanation: Explanation = {
    trace: result.trace,
    repeat: repeatCommand(flags, config),
    width: terminalWidth(),
  };
  // Print first, so that the result is shown even if a file cannot be written.
  print(flags.json === true ? JSON.stringify(summary) : textReport(summary, explanation));
  const junit = flags.junit === undefined ? [] : [{ format: 'junit', file: flags.junit }];
  writeReports([...parseReports(flags.report), ...junit], summary, explanation);
  if (result.counterexample !== undefined) writeCounterexample(flags, result.counterexample);
  if (flags.trace !== undefined) writeOutput(flags.trace, result.trace.toNdjson());
  return summary;
}

/** Writes the tape, and a `.gitignore` for its directory, because the files there belong to one run. */
function writeCounterexample({ counterexamples, seed }: RunFlags, tape: string): void {
  const file = join(counterexamples, `counterexample-${seed}.ndjson`);
  writeOutput(file, tape);
  const ignore = join(counterexamples, '.gitignore');
  if (counterexamples === COUNTEREXAMPLES) writeOutput(ignore, '*\n');
  printStatus(`Wrote the smallest failing exchange to ${file}.`);
}

export async function runCommand(flags: RunFlags): Promise<number> {
  const config = targetOf(flags);
  // Report wrong usage before anything is sent.
  parseReports(flags.report);
  const own = flags.contract === undefined ? [] : await useContract(flags.contract);
  const tapes = [...suiteTapes(flags.tapes), ...own];
  const { length } = chosenTapes({ ...flags, tapes });
  printStatus(`running ${length} ${length === 1 ? 'tape' : 'tapes'} against ${config.url}`);
  const result = await runOften(flags, tapes, config);
  return reportRun(flags, result, config).outcome.exit;
}
