/** Commands of the configuration: run to their end, and ended when they do not come to one by themselves. */
import { spawn } from 'node:child_process';

/** For a command to end. A drain, a restart of a container or a login over a network take seconds. */
export const COMMAND_TIMEOUT_MS = 60_000;

/** A command that could not be run, failed or did not end. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}

/** Ends the command and what it started. */
function killGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}

export interface CommandOptions {
  readonly timeoutMs?: number;
}

type Command = readonly [string, ...string[]];

/**
 * Runs a command to its end; what it writes is dropped, also by a process that it leaves behind.
 * @throws {CommandError} when it cannot be started, fails, or has not ended in time; then it is killed with what it started
 */
export async function runCommand(command: Command, options: CommandOptions = {}): Promise<void> {
  await run(command, 'ignore', options);
}

/**
 * What a command wrote to its standard output until its end.
 * @throws {CommandError} as {@link runCommand}
 */
export function outputOfCommand(command: Command, options: CommandOptions = {}): Promise<string> {
  return run(command, 'pipe', options);
}

function run(
  [program, ...rest]: Command,
  stdout: 'pipe' | 'ignore',
  { timeoutMs = COMMAND_TIMEOUT_MS }: CommandOptions,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, rest, { stdio: ['ignore', stdout, 'ignore'], detached: true });
    let output = '';
    child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString('utf8')));
    const timer = setTimeout(() => {
      killGroup(child.pid);
      // A grandchild in a group of its own may keep the pipe open for ever.
      child.stdout?.destroy();
      reject(new CommandError(`it did not end within ${timeoutMs / 1000} s`));
    }, timeoutMs);
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(new CommandError(error.message, { cause: error }));
    });
    // A secret is whole at the end of the output; a control command is over at its own end, whatever it leaves behind.
    child.on(stdout === 'pipe' ? 'close' : 'exit', (code: number | null, signal: NodeJS.Signals | null) => {
      clearTimeout(timer);
      if (code === 0) resolve(output);
      else reject(new CommandError(`it ended with ${code ?? signal ?? 'a signal'}`));
    });
  });
}
