/** Starts other programs and waits for them, always with a time limit. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { constants } from 'node:os';
import type { AddressInfo } from 'node:net';
import type { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

export type Command = readonly [program: string, ...parameters: string[]];

export interface Running {
  /** Everything that the program has written to stdout and stderr so far. */
  readonly output: string;
  readonly ended: boolean;
  /** The exit code as in a shell: 128 plus the signal number if a signal ended the program. Undefined while it runs. */
  readonly code: number | undefined;
  /** The standard input of the program; null if the program was started without one. */
  readonly input: Writable | null;
  /** Signals the program and all its child processes, as a terminal does. */
  kill(signal: NodeJS.Signals): void;
}

const POLL_MS = 50;

/** Starts a program in its own process group. */
export function start(
  command: Command,
  { cwd, stdin = 'ignore' }: { readonly cwd: string; readonly stdin?: 'ignore' | 'pipe' },
): Running {
  const [program, ...parameters] = command;
  const child = spawn(program, parameters, { cwd, detached: true, stdio: [stdin, 'pipe', 'pipe'] });
  let output = '';
  let ended = false;
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk;
    });
  }
  child.on('error', (error) => {
    output += error.message;
    ended = true;
  });
  child.on('close', () => {
    ended = true;
  });
  return {
    input: child.stdin,
    get output() {
      return output;
    },
    get ended() {
      return ended;
    },
    get code() {
      const { exitCode, signalCode } = child;
      return exitCode ?? (signalCode === null ? undefined : 128 + constants.signals[signalCode]);
    },
    kill(signal) {
      if (child.pid === undefined || ended) return;
      process.kill(-child.pid, signal);
    },
  };
}

/**
 * Runs a program to its end, and resolves to its standard output. The default time limit of 10 min is long enough for every program that
 * does not hang, even on a busy machine. @throws {Error} with its whole output if the program fails or exceeds the time limit
 */
export async function run(
  command: Command,
  options: { readonly cwd: string; readonly timeoutMs?: number },
): Promise<string> {
  const { cwd, timeoutMs = 600_000 } = options;
  const [program, ...parameters] = command;
  const child = spawn(program, parameters, { cwd, timeout: timeoutMs, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk;
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
  });
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code ?? signal}:\n${stdout}${stderr}`);
  return stdout;
}

/** Waits until a condition is met. @throws {Error} that names the condition, after the time limit (default 20 s) */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  options: { readonly timeoutMs?: number } = {},
): Promise<void> {
  const { timeoutMs = 20_000 } = options;
  const deadline = performance.now() + timeoutMs;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`Timed out after ${timeoutMs} ms waiting until ${what}.`);
    await sleep(POLL_MS);
  }
}

/** A port on the loopback address that was free when this function checked. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
