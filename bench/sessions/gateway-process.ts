/** Starts a gateway in its own process, for the benchmarks of sessions. */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Reply, Request } from './gateway.ts';

const GATEWAY = fileURLToPath(new URL('gateway.ts', import.meta.url));

export interface GatewayProcessOptions {
  /** The URL of Redis. Without it, the gateway has a memory broker. */
  readonly redis: string | undefined;
  /** The time to live of a session, in milliseconds. */
  readonly ttlMs: number;
}

export class GatewayProcess {
  readonly #child: ChildProcess;
  readonly #ended = new AbortController();
  url = '';

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.once('exit', () => this.#ended.abort());
  }

  static async start({ redis, ttlMs }: GatewayProcessOptions): Promise<GatewayProcess> {
    const gateway = new GatewayProcess(fork(GATEWAY, [String(ttlMs), ...(redis === undefined ? [] : [redis])]));
    const reply = await gateway.#reply();
    if (!('url' in reply)) throw new Error('the gateway did not report its address');
    gateway.url = reply.url;
    return gateway;
  }

  /** Sends a request to the gateway, and waits for its reply. @returns the processing time of the gateway so far, in microseconds */
  async ask(request: Request): Promise<number> {
    this.#child.send(request);
    const reply = await this.#reply();
    return 'cpuUs' in reply ? reply.cpuUs : Number.NaN;
  }

  async #reply(): Promise<Reply> {
    const [reply] = (await once(this.#child, 'message', { signal: this.#ended.signal })) as [Reply];
    return reply;
  }

  async stop(): Promise<void> {
    const gone = once(this.#child, 'exit');
    this.#child.disconnect();
    await gone;
  }
}
