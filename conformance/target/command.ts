/** Runs commands of the configuration until they exit, and kills those that do not exit in time. */
import { spawn } from 'node:child_process';

/**
 * How long a command may run, in milliseconds. The limit is long, because draining, restarting a container or logging in
 * over a network takes seconds.
 */
export const COMMAND_TIMEOUT_MS = 60_000;

/** Thrown if a command could not be started, failed or did not exit. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}

/** Kills the command and the processes that it started. */
function killGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // The process has exited in the meantime.
  }
}

export interface CommandOptions {
  readonly timeoutMs?: number;
}

type Command = readonly [string, ...string[]];

/**
 * Runs a command until it exits. Ignores its output, and the output of processes that it leaves running.
 * @throws {CommandError} when the command cannot be started, fails, or does not exit in time. A command that does not exit
 * in time is killed together with the processes that it started.
 */
export async function runCommand(command: Command, options: CommandOptions = {}): Promise<void> {
  await run(command, 'ignore', options);
}

/**
 * Runs a command until it exits, and returns its standard output.
 * @throws {CommandError} in the same cases as {@link runCommand}
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
      // Close our end of the pipe, because a grandchild in another process group may keep the other end open.
      child.stdout?.destroy();
      reject(new CommandError(`it did not exit within ${timeoutMs / 1000} s`));
    }, timeoutMs);
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(new CommandError(error.message, { cause: error }));
    });
    // To read a secret, wait until the output ends. A control command is finished when it exits, even if processes that
    // it started still run.
    child.on(stdout === 'pipe' ? 'close' : 'exit', (code: number | null, signal: NodeJS.Signals | null) => {
      clearTimeout(timer);
      if (code === 0) resolve(output);
      else reject(new CommandError(`it exited with ${code ?? signal ?? 'a signal'}`));
    });
  });
}
