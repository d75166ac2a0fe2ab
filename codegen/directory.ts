/**
 * Makes the directories that generated files go into.
 *
 * Not `mkdir` with `recursive`: where a parent is there and yet says that it is not, as under /proc, Node goes up and down
 * between the two for ever.
 */
import { mkdir, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/** Where the output cannot go. The message is one line, and says why. */
export class OutputError extends Error {
  constructor(message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options);
    this.name = 'OutputError';
  }
}

/** @throws {OutputError} when the directory, or one above it, is a file or cannot be made. */
export async function makeDirectory(path: string): Promise<void> {
  const missing: string[] = [];
  let at = resolve(path);
  while (!(await isDirectory(at))) {
    missing.push(at);
    at = dirname(at);
  }
  for (const each of missing.toReversed()) {
    await mkdir(each).catch(async (error: unknown) => {
      // Somebody else may have made it in the meantime.
      if (!(await isDirectory(each))) throw unwritable(each, error);
    });
  }
}

/** @returns false when nothing is there. */
async function isDirectory(path: string): Promise<boolean> {
  try {
    if ((await stat(path)).isDirectory()) return true;
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return false;
    throw unwritable(path, error);
  }
  throw new OutputError(`${path} is a file, and the output needs a directory. Give another one.`);
}

/** Words for what the file system says. */
export function unwritable(path: string, error: unknown): OutputError {
  const reason = error instanceof Error ? error.message : String(error);
  return new OutputError(`${path} cannot be written: ${reason}. Give a place where you may write.`, { cause: error });
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
