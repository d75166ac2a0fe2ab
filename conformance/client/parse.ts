/** Parses a client tape. Every fault is reported with file and line before a client is started. */
import { TICK_MS } from '../runner/paced-clock.ts';
import { checkPatterns } from '../tape/check.ts';
import { TapeError } from '../tape/fault.ts';
import { readHeader } from '../tape/header.ts';
import { readLines, readerAt } from '../tape/parse.ts';
import { readFrame } from '../tape/parts.ts';
import type { Reader } from '../tape/parts.ts';
import { isArray, isObject } from '../trace/json.ts';
import type { Json, JsonObject } from '../trace/json.ts';
import type { Bounds, ClientStep, ClientTape } from './tape.ts';

type Verb = ClientStep['verb'];

interface VerbSpec {
  /** Other allowed keys, in addition to the verb and `note`. */
  readonly takes: readonly string[];
  readonly read: (value: Json, line: JsonObject, reader: Reader) => object;
}

const WAITS = ['within', 'waited', 'bind'];

function readBounds(value: Json | undefined, what: string, reader: Reader): Bounds {
  const { least, most } = reader.object(value, what, ['least', 'most']);
  return {
    ...(least === undefined ? {} : { least: reader.whole(least, `${what}: "least"`) }),
    ...(most === undefined ? {} : { most: reader.whole(most, `${what}: "most"`) }),
  };
}

function waits(line: JsonObject, reader: Reader): object {
  const { within, waited, bind } = line;
  return {
    ...(within === undefined ? {} : { within: reader.whole(within, '"within", in milliseconds,') }),
    ...(waited === undefined ? {} : { waited: readBounds(waited, '"waited"', reader) }),
    ...(bind === undefined ? {} : { bind: reader.name(bind, '"bind"') }),
  };
}

function epochOf(value: Json | undefined, reader: Reader): object {
  return value === undefined ? {} : { epoch: reader.text(value, '"epoch"') };
}

function readOpen(value: Json, line: JsonObject, reader: Reader): object {
  const { request, welcome = {}, refuse } = reader.object(value, '"open"', ['request', 'welcome', 'refuse']);
  return {
    ...(request === undefined ? {} : { request }),
    welcome: welcome === false ? false : reader.object(welcome, '"welcome"'),
    ...(refuse === undefined ? {} : { refuse: reader.whole(refuse, '"refuse"') }),
    ...waits(line, reader),
  };
}

function readEmit(value: Json, reader: Reader): object {
  const keys = ['numbers', 'subscriptions', 'replay', 'stream', 'epoch', 'lost'];
  const { numbers, subscriptions, replay, stream = 'main', epoch, lost = false } = reader.object(value, '"emit"', keys);
  const [first, last] = reader
    .list(numbers, '"numbers" must be a list of two numbers: the first and the last sequenceId.')
    .map((each) => reader.whole(each, 'Each item of "numbers"'));
  if (first === undefined || last === undefined || last < first)
    reader.fail('"numbers" must be two numbers, the second not less than the first.');
  return {
    numbers: [first, last],
    subscriptions: reader
      .list(subscriptions, '"subscriptions" must be a list of ids.')
      .map((each) => reader.text(each, 'Each item of "subscriptions"')),
    ...(replay === undefined ? {} : { replay: reader.oneOf(replay, '"replay"', ['warm', 'resume'] as const) }),
    stream: reader.text(stream, '"stream"'),
    ...epochOf(epoch, reader),
    lost: lost === true,
  };
}

function readAccept(value: Json, reader: Reader): object {
  const { command, at, epoch, failed } = reader.object(value, '"accept"', ['command', 'at', 'epoch', 'failed']);
  return {
    command: reader.name(command, '"command"'),
    at: reader.whole(at, '"at"'),
    ...epochOf(epoch, reader),
    ...(failed === undefined ? {} : { failed: reader.text(failed, '"failed"') }),
  };
}

function readHeartbeat(value: Json, reader: Reader): object {
  const {
    at,
    stream = 'main',
    epoch,
    extra = 0,
  } = reader.object(value, '"heartbeat"', ['at', 'stream', 'epoch', 'extra']);
  if (typeof extra !== 'number' || !Number.isInteger(extra)) reader.fail('"extra" must be a whole number.');
  return {
    at: reader.whole(at, '"at"'),
    stream: reader.text(stream, '"stream"'),
    ...epochOf(epoch, reader),
    extra,
  };
}

/**
 * How much `atMost` must exceed `quiet`, in milliseconds. The answers of a program to `echo` prove that it ran during the
 * quiet time. An idle program needs one tick more for that proof. The clock of the suite may notice the proof another tick
 * later.
 */
const PROOF_MS = 2 * TICK_MS;

function readQuiet(value: Json, most: Json | undefined, reader: Reader): object {
  const forMs = reader.whole(value, '"quiet", in milliseconds,');
  if (most === undefined) return { forMs };
  const atMost = reader.whole(most, '"atMost", in milliseconds,');
  if (atMost < forMs + PROOF_MS)
    reader.fail(
      `"atMost" must be at least ${forMs + PROOF_MS}, ${PROOF_MS} more than "quiet"; in less time, no program can prove that it had processor time.`,
    );
  return { forMs, atMost };
}

const VERBS: Readonly<Record<Verb, VerbSpec>> = {
  drive: { takes: [], read: (value, _line, reader) => ({ command: reader.object(value, '"drive"') }) },
  open: { takes: WAITS, read: readOpen },
  send: { takes: [], read: (value, _line, reader) => ({ message: reader.object(value, '"send"') }) },
  sendText: { takes: [], read: (text) => ({ text }) },
  sendFrame: { takes: [], read: (value, _line, reader) => ({ frame: readFrame(value, reader) }) },
  sendRaw: {
    takes: [],
    read: (value, _line, reader) => {
      const hex = reader.text(value, '"sendRaw"');
      return /^(?:[0-9a-f]{2})+$/.test(hex)
        ? { hex }
        : reader.fail('"sendRaw" must be pairs of lower-case hexadecimal digits.');
    },
  },
  recv: { takes: WAITS, read: (pattern, line, reader) => ({ pattern, ...waits(line, reader) }) },
  either: {
    takes: ['or', 'within'],
    read: (pattern, line, reader) =>
      line['or'] === undefined
        ? reader.fail('"either" needs "or".')
        : { pattern, or: line['or'], ...waits(line, reader) },
  },
  never: {
    takes: ['until', 'within'],
    read: (pattern, line, reader) =>
      line['until'] === undefined
        ? reader.fail('"never" needs "until".')
        : { pattern, until: line['until'], ...waits(line, reader) },
  },
  accept: { takes: [], read: (value, _line, reader) => readAccept(value, reader) },
  emit: { takes: [], read: (value, _line, reader) => readEmit(value, reader) },
  complete: {
    takes: [],
    read: (value, _line, reader) => {
      const { subscription, at, epoch } = reader.object(value, '"complete"', ['subscription', 'at', 'epoch']);
      return {
        subscription: reader.text(subscription, '"subscription"'),
        at: reader.whole(at, '"at"'),
        ...epochOf(epoch, reader),
      };
    },
  },
  heartbeat: { takes: [], read: (value, _line, reader) => readHeartbeat(value, reader) },
  drop: {
    takes: [],
    read: (value, _line, reader) => {
      const { code } = reader.object(value, '"drop"', ['code']);
      return code === undefined ? {} : { code: reader.whole(code, '"code"') };
    },
  },
  closed: {
    takes: WAITS,
    read: (value, line, reader) => ({
      pattern: reader.object(value, '"closed"', ['code', 'reason']),
      ...waits(line, reader),
    }),
  },
  reported: { takes: WAITS, read: (pattern, line, reader) => ({ pattern, ...waits(line, reader) }) },
  notReported: { takes: [], read: (pattern) => ({ pattern }) },
  quiet: {
    takes: ['atMost'],
    read: (value, { atMost }, reader) => readQuiet(value, atMost, reader),
  },
  waits: {
    takes: [],
    read: (value, _line, reader) => {
      const { last, sum } = reader.object(value, '"waits"', ['last', 'sum']);
      return { last: reader.whole(last, '"last"'), sum: readBounds(sum, '"sum"', reader) };
    },
  },
};

function isVerb(key: string): key is Verb {
  return Object.hasOwn(VERBS, key);
}

function readStep(line: JsonObject, reader: Reader): ClientStep {
  const keys = Object.keys(line);
  const [verb, ...others] = keys.filter(isVerb);
  if (verb === undefined || others.length > 0)
    return reader.fail(
      `A step must have exactly one of ${Object.keys(VERBS).join(', ')}; this one has ${keys.join(', ')}.`,
    );
  const { takes, read } = VERBS[verb];
  const stray = keys.find((key) => key !== verb && key !== 'note' && !takes.includes(key));
  if (stray !== undefined) return reader.fail(`"${verb}" has an unknown key ${JSON.stringify(stray)}.`);
  const note = line['note'] === undefined ? {} : { note: reader.text(line['note'], '"note"') };
  // The reader function of the verb has set every member that this kind of step requires.
  return { verb, ...read(line[verb] ?? null, line, reader), ...note, line: reader.line } as ClientStep;
}

const JUDGES: readonly Verb[] = ['open', 'recv', 'either', 'never', 'closed', 'reported', 'quiet', 'waits'];

/** The parts of a step that may refer to bound names. */
function valuesOf(step: ClientStep): readonly (Json | undefined)[] {
  switch (step.verb) {
    case 'drive':
      return [step.command];
    case 'open':
      return [step.request];
    case 'send':
      return [step.message];
    case 'sendText':
      return isObject(step.text) || isArray(step.text) ? [step.text] : [];
    case 'recv':
    case 'closed':
    case 'reported':
    case 'notReported':
      return [step.pattern];
    case 'either':
      return [step.pattern, step.or];
    case 'never':
      return [step.pattern, step.until];
    default:
      return [];
  }
}

function checkSteps(tape: ClientTape, headerLine: number): void {
  const bound = new Set<string>();
  for (const step of tape.steps) {
    const fail = (text: string): never => {
      throw new TapeError(tape.file, step.line, text);
    };
    checkPatterns(valuesOf(step), { bound, fail });
    if (step.verb === 'accept' && !bound.has(step.command))
      fail(`"accept" refers to ${JSON.stringify(step.command)}, which no earlier step has bound.`);
    if ('bind' in step && step.bind !== undefined) bound.add(step.bind);
  }
  if (!tape.steps.some(({ verb }) => JUDGES.includes(verb)))
    throw new TapeError(tape.file, headerLine, 'The tape has no expectation, so it would always pass.');
}

/** @throws {TapeError} when the tape is invalid; the message names the file and the line */
export function parseClientTape(text: string, file: string): ClientTape {
  const [first, ...rest] = readLines(text, file);
  if (first === undefined) throw new TapeError(file, 1, 'The file is empty; a tape must begin with its header.');
  const tape: ClientTape = {
    header: readHeader(first.value, readerAt(file, first.number)),
    steps: rest.map(({ value, number }) => readStep(value, readerAt(file, number))),
    file,
  };
  checkSteps(tape, first.number);
  return tape;
}
