/** `conformance client`: acts as the server for a client, and checks what the client sends. */
import type { Command } from 'commander';
import { CLIENT_CHECKS } from '../client/checks.ts';
import { loadClientTapes } from '../client/library.ts';
import { DEFAULT_JOBS, runAgainstClient } from '../client/run.ts';
import type { ClientRun } from '../client/run.ts';
import type { ClientTape } from '../client/tape.ts';
import type { Explanation } from '../report/failure.ts';
import { summarise } from '../report/summary.ts';
import { checkLine, textReport } from '../report/text.ts';
import { EXIT } from '../runner/verdict.ts';
import { isChosen } from '../tape/library.ts';
import { commandLine, option } from './command-line.ts';
import { knownFailingOf } from './known-failing.ts';
import { parseReports, writeReports } from './reports.ts';
import { positive, whole } from './option-values.ts';
import { knownFailingOption, reportOption } from './shared-options.ts';
import { UsageError, guarded, print, printStatus, terminalWidth, writeOutput } from './terminal.ts';

interface ClientFlags {
  readonly command: string;
  readonly tapes?: string;
  readonly only?: string;
  readonly knownFailing?: string;
  readonly repeat: number;
  readonly jobs: number;
  readonly timeScale: number;
  readonly report: readonly string[];
  readonly junit?: string;
  readonly trace?: string;
  readonly list?: true;
  readonly json?: true;
  readonly verbose?: true;
}

const DEFAULT_TIME_SCALE = 1;

export function registerClient(program: Command): void {
  program
    .command('client')
    .description('test a client: the suite acts as the server, and COMMAND drives the client')
    .requiredOption(
      '--command <command>',
      'shell command that starts the program which drives the client, for example "node driver.js"',
    )
    .option('--tapes <directory>', 'run your own client tapes instead of those of the suite')
    .option('--only <globs>', 'run only these checks, for example "resume/*,frames/*"')
    .addOption(knownFailingOption())
    .option('--repeat <n>', 'how many times to run; the worst run decides the exit code', whole, 1)
    .option('--jobs <n>', 'how many tapes to run at once', whole, DEFAULT_JOBS)
    .option('--time-scale <x>', 'multiply every time limit by this factor', positive, DEFAULT_TIME_SCALE)
    .addOption(reportOption())
    .option('--junit <file>', 'same as --report junit=FILE')
    .option('--trace <file>', 'write every frame, and every notice of COMMAND, to this file as NDJSON')
    .option('--list', 'list the checks without running them')
    .option('--json', 'print the report as JSON')
    .option('--verbose', 'print each verdict as soon as it is known')
    .action((flags: ClientFlags) => guarded(() => clientCommand(flags)));
}

interface Listed {
  readonly id: string;
  readonly clauses: readonly string[];
  readonly why: string;
}

function checksOf(tapes: readonly ClientTape[]): readonly Listed[] {
  return [...tapes.map(({ header }) => header), ...CLIENT_CHECKS].map(({ id, clauses, why }) => ({ id, clauses, why }));
}

function list(checks: readonly Listed[], flags: ClientFlags): number {
  if (flags.json === true) print(JSON.stringify(checks));
  else for (const { id, clauses, why } of checks) print(`${id.padEnd(36)} ${clauses.join(' ')}\n    ${why}`);
  return EXIT.ok;
}

/** Makes the command that runs one check again, from its id. It has every option that can change a result. */
function repeatCommand(flags: ClientFlags): (id: string) => string {
  const options = [
    option('command', flags.command),
    option('tapes', flags.tapes),
    option('known-failing', flags.knownFailing),
    option('jobs', flags.jobs, DEFAULT_JOBS),
    option('time-scale', flags.timeScale, DEFAULT_TIME_SCALE),
  ];
  // A check of the whole trace needs the frames of all tapes. To repeat such a check, the command runs the same tapes again.
  const needsWholeTrace = (id: string): boolean => CLIENT_CHECKS.some((check) => check.id === id) || id === '*';
  return (id) => commandLine('client', ...options, option('only', needsWholeTrace(id) ? flags.only : id));
}

/** Exit codes from the best to the worst result. The worst of several runs counts, so that a flaky client does not pass. */
const SEVERITY: readonly number[] = [EXIT.ok, EXIT.inconclusive, EXIT.findings, EXIT.usage, EXIT.harness];

async function runOften(
  flags: ClientFlags,
  tapes: readonly ClientTape[],
  known: ReadonlySet<string>,
): Promise<ClientRun> {
  let worst: ClientRun | undefined;
  for (let round = 1; round <= flags.repeat; round += 1) {
    const result = await runAgainstClient({
      command: flags.command,
      tapes,
      ...(flags.only === undefined ? {} : { only: flags.only }),
      knownFailing: known,
      timeScale: flags.timeScale,
      jobs: flags.jobs,
      ...(flags.verbose === true ? { onResult: (check) => printStatus(checkLine(check)) } : {}),
    });
    if (flags.repeat > 1) printStatus(`run ${round} of ${flags.repeat}: ${result.outcome.text}`);
    if (worst === undefined || SEVERITY.indexOf(result.outcome.exit) > SEVERITY.indexOf(worst.outcome.exit))
      worst = result;
  }
  if (worst === undefined) throw new UsageError('--repeat must be 1 or more.');
  return worst;
}

async function clientCommand(flags: ClientFlags): Promise<number> {
  // Report wrong usage before a client is started.
  parseReports(flags.report);
  const tapes = loadClientTapes(flags.tapes);
  const all = checksOf(tapes);
  const checks = all.filter(({ id }) => isChosen(id, flags.only));
  if (checks.length === 0)
    throw new UsageError(`--only ${flags.only ?? ''} matches no check; --list shows all checks.`);
  if (flags.list === true) return list(checks, flags);
  const known = knownFailingOf(
    flags.knownFailing,
    all.map(({ id }) => id),
  );
  printStatus(`running ${checks.length} ${checks.length === 1 ? 'check' : 'checks'} against ${flags.command}`);
  const result = await runOften(flags, tapes, known);
  const summary = summarise(result);
  const explanation: Explanation = { trace: result.trace, repeat: repeatCommand(flags), width: terminalWidth() };
  print(flags.json === true ? JSON.stringify(summary) : textReport(summary, explanation));
  const junit = flags.junit === undefined ? [] : [{ format: 'junit', file: flags.junit }];
  writeReports([...parseReports(flags.report), ...junit], summary, explanation);
  if (flags.trace !== undefined) writeOutput(flags.trace, result.trace.toNdjson());
  return result.outcome.exit;
}
