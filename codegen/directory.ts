/**
 * Makes the directories for generated files.
 *
 * This file does not use `mkdir` with the option `recursive`. With this option, Node retries forever if a directory exists but `mkdir`
 * in it fails with ENOENT. The directories under /proc behave in this way.
 */
import { mkdir, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/** Thrown when the output cannot be written. The message is one line that contains the reason. */
export class OutputError extends Error {
  constructor(message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options);
    this.name = 'OutputError';
  }
}

/** @throws {OutputError} when the directory or one of its parents is a file or cannot be made. */
export async function makeDirectory(path: string): Promise<void> {
  const missing: string[] = [];
  let at = resolve(path);
  while (!(await isDirectory(at))) {
    missing.push(at);
    at = dirname(at);
  }
  for (const each of missing.toReversed()) {
    await mkdir(each).catch(async (error: unknown) => {
      // Another process may have made the directory in the meantime.
      if (!(await isDirectory(each))) throw unwritable(each, error);
    });
  }
}

/** @returns false if nothing exists at the path. @throws {OutputError} if the path is a file. */
async function isDirectory(path: string): Promise<boolean> {
  try {
    if ((await stat(path)).isDirectory()) return true;
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return false;
    throw unwritable(path, error);
  }
  throw new OutputError(`${path} is a file, but the output must be a directory. Choose another path.`);
}

/** Makes an {@link OutputError} from a file system error. */
export function unwritable(path: string, error: unknown): OutputError {
  const reason = error instanceof Error ? error.message : String(error);
  return new OutputError(`${path} cannot be written: ${reason}. Choose a path where you have permission to write.`, {
    cause: error,
  });
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
