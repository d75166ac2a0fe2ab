/**
 * Reads the frames of recorded tapes (the NDJSON of `tidemark conformance`): the frames that a client sends and those that it
 * expects. An expected frame may have matchers instead of values; only literal values are kept.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isObject, objectAt, textAt } from './json.ts';
import type { JsonObject } from './json.ts';

export interface Frame {
  /** Tape and line, such as `recorded/handoff:5`. */
  readonly at: string;
  readonly kind: 'command' | 'message' | 'publication' | 'request' | 'response';
  /**
   * The content of the frame. If the kind is `message` or `response`, it has only the members that the tape names.
   */
  readonly value: unknown;
  /** For HTTP requests and responses: method and path, such as `GET /path`. */
  readonly resource?: string;
}

/** Thrown when a directory or a file of tapes cannot be used. The message names the directory or file, and the reason. */
export class TapeError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'TapeError';
  }
}

/** @throws {TapeError} when the directory has no tape, or a line is not a JSON object; file system errors are not caught. */
export async function readFrames(directory: string): Promise<{ readonly tapes: number; readonly frames: Frame[] }> {
  const names = (await readdir(directory, { recursive: true })).filter((name) => name.endsWith('.ndjson')).toSorted();
  if (names.length === 0)
    throw new TapeError(`${directory} contains no tapes (*.ndjson). Choose a directory of recorded tapes.`);
  const frames: Frame[] = [];
  for (const name of names) {
    const text = await readFile(join(directory, name), 'utf8');
    frames.push(...framesOf(name.replaceAll('\\', '/').replace(/\.ndjson$/, ''), text));
  }
  return { tapes: names.length, frames };
}

/** @throws {TapeError} in the same cases as {@link readFrames}. */
export function framesOf(tape: string, text: string): Frame[] {
  return text.split('\n').flatMap((line, index): Frame[] => {
    const at = `${tape}:${index + 1}`;
    if (line.trim() === '' || index === 0) return [];
    return framesOfStep(readLine(line, at), at);
  });
}

function readLine(line: string, at: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new TapeError(`${at} is not JSON. Each line of a tape must be a JSON object. Record the tape again.`);
  }
  if (!isObject(value))
    throw new TapeError(`${at} is not a JSON object, as each line of a tape must be. Record the tape again.`);
  return value;
}

function framesOfStep(step: JsonObject, at: string): Frame[] {
  const frames: Frame[] = [];
  const { send, sendText, recv, stim, http, par } = step;
  if (isObject(send)) frames.push({ at, kind: 'command', value: filled(send) });
  if (isObject(sendText)) frames.push({ at, kind: 'command', value: filled(sendText) });
  if (isObject(recv)) frames.push({ at, kind: 'message', value: filled(written(recv)) });
  for (const event of Array.isArray(stim) ? stim : stim === undefined ? [] : [stim])
    frames.push({ at, kind: 'publication', value: filled(event) });
  if (isObject(http)) frames.push(...httpFrames(http, step['expect'], at));
  for (const branch of Array.isArray(par) ? par : [])
    for (const each of Array.isArray(branch) ? branch : []) if (isObject(each)) frames.push(...framesOfStep(each, at));
  return frames;
}

function httpFrames(http: JsonObject, expect: unknown, at: string): Frame[] {
  const [path = ''] = (textAt(http, 'path') ?? '').split('?');
  const resource = `${textAt(http, 'method') ?? 'GET'} ${path}`;
  const frames: Frame[] = [];
  if (isObject(http['body'])) frames.push({ at, kind: 'request', value: filled(http['body']), resource });
  const body = written(objectAt(expect)['body']);
  if (isObject(body)) frames.push({ at, kind: 'response', value: filled(body), resource });
  return frames;
}

/** The literal members of a pattern. Members with a matcher are omitted, because their values are unknown. */
function written(pattern: unknown): unknown {
  if (Array.isArray(pattern)) return pattern.map(written).filter((each) => each !== undefined);
  if (!isObject(pattern)) return pattern;
  const [key, ...others] = Object.keys(pattern);
  if (key !== undefined && key.startsWith('$') && others.length === 0) {
    const argument = pattern[key];
    return key === '$bind' && Array.isArray(argument) ? written(argument[1]) : undefined;
  }
  const members = Object.entries(pattern).map(([name, each]) => [name, written(each)] as const);
  return Object.fromEntries(members.filter(([, each]) => each !== undefined));
}

const PLACEHOLDER = /\$\{(?:(nonce|origin)|fill:(\d{1,6}))\}/g;

function filled(value: unknown): unknown {
  if (typeof value === 'string')
    return value.replaceAll(PLACEHOLDER, (_all, name: string | undefined, length: string | undefined) =>
      name === undefined ? 'x'.repeat(Number(length)) : name === 'nonce' ? 'n0' : 'http://127.0.0.1:7400',
    );
  if (Array.isArray(value)) return value.map(filled);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, filled(each)]));
}
