/** Classifies errors of the file system. */

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

/**
 * Whether the error of a file system call proves that no entry of the tree has this path. Only these three codes prove it. ELOOP: a
 * directory of the path was replaced by a symbolic link that leads to itself.
 */
export function isGone(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP';
}

/** Whether a file system call failed because the process has no permission. The entry may exist. */
export function isForbidden(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'EACCES' || code === 'EPERM';
}

/** Whether a system call failed because a limit of the system is reached, so that nothing more can be opened or watched. */
export function isExhausted(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'ENOSPC' || code === 'EMFILE' || code === 'ENFILE' || code === 'ENOMEM';
}

/** The code of a system error, or the message of another error. The result never contains a path of the server. */
export function reasonOf(error: unknown): string {
  const code = codeOf(error);
  if (typeof code === 'string') return code;
  return error instanceof Error ? error.message : 'unknown error';
}
