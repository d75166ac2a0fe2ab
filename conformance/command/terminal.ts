/** Output of the commands: results go to stdout, progress and errors to stderr. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { DriverError } from '../client/driver.ts';
import { ConfigError } from '../target/config.ts';
import { UnreachableError } from '../runner/context.ts';
import { GeneraliseError } from '../generalise/writer.ts';
import { NotAGatewayError, WelcomeError } from '../runner/probe.ts';
import { EXIT } from '../runner/verdict.ts';
import { TapeError } from '../tape/fault.ts';
import { TraceError } from '../trace/trace.ts';

/** Thrown for wrong usage of a command. The exit code is 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Reads a file that the user named. @throws {UsageError} when it cannot be read. */
export function readInput(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new UsageError(`${file} cannot be read.`, { cause });
  }
}

/** Writes a file that the user named, and creates its directory. @throws {UsageError} when it cannot be written. */
export function writeOutput(file: string, text: string): void {
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  } catch (cause) {
    const reason = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error';
    throw new UsageError(`${file} cannot be written (${reason}).`, { cause });
  }
}

export function print(text: string): void {
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
}

export function printStatus(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Width of the terminal, in characters; 160 without a terminal, so that lines in a log are not cut. */
export function terminalWidth(): number {
  return process.stdout.columns ?? 160;
}

const USAGE_ERRORS = [UsageError, ConfigError, TapeError, TraceError, GeneraliseError];

function exitOf(error: unknown): number {
  if (USAGE_ERRORS.some((each) => error instanceof each)) return EXIT.usage;
  if (error instanceof UnreachableError || error instanceof NotAGatewayError || error instanceof DriverError)
    return EXIT.inconclusive;
  return error instanceof WelcomeError ? EXIT.findings : EXIT.harness;
}

/** Runs a command and sets the exit code. A bug in the suite itself prints a stack trace, any other error one line. */
export async function guarded(work: () => Promise<number> | number): Promise<void> {
  try {
    process.exitCode = await work();
  } catch (error) {
    process.exitCode = exitOf(error);
    const isOurs = process.exitCode === EXIT.harness;
    const text = error instanceof Error ? ((isOurs ? error.stack : undefined) ?? error.message) : String(error);
    printStatus(`conformance: ${text}`);
  }
}
