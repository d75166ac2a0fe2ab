/** Starting other programs and waiting for what they do, always with an end. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { constants } from 'node:os';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export type Command = readonly [program: string, ...parameters: string[]];

export interface Running {
  /** What it has written so far, to either of its outputs. */
  readonly output: string;
  readonly ended: boolean;
  /** Its exit code as a shell tells it: 128 and the signal's number where a signal ended it. Undefined while it runs. */
  readonly code: number | undefined;
  /** Signals the program and all that it has started, as a terminal does. */
  kill(signal: NodeJS.Signals): void;
}

const POLL_MS = 50;

/** Starts a program in a process group of its own. */
export function start(command: Command, options: { readonly cwd: string }): Running {
  const [program, ...parameters] = command;
  const child = spawn(program, parameters, { cwd: options.cwd, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let ended = false;
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
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
 * Runs a program to its end and resolves to its standard output.
 * @throws {Error} with all of its output when it fails or takes too long (default 60 s).
 */
export async function run(
  command: Command,
  options: { readonly cwd: string; readonly timeoutMs?: number },
): Promise<string> {
  const { cwd, timeoutMs = 60_000 } = options;
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

/** @throws {Error} naming what it waited for, once the time (default 20 s) is up. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  options: { readonly timeoutMs?: number } = {},
): Promise<void> {
  const { timeoutMs = 20_000 } = options;
  const deadline = performance.now() + timeoutMs;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`Waited ${timeoutMs} ms in vain until ${what}.`);
    await sleep(POLL_MS);
  }
}

/** A port of the loopback address that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
