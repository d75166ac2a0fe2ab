/** Classifies errors of the file system. */

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

/** Only these two codes prove that an entry does not exist. */
export function isGone(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'ENOENT' || code === 'ENOTDIR';
}

/** The process has no permission; the entry may exist. */
export function isForbidden(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'EACCES' || code === 'EPERM';
}

/** A limit of the system is used up, so that nothing more can be watched. */
export function isExhausted(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'ENOSPC' || code === 'EMFILE' || code === 'ENFILE' || code === 'ENOMEM';
}

/** The code of a system error, otherwise its message. Never a path of the server. */
export function reasonOf(error: unknown): string {
  const code = codeOf(error);
  if (typeof code === 'string') return code;
  return error instanceof Error ? error.message : 'unknown error';
}
