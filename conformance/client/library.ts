/** Reads client tapes: those of the suite, or those of a directory. */
import { fileURLToPath } from 'node:url';
import { loadDirectory } from '../tape/library.ts';
import { parseClientTape } from './parse.ts';
import type { ClientTape } from './tape.ts';

export const CLIENT_TAPES = fileURLToPath(new URL('tapes', import.meta.url));

/**
 * Reads all client tapes in a directory and its subdirectories, sorted by id.
 * @throws {TapeError} for the first tape that is invalid, or whose id differs from its path.
 */
export function loadClientTapes(directory: string = CLIENT_TAPES): readonly ClientTape[] {
  return loadDirectory(directory, parseClientTape);
}
