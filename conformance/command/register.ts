/** The commands of `tidemark conformance`. */
import { Option } from 'commander';
import type { Command } from 'commander';
import { explainCommand, listCommand, showCommand } from './catalogue.ts';
import type { ListFlags, TapeFlags } from './catalogue.ts';
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
import { COUNTEREXAMPLES, DEFAULTS, runCommand } from './run.ts';
import type { RunFlags } from './run.ts';
import { natural, positive, whole } from './option-values.ts';
import { configOption, contractOption, knownFailingOption, reportOption, stimulusOption } from './shared-options.ts';
import { guarded } from './terminal.ts';

function registerRun(program: Command): void {
  program
    .command('run')
    .description('test a gateway')
    .option('--url <url>', 'WebSocket address of the gateway, for example ws://127.0.0.1:7400/ws')
    .option('--http-url <url>', 'address of the HTTP operations of the gateway; by default the host of --url')
    .addOption(configOption())
    .addOption(stimulusOption())
    .option('--tapes <directory>', 'run your own tapes instead of those of the suite')
    .addOption(contractOption())
    .option('--only <globs>', 'run only these checks, for example "subscribe/*,invariants/*"')
    .addOption(
      new Option('--level <level>', 'must: skip the tapes of level "should"; should: run all tapes')
        .choices(['must', 'should'])
        .default(DEFAULTS.level),
    )
    .addOption(knownFailingOption())
    .option(
      '--seed <n>',
      'seed of the generated exchanges; the same seed generates the same exchanges',
      whole,
      Math.floor(Math.random() * 2 ** 31) + 1,
    )
    .option(
      '--exchanges <n>',
      'how many exchanges (random sequences of commands) to generate; 0 for none',
      natural,
      DEFAULTS.exchanges,
    )
    .option('--counterexamples <directory>', 'where to write the smallest failing exchange', COUNTEREXAMPLES)
    .option('--repeat <n>', 'how many times to run; the worst run decides the exit code', whole, 1)
    .option('--jobs <n>', 'how many tapes to run at once', whole, DEFAULTS.jobs)
    .option('--time-scale <x>', 'multiply every time limit by this factor', positive, DEFAULTS.timeScale)
    .addOption(reportOption())
    .option('--junit <file>', 'same as --report junit=FILE')
    .option('--trace <file>', 'write every frame that was sent and received to this file, as NDJSON')
    .option('--json', 'print the report as JSON')
    .option('--keep-going', 'also run the checks that depend on a command that the server has never answered')
    .option('--verbose', 'print each verdict as soon as it is known')
    .action((flags: RunFlags) => guarded(() => runCommand(flags)));
}

function registerReading(program: Command): void {
  program
    .command('check')
    .description('check a recorded trace offline')
    .argument('<trace>', 'NDJSON file that `run --trace` or `record` wrote')
    .addOption(contractOption())
    .option('--only <globs>', 'run only these checks')
    .addOption(reportOption())
    .option('--json', 'print the report as JSON')
    .action((file: string, flags: CheckFlags) => guarded(() => checkCommand(file, flags)));
  program
    .command('list')
    .description('list the checks; with --clauses, list the checks of each clause (exit 3 when a clause has none)')
    .option('--only <globs>', 'list only these checks')
    .option('--tapes <directory>', 'list your own tapes instead of those of the suite')
    .option('--client', 'list the checks of `conformance client`')
    .option('--clauses', 'list the checks of each clause')
    .option('--json', 'print the list as JSON')
    .action((flags: ListFlags) => guarded(() => listCommand(flags)));
  program
    .command('explain')
    .description('explain a clause, a check, an HTTP operation, or a message with its examples')
    .argument('<id>', 'for example RPL-2, subscribe/resume or welcome')
    .option('--tapes <directory>', 'use your own tapes instead of those of the suite')
    .option('--client', 'explain only checks of `conformance client`')
    .action((id: string, flags: TapeFlags) => guarded(() => explainCommand(id, flags)));
}

function registerTapes(program: Command): void {
  program
    .command('show')
    .description('show a tape as a diagram with one lane per participant')
    .argument('<tape>', 'id or file of the tape')
    .option('--tapes <directory>', 'use your own tapes instead of those of the suite')
    .option('--client', 'show a tape of `conformance client`')
    .action((name: string, flags: TapeFlags) => guarded(() => showCommand(name, flags)));
  program
    .command('fmt')
    .description('format tapes; list the files that changed')
    .argument('[files...]', 'files or directories; by default the tapes of the suite')
    .option('--check', 'change nothing; exit 3 when a file is not formatted')
    .action((names: readonly string[], flags: FmtFlags) => guarded(() => fmtCommand(names, flags)));
}

function registerRecording(program: Command): void {
  program
    .command('record')
    .description('run a proxy between clients and a gateway, and record the traffic')
    .option('--listen <port>', 'address for clients to connect to: :PORT or HOST:PORT', ':9000')
    .requiredOption('--target <url>', 'WebSocket address of the gateway, for example ws://127.0.0.1:7400/ws')
    .option('--http-url <url>', 'address of the HTTP operations of the gateway; by default the host of --target')
    .option('--out <file>', 'file to write; it must not exist', 'capture.ndjson')
    .action((flags: RecordFlags) => guarded(() => recordCommand(flags)));
  program
    .command('generalise')
    .description('make a tape from recorded traffic')
    .argument('<capture>', 'file that `record` wrote')
    .requiredOption('--id <id>', 'id of the tape, for example recorded/ide-session')
    .requiredOption('--clauses <ids>', 'clauses that the tape tests, for example "RPL-4,STR-2"')
    .requiredOption('--why <sentence>', 'what the server must do, in one sentence')
    .option('--out <file>', 'file to write; by default the tape is printed')
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
    .description('report which checks could run against a gateway, and what the others need')
    .option('--url <url>', 'WebSocket address of the gateway')
    .addOption(configOption())
    .addOption(stimulusOption())
    .action((flags: DoctorFlags) => guarded(() => doctorCommand(flags)));
}
