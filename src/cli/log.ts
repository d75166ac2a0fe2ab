/** The gateway's log: JSON lines on stderr for collectors, short lines where a person watches. */
import { Writable } from 'node:stream';
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

export function createLog(level: string): Logger {
  if (!process.stderr.isTTY) return pino({ level }, pino.destination({ dest: 2, sync: true }));
  const terminal = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      say(shortLine(JSON.parse(chunk.toString('utf8')) as LogLine));
      done();
    },
  });
  return pino({ level, base: null }, terminal);
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
