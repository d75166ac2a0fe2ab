/** The gateway's log: JSON lines on stderr for collectors, short lines where a person watches. */
import pino from 'pino';
import type { Logger } from 'pino';
import { plain, say, tint } from './terminal.ts';

interface LogLine {
  readonly level: number;
  readonly msg?: string;
  readonly err?: { readonly message?: string };
  readonly [field: string]: unknown;
}

/** Fields that every line has, or that the short form says otherwise. */
const NOT_SHOWN: ReadonlySet<string> = new Set(['level', 'time', 'pid', 'hostname', 'msg', 'err']);

export interface Log {
  readonly log: Logger;
  /** Writes what was kept back, and from now on every line at once. */
  readonly release: () => void;
}

/** Keeps its lines back at first: a start that fails is told in one line, not in those of all that took part. */
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
 * Lines that wait for a reader of stderr, in bytes; further ones are dropped and counted. A log that waits for its reader would stop
 * the gateway with it.
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
      msg: 'log lines were dropped: nobody read them',
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
