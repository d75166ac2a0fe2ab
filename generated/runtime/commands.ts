/**
 * Commands that wait for their reply (ENV-3). Ids are never reused. If its wait is not cancelled, each command gets
 * exactly one answer: the reply, or an error at its time limit or at the end of the connection.
 *
 * Part of the client runtime: imports nothing from outside this directory.
 */
import { retryAfterOf } from './bounds.ts';
import { ConnectionError, ProtocolViolation, TidemarkError } from './errors.ts';
import type { Link } from './link.ts';
import { startTimer } from './timers.ts';
import { isObject } from './wire.ts';
import type { Frame, ProtocolSpec } from './wire.ts';

/**
 * `data` of the reply, or the error: a TidemarkError, a ConnectionError, a ProtocolViolation, or the reason of the signal
 * that closed the client.
 */
export type Answer =
  { readonly ok: true; readonly data: Frame['data'] } | { readonly ok: false; readonly error: unknown };

/**
 * Called synchronously when the reply is read. A promise would resolve too late: events after `subscribed` may be read
 * from the same packet, and the subscription must be ready for them.
 */
export type Settle = (answer: Answer) => void;

interface Pending {
  readonly command: string;
  readonly settle: Settle;
  readonly cancelTimer: () => void;
}

export class CommandTable {
  readonly #commands: ProtocolSpec['commands'];
  readonly #pending = new Map<string, Pending>();
  #lastId = 0;

  constructor(commands: ProtocolSpec['commands']) {
    this.#commands = commands;
  }

  /** Sends a command. @returns a function that cancels the wait: the reply is then ignored. */
  send(link: Link, command: string, data: Frame['data'], timeoutMs: number, settle: Settle): () => void {
    this.#lastId += 1;
    const id = `c${this.#lastId}`;
    const cancelTimer = startTimer(timeoutMs, () => {
      const error = new ConnectionError('timeout', `No reply to "${command}" within ${Math.round(timeoutMs)} ms.`);
      this.#settle(id, { ok: false, error });
    });
    this.#pending.set(id, { command, settle, cancelTimer });
    link.send({ type: command, id, data });
    return () => {
      this.#pending.delete(id);
      cancelTimer();
    };
  }

  /** Handles a frame. @returns false if the frame is not a reply. A late reply also counts as a reply. */
  receive(frame: Frame): boolean {
    if (frame.id === undefined) return false;
    const pending = this.#pending.get(frame.id);
    if (pending === undefined) return true;
    this.#settle(frame.id, readAnswer(frame, pending.command, this.#commands[pending.command]?.reply));
    return true;
  }

  /** Fails all pending commands, because the connection has ended. The server may or may not have executed them. */
  failAll(error: unknown): void {
    for (const id of [...this.#pending.keys()]) this.#settle(id, { ok: false, error });
  }

  #settle(id: string, answer: Answer): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    this.#pending.delete(id);
    pending.cancelTimer();
    pending.settle(answer);
  }
}

/** Reads `data` of an `error` (ERR-1); missing members get defaults. */
export function readError(data: Frame['data']): TidemarkError {
  const { code, message, retryable, retryAfterMs, pointer, details } = data;
  return new TidemarkError({
    code: typeof code === 'string' ? code : 'internal',
    message: typeof message === 'string' ? message : 'The server rejected the command without a message.',
    retryable: retryable === true,
    retryAfterMs: retryAfterOf(retryAfterMs),
    pointer: typeof pointer === 'string' ? pointer : undefined,
    details: isObject(details) ? details : undefined,
  });
}

function readAnswer(frame: Frame, command: string, reply: string | undefined): Answer {
  if (frame.type === 'error') return { ok: false, error: readError(frame.data) };
  if (frame.type === reply) return { ok: true, data: frame.data };
  const text = `The server answered "${command}" with "${frame.type}"; "${reply ?? 'error'}" was expected.`;
  return { ok: false, error: new ProtocolViolation(text) };
}
