/** Many readers in a separate process, so that measurements of the gateway's process do not include them. */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ReaderOptions, ReaderReport } from './reader.ts';

/** A command of the test to the process with the readers. Readers are numbered from 0. */
export type FleetOrder =
  | { readonly kind: 'open'; readonly url: string; readonly readers: readonly ReaderOptions[] }
  | { readonly kind: 'stopReading' | 'readOn'; readonly readers: readonly number[] }
  | { readonly kind: 'connect'; readonly url: string; readonly readers: readonly number[] }
  | { readonly kind: 'report' };

export interface FleetAnswer {
  readonly serial: number;
  readonly reports?: readonly ReaderReport[];
  readonly error?: string;
}

const PROGRAM = fileURLToPath(new URL('reader-fleet-program.ts', import.meta.url));

export class ReaderFleet {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (answer: FleetAnswer) => void>();
  #serial = 0;

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.on('message', (answer: FleetAnswer) => {
      this.#waiting.get(answer.serial)?.(answer);
      this.#waiting.delete(answer.serial);
    });
  }

  static async start(): Promise<ReaderFleet> {
    const child = fork(PROGRAM, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    await once(child, 'spawn');
    return new ReaderFleet(child);
  }

  async open(url: string, readers: readonly ReaderOptions[]): Promise<void> {
    await this.#order({ kind: 'open', url, readers });
  }

  async stopReading(readers: readonly number[]): Promise<void> {
    await this.#order({ kind: 'stopReading', readers });
  }

  async readOn(readers: readonly number[]): Promise<void> {
    await this.#order({ kind: 'readOn', readers });
  }

  /** Reconnects the readers with these numbers. Each of them resumes from its own position. */
  async connect(url: string, readers: readonly number[]): Promise<void> {
    await this.#order({ kind: 'connect', url, readers });
  }

  async reports(): Promise<readonly ReaderReport[]> {
    const { reports = [] } = await this.#order({ kind: 'report' });
    return reports;
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await gone;
  }

  async #order(order: FleetOrder): Promise<FleetAnswer> {
    this.#serial += 1;
    const serial = this.#serial;
    const answer = await new Promise<FleetAnswer>((resolve) => {
      this.#waiting.set(serial, resolve);
      this.#child.send({ ...order, serial });
    });
    if (answer.error !== undefined) throw new Error(`the fleet failed to ${order.kind}: ${answer.error}`);
    return answer;
  }
}
