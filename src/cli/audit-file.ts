/** The audit log in a file or a FIFO. It never blocks the gateway: lines that cannot be written are dropped, counted and reported. */
import { constants, openSync, write } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AuditSink } from '../auth/audit.ts';
import { CliError, EXIT } from './exit.ts';
import { reasonOf } from './reason.ts';

/**
 * Maximum size of the lines that wait to be written, in bytes. It is large enough for several seconds in which a busy disk writes nothing,
 * and small compared with the memory of the gateway.
 */
const MOST_WAITING_BYTES = 4 * 1024 * 1024;
/** How long `close` waits for the last lines to be written, in milliseconds. */
const CLOSE_MS = 1_000;
/** Delay before a failed write is retried, in milliseconds. */
const RETRY_MS = 100;
/** Minimum time between two reports of a fault that persists, in milliseconds. */
const REPORT_EVERY_MS = 60_000;

export interface AuditFileOptions {
  readonly file: string;
  /** Called with a message if the file cannot be written or lines are dropped, at most once a minute. */
  readonly report: (text: string) => void;
  readonly mostWaitingBytes?: number;
}

export interface AuditFile {
  readonly sink: AuditSink;
  /** Waits until the last line is written, but at most one second. */
  close(): Promise<void>;
}

/** Opens the audit log. @throws {CliError} if the file cannot be opened: a gateway with an audit log must not start without it */
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
 * Writes lines in batches, in the background. Pino's own file writer is not used, for two reasons. When the process ends, Pino's writer
 * waits for the reader of a FIFO. And once that reader has exited, Pino's writer drops every line without an error.
 */
class LineWriter {
  readonly #fd: number;
  readonly #mostBytes: number;
  #waiting: string[] = [];
  #bytes = 0;
  /** The part of the current batch that is not written yet. */
  #batch = Buffer.alloc(0);
  #dropped = 0;
  readonly #onSettled: (() => void)[] = [];
  onFault: (error: unknown) => void = () => undefined;

  constructor(fd: number, mostBytes: number) {
    this.#fd = fd;
    this.#mostBytes = mostBytes;
  }

  /** @returns false if the line was dropped because too many lines wait */
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

  /** Resolves when all lines are written. */
  settled(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#batch.length === 0) resolve();
      else this.#onSettled.push(resolve);
    });
  }

  #nextBatch(): void {
    if (this.#waiting.length === 0 && this.#dropped > 0) {
      // Writes a line with the number of dropped lines, in the place where they are missing.
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

  /** Tries again later, because the fault may end: the FIFO or the disk is full, or the reader of the FIFO has exited. */
  #retry(error: NodeJS.ErrnoException): void {
    if (error.code !== 'EAGAIN') this.onFault(error);
    setTimeout(() => this.#writeOn(), RETRY_MS).unref();
  }
}

/**
 * Opens the file in non-blocking mode. Without it, opening a FIFO, or writing to a full FIFO, would block until a process reads. The mode
 * has no effect on regular files.
 */
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
