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
import { commandLine, option } from './command-line.ts';
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

/** The values of options that were not given. */
export const DEFAULTS = { level: 'should', exchanges: 40, jobs: 4, timeScale: 1 } as const;

/** Makes the command that runs one check again, from its id. It has every option that can change a result. */
function repeatCommand(flags: RunFlags, { config: { url }, seed }: Run): (id: string) => string {
  const options = [
    option('url', flags.config === undefined ? url : flags.url),
    option('http-url', flags.httpUrl),
    option('config', flags.config),
    option('stimulus', flags.stimulus),
    option('tapes', flags.tapes),
    option('contract', flags.contract),
    option('level', flags.level, DEFAULTS.level),
    option('known-failing', flags.knownFailing),
    option('exchanges', flags.exchanges, DEFAULTS.exchanges),
    option('jobs', flags.jobs, DEFAULTS.jobs),
    option('time-scale', flags.timeScale, DEFAULTS.timeScale),
    flags.keepGoing === true ? '--keep-going' : undefined,
  ];
  // An invariant examines the whole trace, so repeating it means repeating the same selection of checks.
  const needsWholeTrace = (id: string): boolean => /^(?:frames|invariants|probe)\//.test(id) || id === '*';
  return (id) => {
    const only = needsWholeTrace(id) ? flags.only : id;
    const generates = flags.exchanges > 0 && isChosen(EXCHANGES.id, only);
    return commandLine('run', ...options, generates ? option('seed', seed) : undefined, option('only', only));
  };
}

/** Exit codes from the best to the worst result. The worst of several runs counts, so that a flaky server does not pass. */
const SEVERITY: readonly number[] = [EXIT.ok, EXIT.inconclusive, EXIT.findings, EXIT.usage, EXIT.harness];

/** The first of two runs with equal results, so that one report is about one run. */
function worse(left: Run, right: Run): Run {
  return SEVERITY.indexOf(right.outcome.exit) > SEVERITY.indexOf(left.outcome.exit) ? right : left;
}

/**
 * With `--verbose`, prints each verdict. Otherwise shows a progress count on a terminal, because a run takes about two
 * heartbeat intervals of the target, one minute by default.
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

function reportRun(flags: RunFlags, result: Run): Summary {
  const summary = summarise(result, result);
  const explanation: Explanation = {
    trace: result.trace,
    repeat: repeatCommand(flags, result),
    width: terminalWidth(),
  };
  // Print first, so that the result is shown even if a file cannot be written.
  print(flags.json === true ? JSON.stringify(summary) : textReport(summary, explanation));
  const junit = flags.junit === undefined ? [] : [{ format: 'junit', file: flags.junit }];
  writeReports([...parseReports(flags.report), ...junit], summary, explanation);
  writeCounterexample(flags, result);
  if (flags.trace !== undefined) writeOutput(flags.trace, result.trace.toNdjson());
  return summary;
}

/** Writes the tape, and a `.gitignore` for its directory, because the files there belong to one run. */
function writeCounterexample({ counterexamples }: RunFlags, { counterexample, seed }: Run): void {
  if (counterexample === undefined) return;
  const file = join(counterexamples, `counterexample-${seed}.ndjson`);
  writeOutput(file, counterexample);
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
  return reportRun(flags, result).outcome.exit;
}
