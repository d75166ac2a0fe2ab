/** The output of `serve` on stderr: the log, and messages to the operator. Both are written as JSON lines, or both as text. */
import pino from 'pino';
import type { Logger } from 'pino';
import { plain, printStatus, tint } from './terminal.ts';

interface LogLine {
  readonly level: number;
  readonly msg?: string;
  readonly err?: { readonly message?: string };
  readonly [field: string]: unknown;
}

/** Fields that the text form omits or shows in another way. */
const NOT_SHOWN: ReadonlySet<string> = new Set(['level', 'time', 'pid', 'hostname', 'nodeId', 'msg', 'err']);

export interface LogOptions {
  readonly level: string;
  readonly format: 'auto' | 'text' | 'json';
}

/**
 * Writes a message to the operator. In the text form, every message is written; as JSON lines, only messages that the log level includes.
 */
export interface Notices {
  readonly format: 'text' | 'json';
  info(text: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(text: string): void;
  error(text: string): void;
}

export interface Log {
  readonly log: Logger;
  readonly notices: Notices;
  /** Writes the buffered lines. From then on, every line is written immediately. */
  readonly release: () => void;
}

/** Buffers the log until `release`, so that a failed start prints one error, and not also the log lines of all components. */
export function createLog({ level, format: asked }: LogOptions): Log {
  const format = asked === 'auto' ? (process.stderr.isTTY ? 'text' : 'json') : asked;
  const write = lineWriter(format);
  let held: string[] | undefined = [];
  const destination = { write: (line: string) => void (held === undefined ? write(line) : held.push(line)) };
  return {
    log: pino({ level }, destination),
    notices: format === 'text' ? textNotices() : jsonNotices(pino({ level }, { write })),
    release: () => {
      for (const line of held ?? []) write(line);
      held = undefined;
    },
  };
}

function textNotices(): Notices {
  return {
    format: 'text',
    info: (text) => printStatus(tint('dim', text)),
    warn: (text) => printStatus(tint('yellow', text)),
    error: (text) => printStatus(tint('red', text)),
  };
}

function jsonNotices(log: Logger): Notices {
  return {
    format: 'json',
    info: (text, fields = {}) => log.info(fields, text),
    warn: (text) => log.warn(text),
    error: (text) => log.error(text),
  };
}

/**
 * Maximum amount of buffered output to stderr, in bytes. Further lines are dropped and counted, because waiting for the reader of stderr
 * could block the gateway.
 */
const MOST_UNREAD_BYTES = 1024 * 1024;

/** @returns a function that takes one line of JSON with its line break, and writes it to stderr in the given format */
function lineWriter(format: 'text' | 'json'): (line: string) => void {
  const rendered = (line: string): string => (format === 'json' ? line : `${shortLine(JSON.parse(line) as LogLine)}\n`);
  if (process.stderr.isTTY) return (line) => process.stderr.write(rendered(line));
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
    stderr.write(rendered(`${JSON.stringify(lost)}\n`));
  });
  return (line) => void stderr.write(rendered(line));
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
