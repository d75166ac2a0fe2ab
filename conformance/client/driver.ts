/**
 * The program that drives a client. The user's command starts it; it reads instructions from standard input and writes reports
 * to standard output. Both are NDJSON; docs/guides/conformance/test-your-client.md is the reference of the protocol.
 */
import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { isObject, textsAt, tryParse } from '../trace/json.ts';
import type { Timer } from '../target/timer.ts';
import type { JsonObject } from '../trace/json.ts';

/** How long a program may take to start, in milliseconds. A virtual machine on a busy computer needs seconds. */
const START_MS = 30_000;
/** How long a program may take to end when its input has ended, in milliseconds. */
const END_MS = 5_000;
const KEPT_ERRORS = 2_000;

/** Thrown if the program cannot be started, or does not follow the protocol. */
export class DriverError extends Error {
  override readonly name = 'DriverError';
}

export interface DriverHooks {
  /** Receives each notice that the program writes. */
  readonly onNotice: (notice: JsonObject) => void;
  /** Receives each line that is not a notice. */
  readonly onGarbage: (line: string) => void;
  readonly onExit: (reason: string) => void;
}

export interface DriverOptions {
  /** The command, which the shell runs. */
  readonly command: string;
  readonly env: Readonly<Record<string, string>>;
  /** Counts the time that the program may take to start and to end. */
  readonly timer: Timer;
  readonly hooks: DriverHooks;
}

export class Driver {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #exited: Promise<void>;
  readonly #timer: Timer;
  #errors = '';
  #supports: readonly string[] = [];

  private constructor(options: DriverOptions) {
    const { command, env, timer } = options;
    this.#timer = timer;
    this.#child = spawn(command, {
      shell: true,
      // Use a separate process group, so that processes that the shell started can be ended as well.
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    // `once` of node:events would reject on "error", and nothing would handle that rejection. `#becomeReady` handles "error".
    this.#exited = new Promise((resolve) => this.#child.once('close', () => resolve()));
    this.#child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      this.#errors = `${this.#errors}${chunk}`.slice(-KEPT_ERRORS);
    });
    // The program may end before it has read all its input, which is not an error.
    this.#child.stdin.on('error', () => undefined);
  }

  /**
   * Starts the program and waits for its `ready`.
   * @throws {DriverError} when the command cannot be started, ends too early, or does not report `ready` within 30 s.
   */
  static async start(options: DriverOptions): Promise<Driver> {
    const driver = new Driver(options);
    try {
      await driver.#becomeReady(options);
      return driver;
    } catch (error) {
      driver.#kill();
      throw error;
    }
  }

  /** The optional features that the program offers. */
  get supports(): readonly string[] {
    return this.#supports;
  }

  /** The last part of what the program wrote to its standard error. */
  get errors(): string {
    return this.#errors.trim();
  }

  send(command: JsonObject): void {
    this.#child.stdin.write(`${JSON.stringify(command)}\n`);
  }

  /** Ends the program: closes its input, waits, and kills it when it does not end. */
  async end(): Promise<void> {
    this.#child.stdin.end();
    const cancel = this.#timer(END_MS, () => this.#kill());
    await this.#exited;
    cancel();
  }

  #becomeReady({ timer, hooks: { onNotice, onGarbage, onExit } }: DriverOptions): Promise<void> {
    return new Promise((resolve, reject) => {
      const cancel = timer(START_MS, () =>
        reject(new DriverError(`The command did not report {"notice":"ready"} within ${START_MS / 1000} s.`)),
      );
      let isReady = false;
      createInterface({ input: this.#child.stdout }).on('line', (line) => {
        const value = tryParse(line);
        if (!isObject(value) || typeof value['notice'] !== 'string') onGarbage(line);
        else if (value['notice'] === 'ready' && !isReady) {
          isReady = true;
          this.#supports = textsAt(value, 'supports');
          cancel();
          resolve();
        } else onNotice(value);
      });
      this.#child.on('error', (cause) => reject(new DriverError(`The command cannot be started: ${cause.message}`)));
      this.#child.on('close', (code, signal) => {
        const how = code === null ? `signal ${signal ?? 'unknown'}` : `exit code ${code}`;
        const reason = `${how}${this.errors === '' ? '' : `: ${this.errors.split('\n').at(-1) ?? ''}`}`;
        cancel();
        reject(new DriverError(`The command ended with ${reason} before it reported {"notice":"ready"}.`));
        onExit(reason);
      });
    });
  }

  #kill(): void {
    try {
      if (this.#child.pid !== undefined) process.kill(-this.#child.pid, 'SIGKILL');
    } catch {
      // The process has ended in the meantime.
    }
  }
}
