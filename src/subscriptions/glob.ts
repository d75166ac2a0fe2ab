/**
 * Path patterns (SUB-5). A plain path matches itself and everything below it; a pattern with `*` or `?` must match the whole
 * path. `*` and `?` stay inside a segment, `**` as a whole segment stands for any number of segments, none included. Every other
 * character is literal, also `[`, `(`, `{`, `!` and a leading dot: `app/[id]/(group)/page.tsx` is a real path.
 */
import { ProtocolError } from '../errors.ts';

const WILD = /[*?]/;

function refuse(message: string, pointer: string): never {
  throw new ProtocolError('filter_invalid', message, { pointer });
}

/**
 * Brings a pattern into the form in which it is compared and shown: NFC, without `./` before it and `/` behind it.
 * @throws {ProtocolError} `filter_invalid` for absolute paths, `..`, backslashes and empty segments.
 */
export function normalisePattern(raw: string, pointer: string): string {
  const pattern = raw
    .normalize('NFC')
    .replace(/^(?:\.\/)+/, '')
    .replace(/\/$/, '');
  if (raw.includes('\\')) refuse('A path is written with "/", not with a backslash.', pointer);
  if (raw.includes('\u0000')) refuse('A path cannot hold a NUL character.', pointer);
  if (raw.startsWith('/')) refuse('A path is relative to the watched root: leave out the leading "/".', pointer);
  if (pattern === '' || pattern === '.')
    refuse('An empty path matches nothing; leave the filter out to match everything.', pointer);
  const segments = pattern.split('/');
  if (segments.includes('..')) refuse('A path cannot leave the watched root by "..".', pointer);
  if (segments.includes('') || segments.includes('.')) refuse('A path has no empty segment and no ".".', pointer);
  return pattern;
}

export function isGlob(pattern: string): boolean {
  return WILD.test(pattern);
}

/** The whole segments before the first one with a wildcard: everything that the pattern matches lies below them. */
export function literalPrefix(pattern: string): string {
  const segments = pattern.split('/');
  const first = segments.findIndex((each) => WILD.test(each));
  return (first < 0 ? segments : segments.slice(0, first)).join('/');
}
