/** A gateway in a separate process, so that a test can kill or freeze it. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Limits } from '../options.ts';

export interface GatewayProcessOptions {
  readonly redisUrl: string;
  readonly nodeId: string;
  readonly limits?: Partial<Limits>;
}

const PROGRAM = fileURLToPath(new URL('gateway-program.ts', import.meta.url));

export class GatewayProcess {
  readonly url: string;
  readonly httpUrl: string;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, { url, httpUrl }: { readonly url: string; readonly httpUrl: string }) {
    this.#child = child;
    this.url = url;
    this.httpUrl = httpUrl;
  }

  /** Starts the gateway. Resolves when it is ready. @throws {Error} if the process ends before that */
  static async start(options: GatewayProcessOptions): Promise<GatewayProcess> {
    const child = spawn(process.execPath, [PROGRAM, JSON.stringify(options)], { stdio: ['ignore', 'pipe', 'inherit'] });
    for await (const line of createInterface({ input: child.stdout })) {
      return new GatewayProcess(child, JSON.parse(line) as { url: string; httpUrl: string });
    }
    throw new Error(`the process of ${options.nodeId} ended before the gateway was ready`);
  }

  /** Kills the process without a shutdown, as in a crash. Resolves when the process has ended. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await gone;
  }

  freeze(): void {
    this.#child.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child.kill('SIGCONT');
  }
}
