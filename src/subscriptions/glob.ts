/**
 * Path patterns (SUB-5). A plain path matches itself and everything below it. A pattern with `*` or `?` must match the whole path: `*` and
 * `?` match within a segment; `**` as a whole segment matches any number of segments, including none. All other characters are literal.
 * This includes `[`, `(`, `{`, `!` and a leading dot, because `app/[id]/(group)/page.tsx` is a real path.
 */
import { ProtocolError } from '../errors.ts';

const WILD = /[*?]/;

function refuse(message: string, pointer: string): never {
  throw new ProtocolError('filter_invalid', message, { pointer });
}

/**
 * Normalises a pattern for comparison and display: the result is in NFC, without a leading `./` and without a trailing `/`.
 * @throws {ProtocolError} `filter_invalid` for absolute paths, `..`, backslashes and empty segments.
 */
export function normalisePattern(raw: string, pointer: string): string {
  const pattern = raw
    .normalize('NFC')
    .replace(/^(?:\.\/)+/, '')
    .replace(/\/$/, '');
  if (raw.includes('\\')) refuse('A path uses "/" as its separator, not a backslash.', pointer);
  if (raw.includes('\u0000')) refuse('A path cannot contain a NUL character.', pointer);
  if (raw.startsWith('/')) refuse('A path is relative to the watched root: remove the leading "/".', pointer);
  if (pattern === '' || pattern === '.')
    refuse(
      'This path is the root, which contains every path. To receive events for all paths, leave this field out of the filter.',
      pointer,
    );
  const segments = pattern.split('/');
  if (segments.includes('..'))
    refuse('A path cannot contain "..", because it must stay below the watched root.', pointer);
  if (segments.includes('') || segments.includes('.'))
    refuse('A path cannot contain an empty segment or ".".', pointer);
  return pattern;
}

export function isGlob(pattern: string): boolean {
  return WILD.test(pattern);
}

/** The segments before the first segment with a wildcard. Every path that the pattern matches is this path or is below it. */
export function literalPrefix(pattern: string): string {
  const wild = pattern.search(WILD);
  return wild < 0 ? pattern : pattern.slice(0, Math.max(0, pattern.lastIndexOf('/', wild)));
}
