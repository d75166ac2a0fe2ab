/** Runs commands of the configuration until they exit, and kills those that do not exit in time. */
import { spawn } from 'node:child_process';

/** Longest run of a command, in milliseconds. A drain, a restart of a container or a login over a network take seconds. */
export const COMMAND_TIMEOUT_MS = 60_000;

/** A command could not be started, failed or did not exit. */
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
 * Runs a command until it exits. Its output, and that of processes that it leaves running, is ignored.
 * @throws {CommandError} when it cannot be started, fails, or does not exit in time; then it is killed with the processes that it started
 */
export async function runCommand(command: Command, options: CommandOptions = {}): Promise<void> {
  await run(command, 'ignore', options);
}

/**
 * The standard output of a command.
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
      // A grandchild in another process group may keep the pipe open without limit.
      child.stdout?.destroy();
      reject(new CommandError(`it did not exit within ${timeoutMs / 1000} s`));
    }, timeoutMs);
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(new CommandError(error.message, { cause: error }));
    });
    // A secret is complete at the end of the output; a control command has finished when it exits, whatever it leaves running.
    child.on(stdout === 'pipe' ? 'close' : 'exit', (code: number | null, signal: NodeJS.Signals | null) => {
      clearTimeout(timer);
      if (code === 0) resolve(output);
      else reject(new CommandError(`it exited with ${code ?? signal ?? 'a signal'}`));
    });
  });
}
