/** Runs the command line in a separate process, as users do. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { vi } from 'vitest';

export const BIN = resolve(import.meta.dirname, '../../bin/tidemark.js');
/** How long to wait for something that is usually quick, and how often to check. The timeout is long enough for a busy machine. */
export const wait = { timeout: 30_000, interval: 20 };

/**
 * The environment of every command. It lacks the variables of the developer's shell, because commands would read them as settings.
 * The cache of compiled modules saves about a third of the processor time of a start.
 */
export const COMMAND_ENV = { PATH: process.env['PATH'], NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] };

export interface CliOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
}

export class CliProcess {
  readonly process: ChildProcess;
  stdout = '';
  stderr = '';
  readonly ended: Promise<number | null>;

  constructor(argv: readonly string[], { cwd, env = {}, input }: CliOptions) {
    // Makes commands write text logs, as on a terminal, although the tests read the output through a pipe.
    const form = { TIDEMARK_LOG_FORMAT: 'text' };
    this.process = spawn(process.execPath, [BIN, ...argv], {
      cwd,
      env: { ...COMMAND_ENV, ...form, ...env },
    });
    this.process.stdout?.setEncoding('utf8').on('data', (chunk: string) => (this.stdout += chunk));
    this.process.stderr?.setEncoding('utf8').on('data', (chunk: string) => (this.stderr += chunk));
    this.process.stdin?.end(input ?? '');
    this.ended = once(this.process, 'close').then(([code]: unknown[]) => code as number | null);
  }

  get lines(): string[] {
    return this.stdout.split('\n').filter((line) => line !== '');
  }

  /** Waits until stderr contains a text. */
  async prints(text: string): Promise<void> {
    await vi.waitUntil(() => this.stderr.includes(text), wait);
  }
}

/** Starts commands in one directory. Ends those that are still running when a test has ended. */
export class CliRunner {
  readonly #home: string;
  readonly #running: CliProcess[] = [];

  constructor(home: string) {
    this.#home = home;
  }

  start(argv: readonly string[], options: Partial<CliOptions> = {}): CliProcess {
    const cli = new CliProcess(argv, { cwd: this.#home, ...options });
    this.#running.push(cli);
    return cli;
  }

  async finish(argv: readonly string[], options: Partial<CliOptions> = {}) {
    const cli = this.start(argv, options);
    const code = await cli.ended;
    return { code, stdout: cli.stdout, stderr: cli.stderr };
  }

  /** Starts a gateway on a free port. @returns also the environment variables with its address, which the other commands read */
  async serve(argv: readonly string[] = [], options: Partial<CliOptions> = {}) {
    const cli = this.start(['serve', '--port', '0', '--json', ...argv], options);
    await vi.waitUntil(() => cli.lines.length > 0 || cli.process.exitCode !== null, wait);
    const { url } = JSON.parse(cli.lines[0] ?? '{}') as { readonly url: string };
    return { cli, url, env: { TIDEMARK_URL: url } };
  }

  /** Waits until the gateway has exactly one subscription. */
  async untilSubscribed(env: Readonly<Record<string, string>>): Promise<void> {
    await vi.waitUntil(async () => {
      const { stdout } = await this.finish(['status', '--json'], { env });
      return (JSON.parse(stdout) as { subscriptions: { total: number } }).subscriptions.total === 1;
    }, wait);
  }

  async close(): Promise<void> {
    for (const cli of this.#running.splice(0)) {
      if (cli.process.exitCode === null && cli.process.signalCode === null) cli.process.kill('SIGKILL');
      await cli.ended;
    }
  }
}
