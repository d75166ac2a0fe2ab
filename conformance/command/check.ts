/** `conformance check`: checks a recorded trace offline. */
import type { Explanation } from '../report/failure.ts';
import { summarise } from '../report/summary.ts';
import { textReport } from '../report/text.ts';
import { TRACE_CHECKS } from '../invariants/checks.ts';
import { judgeTrace } from '../runner/judge-trace.ts';
import { judgeRun } from '../runner/verdict.ts';
import { isChosen } from '../tape/library.ts';
import { readTrace } from '../trace/trace.ts';
import { commandLine, option, quoted } from './command-line.ts';
import { useContract } from './contract.ts';
import { parseReports, writeReports } from './reports.ts';
import { UsageError, print, readInput, terminalWidth } from './terminal.ts';

export interface CheckFlags {
  /** Path of a contract that declares the user's own events. */
  readonly contract?: string;
  readonly only?: string;
  readonly report: readonly string[];
  readonly json?: true;
}

export async function checkCommand(file: string, flags: CheckFlags): Promise<number> {
  const requests = parseReports(flags.report);
  if (flags.contract !== undefined) await useContract(flags.contract);
  const began = performance.now();
  const trace = readTrace(readInput(file), file);
  const chosen = TRACE_CHECKS.filter(({ id }) => isChosen(id, flags.only));
  if (chosen.length === 0)
    throw new UsageError(
      `--only ${flags.only ?? ''} matches no check of a trace; \`tidemark conformance list --only 'frames/*,invariants/*'\` shows them.`,
    );
  // A recorded trace need not contain everything that a check examines, so a check without input is N/A, not VACUOUS.
  const checks = judgeTrace(trace, chosen, () => ({
    verdict: 'N/A',
    reason: 'the trace contains nothing that this check examines',
  }));
  const durationMs = Math.round(performance.now() - began);
  const outcome = judgeRun(checks, []);
  const summary = summarise({ trace, checks, outcome, harnessFaults: [], durationMs });
  const explanation: Explanation = {
    trace,
    repeat: (id) => commandLine('check', quoted(file), option('contract', flags.contract), option('only', id)),
    width: terminalWidth(),
  };
  writeReports(requests, summary, explanation);
  print(flags.json === true ? JSON.stringify(summary) : textReport(summary, explanation));
  return outcome.exit;
}
