/** Reads the file of `--known-failing`. */
import { UsageError, readInput } from './terminal.ts';

/** Reads one id per line; `#` begins a comment. @throws {UsageError} when a line is not the id of a check. */
export function knownFailingOf(file: string | undefined, ids: readonly string[]): ReadonlySet<string> {
  if (file === undefined) return new Set();
  const listed = readInput(file)
    .split('\n')
    .map((line) => line.replace(/#.*$/, '').trim());
  const entries = listed.filter((line) => line !== '');
  const unknown = entries.find((entry) => !ids.includes(entry));
  if (unknown !== undefined)
    throw new UsageError(
      `${file} lists ${JSON.stringify(unknown)}, which is not the id of a check; remove or correct the line.`,
    );
  return new Set(entries);
}
