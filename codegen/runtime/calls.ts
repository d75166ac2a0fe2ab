/**
 * Commands that the application sends. Each call waits for a connection and then for the reply. It rejects when its time
 * limit has passed or its signal is aborted. A command is sent at most once, because only the caller knows whether it may
 * be repeated.
 *
 * Part of the client runtime: imports nothing from outside this directory.
 */
import type { CommandTable, Settle } from './commands.ts';
import { ConnectionError } from './errors.ts';
import type { Link } from './link.ts';
import { startTimer } from './timers.ts';
import type { Frame } from './wire.ts';

export interface CallOptions {
  /** Time limit in milliseconds. Default: the client's `commandTimeoutMs`. */
  readonly timeoutMs?: number;
  /** When aborted, rejects the call with the signal's reason. The server may still execute a command that was already sent. */
  readonly signal?: AbortSignal;
}

interface Call {
  readonly send: (link: Link) => void;
  readonly fail: (error: unknown) => void;
}

export class CallQueue {
  readonly #table: CommandTable;
  readonly #waiting = new Set<Call>();

  constructor(table: CommandTable) {
    this.#table = table;
  }

  /** Number of calls that have not been sent yet. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Sends a command now or, without `link`, when a connection is ready. @param link the connection, if one is ready. */
  call(
    command: string,
    data: Frame['data'],
    timeoutMs: number,
    { signal, link }: { readonly signal: AbortSignal | undefined; readonly link: Link | undefined },
  ): Promise<Frame['data']> {
    return new Promise((resolve, reject) => {
      const deadline = performance.now() + timeoutMs;
      let forget: () => void = () => undefined;
      const finish = (): void => {
        cancelTimer();
        forget();
        this.#waiting.delete(call);
        signal?.removeEventListener('abort', onAbort);
      };
      const fail = (error: unknown): void => {
        finish();
        reject(error);
      };
      const settle: Settle = (answer) => {
        finish();
        if (answer.ok) resolve(answer.data);
        else reject(answer.error);
      };
      const send = (to: Link): void => {
        this.#waiting.delete(call);
        cancelTimer();
        forget = this.#table.send(to, command, data, deadline - performance.now(), settle);
      };
      const call: Call = { send, fail };
      const onAbort = (): void => fail(signal?.reason);
      const cancelTimer = startTimer(timeoutMs, () =>
        fail(new ConnectionError('timeout', `"${command}" was not sent: no connection within ${timeoutMs} ms.`)),
      );
      signal?.addEventListener('abort', onAbort, { once: true });
      if (signal?.aborted === true) onAbort();
      else if (link === undefined) this.#waiting.add(call);
      else send(link);
    });
  }

  flush(link: Link): void {
    for (const call of [...this.#waiting]) call.send(link);
  }

  failAll(error: unknown): void {
    for (const call of [...this.#waiting]) call.fail(error);
  }
}
