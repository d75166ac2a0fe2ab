/** The audit log in a file or a FIFO. It never stops the gateway: lines that cannot be written are dropped, counted and reported. */
import { constants, openSync, write } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AuditSink } from '../auth/audit.ts';
import { CliError, EXIT } from './exit.ts';
import { reasonOf } from './reason.ts';

/** Bound on lines that wait to be written, in bytes: enough for some seconds on a busy disk, small against the gateway's own memory. */
const MOST_WAITING_BYTES = 4 * 1024 * 1024;
/** How long the end of the process waits for the last lines, in milliseconds. */
const CLOSE_MS = 1_000;
/** Delay before a failed write is retried, in milliseconds. */
const RETRY_MS = 100;
/** A lasting fault is reported at most once in this time, in milliseconds. */
const REPORT_EVERY_MS = 60_000;

export interface AuditFileOptions {
  readonly file: string;
  /** Receives a description of a fault of the file. */
  readonly report: (text: string) => void;
  readonly mostWaitingBytes?: number;
}

export interface AuditFile {
  readonly sink: AuditSink;
  /** Waits until the last line is written, but not for long. */
  close(): Promise<void>;
}

/** @throws {CliError} if the file cannot be opened, because auditing was required */
export function openAuditFile({ file, report, mostWaitingBytes = MOST_WAITING_BYTES }: AuditFileOptions): AuditFile {
  const writer = new LineWriter(openForWriting(file), mostWaitingBytes);
  let reportedAt = -Infinity;
  const reportOnce = (text: string): void => {
    if (performance.now() - reportedAt < REPORT_EVERY_MS) return;
    reportedAt = performance.now();
    report(text);
  };
  writer.onFault = (error) => reportOnce(faultOf(file, error));
  return {
    sink: (line) => {
      if (writer.write(line)) return 'taken';
      reportOnce(`The audit log ${file} is not written fast enough: lines are dropped.`);
      return 'dropped';
    },
    close: async () => Promise.race([writer.settled(), sleep(CLOSE_MS, undefined, { ref: false })]),
  };
}

/**
 * Writes lines one batch at a time, in the background. Pino's destination is not used here: at the end of a process it waits for the reader
 * of a FIFO, and after a reader has gone once, it drops every line without an error.
 */
class LineWriter {
  readonly #fd: number;
  readonly #mostBytes: number;
  #waiting: string[] = [];
  #bytes = 0;
  /** The rest of the batch that is being written. */
  #batch = Buffer.alloc(0);
  #dropped = 0;
  readonly #onSettled: (() => void)[] = [];
  onFault: (error: unknown) => void = () => undefined;

  constructor(fd: number, mostBytes: number) {
    this.#fd = fd;
    this.#mostBytes = mostBytes;
  }

  /** False when there is no room for the line. */
  write(line: string): boolean {
    const text = `${line}\n`;
    const bytes = Buffer.byteLength(text);
    if (this.#bytes + bytes > this.#mostBytes) {
      this.#dropped += 1;
      return false;
    }
    this.#bytes += bytes;
    this.#waiting.push(text);
    if (this.#batch.length === 0) this.#nextBatch();
    return true;
  }

  /** Resolves when nothing waits any more. */
  settled(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#batch.length === 0) resolve();
      else this.#onSettled.push(resolve);
    });
  }

  #nextBatch(): void {
    if (this.#waiting.length === 0 && this.#dropped > 0) {
      // Reports the loss in the log itself, at the position of the missing lines.
      this.#waiting.push(`${JSON.stringify({ time: new Date().toISOString(), kind: 'lost', lines: this.#dropped })}\n`);
      this.#dropped = 0;
    }
    this.#batch = Buffer.from(this.#waiting.join(''));
    this.#waiting = [];
    if (this.#batch.length > 0) this.#writeOn();
    else for (const resolve of this.#onSettled.splice(0)) resolve();
  }

  #writeOn(): void {
    write(this.#fd, this.#batch, (error, written) => {
      if (error !== null) return this.#retry(error);
      this.#bytes = Math.max(0, this.#bytes - written);
      this.#batch = this.#batch.subarray(written);
      if (this.#batch.length > 0) this.#writeOn();
      else this.#nextBatch();
    });
  }

  /** Faults that may end soon: a full FIFO, a full disk, a FIFO whose reader has exited. */
  #retry(error: NodeJS.ErrnoException): void {
    if (error.code !== 'EAGAIN') this.onFault(error);
    setTimeout(() => this.#writeOn(), RETRY_MS).unref();
  }
}

/** Non-blocking: opening a FIFO, or writing to a full one, would otherwise block until a process reads. No effect on regular files. */
function openForWriting(file: string): number {
  const { O_WRONLY, O_APPEND, O_CREAT, O_NONBLOCK } = constants;
  try {
    return openSync(file, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK, 0o600);
  } catch (error) {
    throw new CliError(faultOf(file, error), EXIT.usage, { cause: error });
  }
}

function faultOf(file: string, error: unknown): string {
  const isUnread = error instanceof Error && 'code' in error && error.code === 'ENXIO';
  const reason = isUnread ? 'it is a FIFO that no process reads. Start its reader first.' : reasonOf(error);
  return `The audit log ${file} cannot be written: ${reason}`;
}
