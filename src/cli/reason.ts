/** Describes errors in texts for users. */

/** The message of the innermost cause, which is the most specific: `ECONNREFUSED` instead of `fetch failed`. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.cause !== undefined) return reasonOf(error.cause);
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  return error.message === '' ? error.name : plainFault(error.message);
}

/** Shortens `ENOENT: no such file or directory, stat 'a.yaml'` of Node, because the sentence that contains the text names the file. */
function plainFault(message: string): string {
  return message.replace(/^(E[A-Z]+): (.+), [a-z]+(?: '.*')?$/, '$2, $1');
}

/** Why a directory cannot be watched. */
export function watchFault(directory: string, error: unknown): string {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return `${directory} does not exist.`;
  return `${directory} cannot be watched: ${reasonOf(error)}`;
}
