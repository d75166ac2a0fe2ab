/** The commands of `tidemark conformance`. */
import { InvalidArgumentError, Option } from 'commander';
import type { Command } from 'commander';
import { explainCommand, listCommand, showCommand } from './catalogue.ts';
import type { ListFlags } from './catalogue.ts';
import { checkCommand } from './check.ts';
import type { CheckFlags } from './check.ts';
import { doctorCommand } from './doctor.ts';
import type { DoctorFlags } from './doctor.ts';
import { generaliseCommand } from './generalise.ts';
import type { GeneraliseFlags } from './generalise.ts';
import { fmtCommand } from './fmt.ts';
import type { FmtFlags } from './fmt.ts';
import { recordCommand } from './record.ts';
import type { RecordFlags } from './record.ts';
import { runCommand } from './run.ts';
import type { RunFlags } from './run.ts';
import { guarded } from './terminal.ts';

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new InvalidArgumentError('It is a number above 0.');
  return value;
}

function whole(text: string): number {
  const value = positive(text);
  if (!Number.isInteger(value)) throw new InvalidArgumentError('It is a whole number.');
  return value;
}

function natural(text: string): number {
  return text === '0' ? 0 : whole(text);
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

function registerRun(program: Command): void {
  program
    .command('run')
    .description('judge a gateway')
    .option('--url <url>', 'where its WebSocket is, for example ws://127.0.0.1:7400/ws')
    .option('--http-url <url>', 'where its HTTP operations are; by default at the same address')
    .option('--config <file>', 'what else there is to know of it: stimulus, credentials, control commands')
    .option('--stimulus <port>', 'how events are made: auto, inband, http, exec:COMMAND, fs:DIRECTORY or none')
    .option('--tapes <directory>', 'tapes of your own instead of those of the suite')
    .option(
      '--contract <path>',
      'also check the events that this contract declares: an own-events document, or the directory that `tidemark contract build` wrote',
    )
    .option('--only <globs>', 'run only these checks, for example "subscribe/*,invariants/*"')
    .addOption(
      new Option('--level <level>', 'leave out what is only advised, or not')
        .choices(['must', 'should'])
        .default('should'),
    )
    .option(
      '--known-failing <file>',
      'checks that are expected to fail, one id per line; they still run, and must fail',
    )
    .option('--seed <n>', 'makes the same exchanges again', whole, Math.floor(Math.random() * 2 ** 31) + 1)
    .option('--exchanges <n>', 'exchanges to make up; 0 for none', natural, 40)
    .option('--counterexamples <directory>', 'where the smallest exchange that went wrong is written', '.')
    .option('--repeat <n>', 'run so many times; the worst run counts', whole, 1)
    .option('--jobs <n>', 'tapes at a time', whole, 4)
    .option('--time-scale <x>', 'multiply every time limit', positive, 1)
    .option('--report <format=file>', 'write a report: text, json, junit, tap, md or html', collect, [])
    .option('--junit <file>', 'short for --report junit=FILE')
    .option('--trace <file>', 'write everything that was sent and received')
    .option('--json', 'print the report as JSON')
    .option('--verbose', 'say each verdict as it falls')
    .action((flags: RunFlags) => guarded(() => runCommand(flags)));
}

function registerReading(program: Command): void {
  program
    .command('check')
    .description('judge a trace that was taken elsewhere, offline')
    .argument('<trace>', 'NDJSON, as --trace writes it')
    .option('--only <globs>', 'only these checks')
    .option('--report <format=file>', 'write a report: text, json, junit, tap, md or html', collect, [])
    .option('--json', 'print the report as JSON')
    .action((file: string, flags: CheckFlags) => guarded(() => checkCommand(file, flags)));
  program
    .command('list')
    .description('list the checks; with --clauses, what judges each clause (3 when a clause has none)')
    .option('--only <globs>', 'only these checks')
    .option('--tapes <directory>', 'tapes of your own')
    .option('--clauses', 'by clause')
    .option('--json', 'as JSON')
    .action((flags: ListFlags) => guarded(() => listCommand(flags)));
  program
    .command('explain')
    .description('explain a clause or a check')
    .argument('<id>', 'for example RPL-2 or subscribe/resume')
    .option('--tapes <directory>', 'tapes of your own')
    .action((id: string, flags: { readonly tapes?: string }) => guarded(() => explainCommand(id, flags)));
}

function registerTapes(program: Command): void {
  program
    .command('show')
    .description('show a tape as lanes')
    .argument('<tape>', 'its id, or a file')
    .option('--tapes <directory>', 'tapes of your own')
    .action((name: string, flags: { readonly tapes?: string }) => guarded(() => showCommand(name, flags)));
  program
    .command('fmt')
    .description('write tapes in the one way; names those that were not')
    .argument('[files...]', 'files or directories; the tapes of the suite by default')
    .option('--check', 'only look (3 when one is not)')
    .action((names: readonly string[], flags: FmtFlags) => guarded(() => fmtCommand(names, flags)));
}

function registerRecording(program: Command): void {
  program
    .command('record')
    .description('stand between clients and a gateway, and write down what they say')
    .option('--listen <port>', 'where clients connect to: :PORT or HOST:PORT', ':9000')
    .requiredOption('--target <url>', 'where the WebSocket of the gateway is, for example ws://127.0.0.1:7400/ws')
    .option('--http-url <url>', 'where its HTTP operations are; by default at the same address')
    .option('--out <file>', 'the capture; a file that is not there yet', 'capture.ndjson')
    .action((flags: RecordFlags) => guarded(() => recordCommand(flags)));
  program
    .command('generalise')
    .description('make a tape of a capture')
    .argument('<capture>', 'as `record` writes it')
    .requiredOption('--id <id>', 'the id of the tape, for example recorded/ide-session')
    .requiredOption('--clauses <ids>', 'the clauses that it judges, for example "RPL-4,STR-2"')
    .requiredOption('--why <sentence>', 'what holds')
    .option('--out <file>', 'where to write it; printed by default')
    .action((file: string, flags: GeneraliseFlags) => guarded(() => generaliseCommand(file, flags)));
}

/** Adds the commands of the conformance suite to a program. */
export function registerConformance(program: Command): void {
  registerRun(program);
  registerReading(program);
  registerTapes(program);
  registerRecording(program);
  program
    .command('doctor')
    .description('look at a target: what could be judged there, and what is missing')
    .option('--url <url>', 'where its WebSocket is')
    .option('--config <file>', 'what else there is to know of it')
    .option('--stimulus <port>', 'how events are made')
    .action((flags: DoctorFlags) => guarded(() => doctorCommand(flags)));
}
