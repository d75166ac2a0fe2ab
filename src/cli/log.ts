/** The gateway's log: JSON lines on stderr for log collectors, short lines on a terminal. */
import pino from 'pino';
import type { Logger } from 'pino';
import { plain, say, tint } from './terminal.ts';

interface LogLine {
  readonly level: number;
  readonly msg?: string;
  readonly err?: { readonly message?: string };
  readonly [field: string]: unknown;
}

/** Fields that the short form omits or shows differently. */
const NOT_SHOWN: ReadonlySet<string> = new Set(['level', 'time', 'pid', 'hostname', 'msg', 'err']);

export interface Log {
  readonly log: Logger;
  /** Writes the buffered lines, and from now on every line immediately. */
  readonly release: () => void;
}

/** Buffers its lines at first, so that a failed start prints one error instead of the log of every part. */
export function createLog(level: string): Log {
  const write = lineWriter();
  let held: string[] | undefined = [];
  const destination = { write: (line: string) => void (held === undefined ? write(line) : held.push(line)) };
  return {
    log: pino({ level, ...(process.stderr.isTTY ? { base: null } : {}) }, destination),
    release: () => {
      for (const line of held ?? []) write(line);
      held = undefined;
    },
  };
}

/**
 * Bound on buffered output to stderr, in bytes; further lines are dropped and counted. A log that waited for its reader could
 * block the gateway.
 */
const MOST_UNREAD_BYTES = 1024 * 1024;

function lineWriter(): (line: string) => void {
  if (process.stderr.isTTY) return (line) => say(shortLine(JSON.parse(line) as LogLine));
  const stderr = pino.destination({ dest: 2, sync: false, maxLength: MOST_UNREAD_BYTES });
  let dropped = 0;
  stderr.on('drop', () => (dropped += 1));
  stderr.on('drain', () => {
    if (dropped === 0) return;
    const lost = {
      level: pino.levels.values['warn'],
      time: Date.now(),
      dropped,
      msg: 'log lines were dropped because stderr was not read',
    };
    dropped = 0;
    stderr.write(`${JSON.stringify(lost)}\n`);
  });
  return (line) => void stderr.write(line);
}

function shortLine(line: LogLine): string {
  const name = pino.levels.labels[line.level] ?? 'info';
  const fields = Object.entries(line)
    .filter(([field]) => !NOT_SHOWN.has(field))
    .map(([field, value]) => `${field}=${JSON.stringify(value)}`);
  const cause = line.err?.message === undefined ? [] : [line.err.message];
  const text = [line.msg ?? '', ...cause, ...fields].join('  ');
  return `${tint(line.level >= 40 ? 'yellow' : 'dim', name)}  ${plain(text)}`;
}
