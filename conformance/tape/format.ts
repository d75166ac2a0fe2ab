/** The canonical format of a tape: keys in a fixed order, defaults left out, one object per line. */
import { isArray, isObject } from '../trace/json.ts';
import type { Json, JsonObject } from '../trace/json.ts';
import { readLines } from './parse.ts';

const HEADER_KEYS = ['tape', 'id', 'clauses', 'level', 'needs', 'stimulus', 'why', 'actors'];
/** The keys of steps in a tape for servers, in the order in which they are written. */
const STEP_KEYS = [
  'as',
  'open',
  'send',
  'sendText',
  'sendFrame',
  'recv',
  'fields',
  'never',
  'until',
  'http',
  'expect',
  'stim',
  'drop',
  'pause',
  'closed',
  'control',
  'par',
  'bind',
  'times',
  'within',
  'note',
];
/** The keys of steps in a client tape, in the order in which they are written. */
const CLIENT_STEP_KEYS = [
  ...[
    'drive',
    'open',
    'send',
    'sendText',
    'sendFrame',
    'sendRaw',
    'recv',
    'either',
    'or',
    'never',
    'until',
    'accept',
    'emit',
  ],
  ...[
    'complete',
    'heartbeat',
    'drop',
    'closed',
    'reported',
    'notReported',
    'quiet',
    'atMost',
    'waits',
    'bind',
    'waited',
    'within',
    'note',
  ],
];
const ENVELOPE_KEYS = ['type', 'id', 'data'];
const DEFAULTS: JsonObject = { level: 'must', stimulus: 'none', needs: [] };

/**
 * Whether a tape tests a client: the suite acts as the server and controls a program that uses the client.
 * @throws {TapeError} when a line is not a JSON object.
 */
export function isClientTape(text: string, file: string): boolean {
  return readLines(text, file).some(({ value }) => Object.hasOwn(value, 'drive'));
}

/** Puts the members with these keys first, in the order of the keys. The other members follow in their original order. */
function ordered(value: JsonObject, keys: readonly string[]): JsonObject {
  const known = keys.filter((key) => Object.hasOwn(value, key));
  const others = Object.keys(value).filter((key) => !keys.includes(key));
  return Object.fromEntries([...known, ...others].map((key) => [key, value[key] ?? null]));
}

function tidyStep(step: Json, keys: readonly string[]): Json {
  if (!isObject(step)) return step;
  const tidy = Object.entries(ordered(step, keys)).map(([key, value]): [string, Json] => {
    if (key === 'par' && isArray(value))
      return [key, value.map((branch) => (isArray(branch) ? branch.map((each) => tidyStep(each, keys)) : branch))];
    const isMessage = ['send', 'recv', 'never', 'until'].includes(key);
    return [key, isMessage && isObject(value) ? ordered(value, ENVELOPE_KEYS) : value];
  });
  return Object.fromEntries(tidy);
}

function tidyHeader(header: JsonObject): JsonObject {
  const members = Object.entries(ordered(header, HEADER_KEYS));
  // The level is always written, even if it is the default, because readers look for it first.
  const kept = members.filter(
    ([key, value]) => key === 'level' || JSON.stringify(DEFAULTS[key]) !== JSON.stringify(value),
  );
  const level = Object.hasOwn(header, 'level') ? {} : { level: 'must' };
  return ordered({ ...Object.fromEntries(kept), ...level }, HEADER_KEYS);
}

/**
 * Formats a tape for servers, or one for clients.
 * @throws {TapeError} when a line is not a JSON object.
 */
export function formatTape(text: string, file: string): string {
  const [header, ...steps] = readLines(text, file);
  if (header === undefined) return '';
  const keys = isClientTape(text, file) ? CLIENT_STEP_KEYS : STEP_KEYS;
  const lines = [tidyHeader(header.value), ...steps.map(({ value }) => tidyStep(value, keys))];
  return `${lines.map((line) => JSON.stringify(line)).join('\n')}\n`;
}
