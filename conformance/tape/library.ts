/** The tapes that come with the suite. */
import { globSync, readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { matchesGlob, relative, resolve } from 'node:path';
import { filterTapes } from './filter-tapes.ts';
import { TapeError } from './fault.ts';
import { parseTape } from './parse.ts';
import type { Tape } from './tape.ts';

export const TAPES = fileURLToPath(new URL('../tapes', import.meta.url));

/**
 * Reads all tape files in a directory and its subdirectories, sorted by id.
 * @param parse parses one file, from its text and the path to show in errors
 * @throws {TapeError} for the first tape that is invalid, or whose id differs from its path.
 */
export function loadDirectory<T extends { readonly header: { readonly id: string } }>(
  directory: string,
  parse: (text: string, shown: string) => T,
): readonly T[] {
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw new TapeError(relative(process.cwd(), directory), 1, 'The directory does not exist.');
  const files = globSync('**/*.ndjson', { cwd: directory }).toSorted();
  return files.map((name) => {
    const file = resolve(directory, name);
    const shown = relative(process.cwd(), file);
    const tape = parse(readFileSync(file, 'utf8'), shown);
    const id = name.replaceAll('\\', '/').replace(/\.ndjson$/, '');
    if (tape.header.id !== id)
      throw new TapeError(shown, 1, `The id is ${tape.header.id}, but the path of the file requires ${id}.`);
    return tape;
  });
}

/**
 * Reads all tapes in a directory and its subdirectories, sorted by id.
 * @throws {TapeError} for the first tape that is invalid, or whose id differs from its path.
 */
export function loadTapes(directory: string = TAPES): readonly Tape[] {
  return loadDirectory(directory, parseTape);
}

/** The tapes of a directory; without a directory, the tapes of the suite, including tapes that are made from tables. */
export function suiteTapes(directory?: string): readonly Tape[] {
  return directory === undefined ? [...loadTapes(), ...filterTapes()] : loadTapes(directory);
}

/** Whether `--only` (a comma-separated list of globs) selects an id. */
export function isChosen(id: string, only: string | undefined): boolean {
  return only === undefined || only.split(',').some((glob) => matchesGlob(id, glob.trim()));
}
