/**
 * Path patterns (SUB-5). A plain path matches itself and everything below it; a pattern with `*` or `?` must match the whole
 * path. `*` and `?` stay inside a segment, `**` as a whole segment stands for any number of segments, none included. Every other
 * character is literal, also `[`, `(`, `{`, `!` and a leading dot: `app/[id]/(group)/page.tsx` is a real path.
 *
 * Both levels use the same greedy walk with one point of return, the last star. It compares each character of the pattern with
 * each of the path at most once, so no pattern can make it slower than pattern × path.
 */
import { ProtocolError } from '../errors.ts';

export type PathMatcher = (path: string) => boolean;

const WILD = /[*?]/;

/** Walks `pattern` along `subject`; `isStar` marks what stands for any run, `fits` compares one item with one item. */
function walk<P, S>(
  pattern: readonly P[],
  subject: readonly S[],
  isStar: (item: P) => boolean,
  fits: (item: P, other: S) => boolean,
): boolean {
  let p = 0;
  let s = 0;
  let star = -1;
  let resume = 0;
  while (s < subject.length) {
    const item = pattern[p];
    if (item !== undefined && isStar(item)) {
      star = p;
      resume = s;
      p += 1;
    } else if (item !== undefined && fits(item, subject[s] as S)) {
      p += 1;
      s += 1;
    } else if (star >= 0) {
      resume += 1;
      p = star + 1;
      s = resume;
    } else {
      return false;
    }
  }
  return pattern.slice(p).every(isStar);
}

type Segment =
  | { readonly kind: 'any' }
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'wild'; readonly characters: readonly string[] };

function compileSegment(text: string): Segment {
  if (text === '**') return { kind: 'any' };
  return WILD.test(text) ? { kind: 'wild', characters: Array.from(text) } : { kind: 'literal', text };
}

function segmentFits(segment: Segment, text: string): boolean {
  if (segment.kind === 'any') return true;
  if (segment.kind === 'literal') return segment.text === text;
  return walk(
    segment.characters,
    Array.from(text),
    (each) => each === '*',
    (each, other) => each === '?' || each === other,
  );
}

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

/** Compiles a normalised pattern. The path is compared in NFC. */
export function compilePattern(pattern: string): PathMatcher {
  if (!isGlob(pattern)) {
    const below = `${pattern}/`;
    return (path) => path === pattern || path.startsWith(below);
  }
  const segments = pattern.split('/').map(compileSegment);
  return (path) => walk(segments, path.split('/'), (each) => each.kind === 'any', segmentFits);
}
