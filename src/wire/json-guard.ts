/**
 * Parses JSON from an untrusted client (ERR-3). `JSON.parse` alone accepts any depth, uses the last of two equal keys without an error,
 * rounds large numbers and accepts `__proto__`. Two parsers could therefore read two different messages from the same text. `scan` refuses
 * all of these before `JSON.parse` creates a value.
 */
import { ProtocolError } from '../errors.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const COLON = 0x3a;
const MINUS = 0x2d;

function refuse(message: string): never {
  throw new ProtocolError('invalid_json', message);
}

/** Finds the end of the string literal that begins at `start`. @returns the index after its closing quote */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  for (;;) {
    const code = text.charCodeAt(at);
    if (Number.isNaN(code)) refuse('A string has no closing quotation mark.');
    if (code === QUOTE) return at + 1;
    at += code === BACKSLASH ? 2 : 1;
  }
}

function decodeString(literal: string): string {
  if (!literal.includes('\\')) return literal.slice(1, -1);
  let value: unknown;
  try {
    value = JSON.parse(literal);
  } catch {
    refuse('A string contains an escape that JSON does not have.');
  }
  const text = String(value);
  if (!text.isWellFormed()) refuse('A string contains a lone surrogate; escape whole code points.');
  return text;
}

const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

/** Checks the number that begins at `start`. @returns the index after the number */
function endOfNumber(text: string, start: number): number {
  NUMBER.lastIndex = start;
  const literal = NUMBER.exec(text)?.[0];
  if (literal === undefined) refuse('A number has a form that JSON does not allow.');
  const value = Number(literal);
  if (!Number.isFinite(value)) refuse('A number is too large.');
  if (Number.isInteger(value) && !Number.isSafeInteger(value))
    refuse('An integer is beyond 2^53−1 and would be rounded.');
  return start + literal.length;
}

/** One element for each object or array that is not closed yet: the keys of the object so far, or `undefined` for an array. */
type Frames = (Set<string> | undefined)[];

/**
 * Checks the string at `start`. In an object, a string before a colon is a key.
 * @returns the index after the string, or after the colon if the string is a key
 */
function takeString(text: string, start: number, frames: Frames): number {
  const end = endOfString(text, start);
  const value = decodeString(text.slice(start, end));
  const keys = frames.at(-1);
  if (keys === undefined) return end;
  let next = end;
  while (text.charCodeAt(next) <= 0x20) next += 1;
  if (text.charCodeAt(next) !== COLON) return end;
  if (value === '__proto__') refuse('The key "__proto__" is not allowed anywhere.');
  if (keys.has(value)) refuse(`The key ${JSON.stringify(value.slice(0, 64))} is repeated in one object.`);
  keys.add(value);
  return next + 1;
}

function scan(text: string, maxDepth: number): void {
  const frames: Frames = [];
  let at = 0;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = takeString(text, at, frames);
    } else if (code === OPEN_BRACE || code === OPEN_BRACKET) {
      frames.push(code === OPEN_BRACE ? new Set() : undefined);
      if (frames.length > maxDepth) refuse(`The JSON is nested deeper than ${maxDepth} levels.`);
      at += 1;
    } else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) {
      frames.pop();
      at += 1;
    } else if (code === MINUS || (code >= 0x30 && code <= 0x39)) {
      at = endOfNumber(text, at);
    } else {
      at += 1;
    }
  }
}

/**
 * Parses JSON text.
 * @param options.maxDepth the maximum number of nested levels
 * @throws {ProtocolError} `invalid_json`, with a message that names the fault and quotes at most 64 characters of the input
 */
export function parseJson(text: string, options: { readonly maxDepth: number }): unknown {
  scan(text, options.maxDepth);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ProtocolError('invalid_json', 'This is not JSON. Send one JSON object: {"type": …, "data": {…}}.', {
      cause,
    });
  }
}
