/** The commands of `tidemark conformance`. */
import { writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { ConfigError, readConfig, readConfigFile } from './config.ts';
import { UnreachableError } from './runner/context.ts';
import { NotAGatewayError } from './runner/probe.ts';
import { run } from './runner/run.ts';
import { EXIT } from './runner/verdict.ts';
import { TapeError } from './tape/fault.ts';
import { loadTapes } from './tape/library.ts';

interface RunFlags {
  readonly url?: string;
  readonly config?: string;
  readonly only?: string;
  readonly trace?: string;
}

async function runCommand(flags: RunFlags): Promise<void> {
  const config = readConfig(
    flags.config === undefined ? {} : readConfigFile(flags.config),
    flags.url === undefined ? {} : { url: flags.url },
  );
  const result = await run({
    config,
    tapes: loadTapes(),
    ...(flags.only === undefined ? {} : { only: flags.only }),
    level: 'should',
    knownFailing: new Set(),
    timeScale: 1,
    jobs: 4,
  });
  if (flags.trace !== undefined) writeFileSync(flags.trace, result.trace.toNdjson());
  for (const check of result.checks) {
    process.stdout.write(`${check.verdict.padEnd(12)} ${check.id} ${check.reason ?? ''}\n`);
    for (const failure of check.failures.slice(0, 3)) process.stdout.write(`    ${JSON.stringify(failure)}\n`);
  }
  for (const fault of result.harnessFaults) process.stdout.write(`harness: ${fault}\n`);
  process.stdout.write(`${result.outcome.text} (${result.durationMs} ms, ${result.trace.frames.length} frames)\n`);
  process.exitCode = result.outcome.exit;
}

function exitOf(error: unknown): number {
  if (error instanceof ConfigError || error instanceof TapeError) return EXIT.usage;
  if (error instanceof UnreachableError || error instanceof NotAGatewayError) return EXIT.inconclusive;
  return EXIT.harness;
}

async function guarded(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = exitOf(error);
  }
}

/** Adds the commands of the conformance suite to a program. */
export function registerConformance(program: Command): void {
  program
    .command('run')
    .description('judge a gateway')
    .option('--url <url>', 'where its WebSocket is')
    .option('--config <file>', 'what else there is to know of it')
    .option('--only <globs>', 'run only these checks')
    .option('--trace <file>', 'write the trace of the run')
    .action((flags: RunFlags) => guarded(() => runCommand(flags)));
}
