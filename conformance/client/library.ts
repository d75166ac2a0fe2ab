/** Reads client tapes: those of the suite, or those of a directory. */
import { globSync, readFileSync, statSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TapeError } from '../tape/fault.ts';
import { parseClientTape } from './parse.ts';
import type { ClientTape } from './script.ts';

export const CLIENT_TAPES = fileURLToPath(new URL('tapes', import.meta.url));

/**
 * Reads all client tapes below a directory, by id.
 * @throws {TapeError} for the first one that cannot be read, or whose id is not its path.
 */
export function loadClientTapes(directory: string = CLIENT_TAPES): readonly ClientTape[] {
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw new TapeError(relative(process.cwd(), directory), 1, 'The directory does not exist.');
  const files = globSync('**/*.ndjson', { cwd: directory }).toSorted();
  return files.map((name) => {
    const file = resolve(directory, name);
    const shown = relative(process.cwd(), file);
    const tape = parseClientTape(readFileSync(file, 'utf8'), shown);
    const id = name.replaceAll('\\', '/').replace(/\.ndjson$/, '');
    if (tape.header.id !== id)
      throw new TapeError(shown, 1, `The id is ${tape.header.id}, but the path of the file requires ${id}.`);
    return tape;
  });
}
