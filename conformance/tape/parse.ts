/** Parses a tape. Every fault is reported with file and line before anything is sent. */
import { isArray, isObject, tryParse } from '../trace/json.ts';
import type { Json, JsonObject } from '../trace/json.ts';
import { checkTape } from './check.ts';
import { TapeError } from './fault.ts';
import { readHeader } from './header.ts';
import { readEventStream, readFrame, readHttp, readStim, readWithin } from './parts.ts';
import type { Reader } from './parts.ts';
import type { Step, StepBase, Tape } from './tape.ts';

const MODIFIERS = ['as', 'note', 'within', 'bind', 'until', 'expect', 'times', 'fields'] as const;

type Modifier = (typeof MODIFIERS)[number];

interface VerbSpec {
  /** The keys that a step must have (`needs`) or may have (`takes`) besides its verb. `note` is always allowed. */
  readonly needs: readonly Modifier[];
  readonly takes: readonly Modifier[];
  readonly read: (value: Json, line: JsonObject, reader: Reader) => Omit<Step, keyof StepBase>;
}

function actor(line: JsonObject, reader: Reader): string {
  return reader.text(line['as'], '"as"');
}

function waits(line: JsonObject, reader: Reader): { readonly within?: number | { readonly heartbeats: number } } {
  return line['within'] === undefined ? {} : { within: readWithin(line['within'], reader) };
}

function binds(line: JsonObject, reader: Reader): { readonly bind?: string } {
  return line['bind'] === undefined ? {} : { bind: reader.name(line['bind'], '"bind"') };
}

const OPEN_KEYS = ['refused', 'protocol', 'events', 'headers'] as const;

const VERBS: Readonly<Record<Step['verb'], VerbSpec>> = {
  open: {
    needs: ['as'],
    takes: ['within'],
    read: (value, line, reader) => {
      const { refused, protocol, events, headers } = reader.object(value, '"open"', OPEN_KEYS);
      if (refused !== undefined && protocol !== undefined)
        reader.fail('"open" must not have both "refused" and "protocol": a rejected upgrade chooses no subprotocol.');
      const step = { verb: 'open', as: actor(line, reader), ...waits(line, reader) } as const;
      return {
        ...step,
        ...(refused === undefined ? {} : { refused }),
        ...(protocol === undefined ? {} : { protocol }),
        ...(events === undefined ? {} : { events: readEventStream(events, reader) }),
        ...(headers === undefined ? {} : { headers }),
      };
    },
  },
  send: {
    needs: ['as'],
    takes: [],
    read: (value, line, reader) => ({
      verb: 'send',
      as: actor(line, reader),
      message: reader.object(value, '"send"'),
    }),
  },
  sendText: {
    needs: ['as'],
    takes: [],
    read: (value, line, reader) => ({ verb: 'sendText', as: actor(line, reader), text: value }),
  },
  sendFrame: {
    needs: ['as'],
    takes: [],
    read: (value, line, reader) => ({ verb: 'sendFrame', as: actor(line, reader), frame: readFrame(value, reader) }),
  },
  recv: {
    needs: ['as'],
    takes: ['bind', 'within', 'fields'],
    read: (value, line, reader) => ({
      verb: 'recv',
      as: actor(line, reader),
      pattern: value,
      ...(line['fields'] === undefined ? {} : { fields: line['fields'] }),
      ...binds(line, reader),
      ...waits(line, reader),
    }),
  },
  never: {
    needs: ['as', 'until'],
    takes: ['within'],
    read: (value, line, reader) => ({
      verb: 'never',
      as: actor(line, reader),
      pattern: value,
      until: line['until'] ?? null,
      ...waits(line, reader),
    }),
  },
  http: {
    needs: ['expect'],
    takes: ['bind', 'within', 'times'],
    read: (value, line, reader) => ({
      verb: 'http',
      request: readHttp(value, reader),
      expect: line['expect'] ?? null,
      ...(line['times'] === undefined ? {} : { times: reader.whole(line['times'], '"times"') }),
      ...binds(line, reader),
      ...waits(line, reader),
    }),
  },
  stim: {
    needs: [],
    takes: ['bind'],
    read: (value, line, reader) => ({ verb: 'stim', events: readStim(value, reader), ...binds(line, reader) }),
  },
  drop: {
    needs: ['as'],
    takes: [],
    read: (value, line, reader) => {
      const { code } = reader.object(value, '"drop"', ['code']);
      const step = { verb: 'drop', as: actor(line, reader) } as const;
      return code === undefined ? step : { ...step, code: reader.whole(code, '"code"') };
    },
  },
  pause: {
    needs: ['as'],
    takes: [],
    read: (value, line, reader) => ({
      verb: 'pause',
      as: actor(line, reader),
      what: reader.oneOf(value, '"pause"', ['read', 'off'] as const),
    }),
  },
  closed: {
    needs: ['as'],
    takes: ['within'],
    read: (value, line, reader) => ({
      verb: 'closed',
      as: actor(line, reader),
      pattern: reader.object(value, '"closed"', ['code', 'reason']),
      ...waits(line, reader),
    }),
  },
  control: {
    needs: [],
    takes: [],
    read: (value, _line, reader) => ({ verb: 'control', name: reader.name(value, '"control"') }),
  },
  par: {
    needs: [],
    takes: [],
    read: (value, _line, reader) => {
      const branches = reader
        .list(value, '"par" must be a list of lists of steps.')
        .map((branch) =>
          reader.list(branch, 'A branch of "par" must be a list of steps.').map((each) => readStep(each, reader)),
        );
      if (branches.length < 2 || branches.some((branch) => branch.length === 0))
        reader.fail('"par" must have at least two branches, none of them empty.');
      return { verb: 'par', branches };
    },
  },
};

function readStep(value: Json, reader: Reader): Step {
  const line = reader.object(value, 'A step');
  const keys = Object.keys(line);
  const verbs = keys.filter((key) => Object.hasOwn(VERBS, key)) as Step['verb'][];
  const [verb] = verbs;
  if (verb === undefined || verbs.length !== 1)
    return reader.fail(
      `A step must have exactly one of ${Object.keys(VERBS).join(', ')}; this one has ${keys.join(', ')}.`,
    );
  const spec = VERBS[verb];
  const allowed: readonly string[] = [verb, 'note', ...spec.needs, ...spec.takes];
  const stray = keys.find((key) => !allowed.includes(key));
  if (stray !== undefined)
    return reader.fail(
      `"${verb}" has an unknown key ${JSON.stringify(stray)}; allowed are ${allowed.slice(1).join(', ')}.`,
    );
  const missing = spec.needs.find((key) => line[key] === undefined);
  if (missing !== undefined) return reader.fail(`"${verb}" needs "${missing}".`);
  const note = line['note'] === undefined ? {} : { note: reader.text(line['note'], '"note"') };
  // `spec.read` has set every member of this kind of step.
  return { ...spec.read(line[verb] ?? null, line, reader), ...note, line: reader.line } as Step;
}

export interface SourceLine {
  readonly number: number;
  readonly value: JsonObject;
}

/** Parses each line as JSON. Empty lines are skipped, so that a tape can have paragraphs. */
export function readLines(text: string, file: string): readonly SourceLine[] {
  return text.split('\n').flatMap((raw, index) => {
    if (raw.trim() === '') return [];
    const value = tryParse(raw);
    if (!isObject(value)) throw new TapeError(file, index + 1, 'A line of a tape must be one JSON object.');
    return [{ number: index + 1, value }];
  });
}

/** @throws {TapeError} when the tape is invalid; the message names the file and the line */
export function parseTape(text: string, file: string): Tape {
  const [first, ...rest] = readLines(text, file);
  if (first === undefined) throw new TapeError(file, 1, 'The file is empty; a tape must begin with its header.');
  const tape: Tape = {
    header: readHeader(first.value, readerAt(file, first.number)),
    steps: rest.map(({ value, number }) => readStep(value, readerAt(file, number))),
    file,
  };
  checkTape(tape, first.number);
  return tape;
}

/** Makes a reader for the values of one line. It reports a fault as a {@link TapeError} with file and line. */
export function readerAt(file: string, line: number): Reader {
  const fail = (text: string): never => {
    throw new TapeError(file, line, text);
  };
  const text = (value: Json | undefined, what: string): string =>
    typeof value === 'string' && value !== '' ? value : fail(`${what} must be a non-empty string.`);
  return {
    line,
    fail,
    text,
    name: (value, what) => {
      const found = text(value, what);
      return /^[a-z][a-zA-Z0-9_-]*$/.test(found)
        ? found
        : fail(`${what} must be a name: a lower-case letter, then letters, digits, "_" or "-".`);
    },
    whole: (value, what) =>
      typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
        ? value
        : fail(`${what} must be a whole number that is not negative.`),
    list: (value, message) => (isArray(value) ? value : fail(message)),
    oneOf: (value, what, options) =>
      options.find((each) => each === value) ??
      fail(
        `${what} must be ${options.map((each) => JSON.stringify(each)).join(' or ')}, not ${JSON.stringify(value)}.`,
      ),
    object: (value, what, keys) => {
      if (!isObject(value)) return fail(`${what} must be an object.`);
      const stray = keys === undefined ? undefined : Object.keys(value).find((key) => !keys.includes(key));
      return stray === undefined
        ? value
        : fail(`${what} has an unknown key ${JSON.stringify(stray)}; allowed are ${keys?.join(', ')}.`);
    },
  };
}
