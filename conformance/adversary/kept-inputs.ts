/** Reads the costliest inputs of earlier searches. The hostile pack sends them, and a new search starts from them. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isObject, tryParse } from '../trace/json.ts';
import type { Evaluated } from './hill-climbing.ts';
import type { Input } from './input.ts';
import type { Measured, SearchResult } from './search.ts';

/** In a clone and in the package, the file is beside this module. */
const FILE = fileURLToPath(new URL('worst.ndjson', import.meta.url));

export interface KeptInput extends Evaluated<Measured> {
  readonly operation: string;
}

/** @throws {TypeError} when a line cannot be read; the message names the line */
export function readKept(file = FILE): readonly KeptInput[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.flatMap((line, at) => (line.trim() === '' ? [] : [readLine(line, `${file}:${at + 1}`)]));
}

function readLine(line: string, place: string): KeptInput {
  const value = tryParse(line);
  if (!isObject(value) || typeof value['operation'] !== 'string' || !isObject(value['input'] ?? null))
    throw new TypeError(`${place} is not an input of the adversary; expected {"operation": …, "input": {…}}.`);
  return value as unknown as KeptInput;
}

export function keptText(results: readonly SearchResult[]): string {
  const lines = results.flatMap(({ operation, worst }) =>
    worst.map(({ input, cost }) => JSON.stringify({ operation, input, cost })),
  );
  return `${lines.join('\n')}\n`;
}

export function startsOf(kept: readonly KeptInput[]): (operation: string) => readonly Input[] {
  return (operation) => kept.filter((each) => each.operation === operation).map(({ input }) => input);
}
