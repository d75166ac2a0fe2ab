/**
 * One line of an ignore file, interpreted as gitignore(5) describes. Names and patterns are compared byte by byte, as in Git.
 *
 * Matching simulates an automaton with one state per token. For each byte of the path, each state is visited at most once. Therefore, for
 * every pattern, the time is at most proportional to the length of the pattern times the length of the path.
 */
import type { ByteString } from '../names.ts';

export interface PatternOptions {
  /** Whether to match case-insensitively, because the file system is case-insensitive. */
  readonly foldCase: boolean;
}

export interface IgnorePattern {
  /** Whether the line begins with `!`. */
  readonly negated: boolean;
  /** Whether the line ends with `/`. */
  readonly directoryOnly: boolean;
  /** Whether the pattern is compared only with the last segment of a path. */
  readonly nameOnly: boolean;
  /** For a pattern that is a plain name: the name that the last segment of a path must have. Undefined for other patterns. */
  readonly literal: ByteString | undefined;
  /** For a pattern such as `*.ext`: the end that a matching name must have (`.ext`). Undefined for other patterns. */
  readonly suffix: ByteString | undefined;
  /** @param subject the last segment of the path if `nameOnly` is true, otherwise the path relative to the ignore file */
  matches(subject: ByteString): boolean;
}

type Token =
  | { readonly kind: 'byte'; readonly code: number }
  | { readonly kind: 'one' }
  | { readonly kind: 'set'; readonly codes: Uint8Array }
  /** `*`: any number of characters other than `/`. */
  | { readonly kind: 'run' }
  /** `**`: any number of characters. If `jump` is true, it may also match nothing, together with the `/` after it. */
  | { readonly kind: 'deep'; readonly jump: boolean };

const SLASH = 47;
const SPECIAL = /[*?[\\]/;

const CLASSES: Readonly<Record<string, RegExp>> = {
  alnum: /[0-9A-Za-z]/,
  alpha: /[A-Za-z]/,
  blank: /[ \t]/,
  cntrl: /[^ -~]/,
  digit: /[0-9]/,
  graph: /[!-~]/,
  lower: /[a-z]/,
  print: /[ -~]/,
  punct: /[!-/:-@[-`{-~]/,
  space: /[ \t-\r]/,
  upper: /[A-Z]/,
  xdigit: /[0-9A-Fa-f]/,
};

/** Parses a line. @returns undefined if the line is empty or a comment */
export function parsePattern(line: ByteString, options: PatternOptions): IgnorePattern | undefined {
  let text = withoutTrailingSpaces(line);
  if (text === '' || text.startsWith('#')) return undefined;
  const negated = text.startsWith('!');
  if (negated) text = text.slice(1);
  const directoryOnly = text.endsWith('/');
  if (directoryOnly) text = text.slice(0, -1);
  const nameOnly = !text.includes('/');
  if (text.startsWith('/')) text = text.slice(1);
  const plain = !SPECIAL.test(text) && !options.foldCase;
  const tail = text.slice(1);
  const suffix = nameOnly && !options.foldCase && text.startsWith('*') && !SPECIAL.test(tail) ? tail : undefined;
  return {
    negated,
    directoryOnly,
    nameOnly,
    literal: nameOnly && plain ? text : undefined,
    suffix,
    matches: matcher(text, { ...options, plain, suffix }),
  };
}

function matcher(
  text: ByteString,
  { foldCase, plain, suffix }: PatternOptions & { readonly plain: boolean; readonly suffix: ByteString | undefined },
): (subject: ByteString) => boolean {
  if (plain) return (subject) => subject === text;
  if (suffix !== undefined) return (subject) => subject.endsWith(suffix);
  const tokens = tokenise(text, foldCase);
  if (tokens === undefined) return () => false;
  return (subject) => run(tokens, foldCase ? fold(subject) : subject);
}

/** Git removes spaces at the end of a line unless a backslash precedes them. */
function withoutTrailingSpaces(line: ByteString): ByteString {
  let end = 0;
  for (let at = 0; at < line.length; at += 1) {
    if (line[at] === '\\') {
      at += 1;
      end = Math.min(at + 1, line.length);
    } else if (line[at] !== ' ') {
      end = at + 1;
    }
  }
  return line.slice(0, end);
}

function fold(text: ByteString): ByteString {
  return text.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** The tokens of a pattern; undefined for a pattern that can never match, for example because of an unclosed `[`. */
function tokenise(text: ByteString, foldCase: boolean): readonly Token[] | undefined {
  const tokens: Token[] = [];
  // Git compares the part before the first special character separately. Therefore a `**` directly after that part is treated as if it
  // began a segment.
  const start = text.search(SPECIAL);
  const push = (letter: string): void =>
    void tokens.push({ kind: 'byte', code: (foldCase ? fold(letter) : letter).charCodeAt(0) });
  for (let at = 0; at < text.length;) {
    const letter = text[at] ?? '';
    if (letter === '*') {
      let end = at;
      while (text[end] === '*') end += 1;
      const opens = at === start || text[at - 1] === '/';
      const slash = text.startsWith('\\/', end) ? 2 : text[end] === '/' ? 1 : 0;
      const whole = end - at > 1 && opens && (end === text.length || slash > 0);
      tokens.push(whole ? { kind: 'deep', jump: slash > 0 } : { kind: 'run' });
      at = end;
    } else if (letter === '?') {
      tokens.push({ kind: 'one' });
      at += 1;
    } else if (letter === '[') {
      const bracket = readBracket(text, at + 1, foldCase);
      if (bracket === undefined) return undefined;
      tokens.push({ kind: 'set', codes: bracket.codes });
      at = bracket.end;
    } else if (letter === '\\') {
      const escaped = text[at + 1];
      if (escaped === undefined) return undefined;
      push(escaped);
      at += 2;
    } else {
      push(letter);
      at += 1;
    }
  }
  return tokens;
}

interface Bracket {
  readonly codes: Uint8Array;
  /** The index after the closing `]`. */
  readonly end: number;
}

/** Reads a bracket expression, beginning after its `[`. @returns undefined if the expression is not closed or names an unknown class */
function readBracket(text: ByteString, from: number, foldCase: boolean): Bracket | undefined {
  let at = from;
  const negated = text[at] === '!' || text[at] === '^';
  if (negated) at += 1;
  const inside = new Uint8Array(256);
  let previous = 0;
  for (let first = true; first || text[at] !== ']'; first = false) {
    if (at >= text.length) return undefined;
    let code = text.charCodeAt(at);
    if (text[at] === '\\') {
      at += 1;
      if (at >= text.length) return undefined;
      code = text.charCodeAt(at);
      inside[code] = 1;
    } else if (text[at] === '-' && previous > 0 && at + 1 < text.length && text[at + 1] !== ']') {
      at += 1;
      if (text[at] === '\\') {
        at += 1;
        if (at >= text.length) return undefined;
      }
      const last = text.charCodeAt(at);
      for (let each = previous; each <= last; each += 1) inside[each] = 1;
      code = 0;
    } else if (text[at] === '[' && text[at + 1] === ':') {
      const close = text.indexOf(']', at + 2);
      if (close < 0) return undefined;
      if (text[close - 1] === ':' && close - 1 > at + 1) {
        const wanted = CLASSES[text.slice(at + 2, close - 1)];
        if (wanted === undefined) return undefined;
        for (let each = 0; each < 128; each += 1) if (wanted.test(String.fromCharCode(each))) inside[each] = 1;
        at = close;
        code = 0;
      } else {
        // The `[` does not begin a class such as `[:alpha:]`, so it is a literal character.
        inside[code] = 1;
      }
    } else {
      inside[code] = 1;
    }
    previous = code;
    at += 1;
  }
  return { codes: bracketCodes(inside, negated, foldCase), end: at + 1 };
}

function bracketCodes(inside: Uint8Array, negated: boolean, foldCase: boolean): Uint8Array {
  if (foldCase)
    for (let upper = 65; upper <= 90; upper += 1)
      if (inside[upper] === 1 || inside[upper + 32] === 1) inside[upper + 32] = 1;
  const codes = inside.map((each) => (negated ? 1 - each : each));
  codes[SLASH] = 0;
  return codes;
}

function accepts(token: Token, code: number): boolean {
  switch (token.kind) {
    case 'byte':
      return token.code === code;
    case 'set':
      return token.codes[code] === 1;
    case 'deep':
      return true;
    default:
      return code !== SLASH;
  }
}

/**
 * How an active state of the automaton was reached. `LOOPED`: the token of the state, `*` or `**`, has matched the last byte. `ENTERED`:
 * the token has not matched a byte yet. Only in this case can a `**` be skipped together with its slash.
 */
const LOOPED = 1;
const ENTERED = 2;

/**
 * Activates a state, and all states that can be reached from it without reading a byte: `*` can match nothing, and `**` can be skipped
 * together with its slash.
 */
function enter(tokens: readonly Token[], active: Uint8Array, from: number): void {
  const pending = [from];
  for (let state = pending.pop(); state !== undefined; state = pending.pop()) {
    if (active[state] === ENTERED) continue;
    active[state] = ENTERED;
    const token = tokens[state];
    if (token?.kind === 'run' || token?.kind === 'deep') pending.push(state + 1);
    if (token?.kind === 'deep' && token.jump) pending.push(state + 2);
  }
}

function run(tokens: readonly Token[], subject: ByteString): boolean {
  const end = tokens.length;
  let active = new Uint8Array(end + 1);
  let next = new Uint8Array(end + 1);
  enter(tokens, active, 0);
  for (let at = 0; at < subject.length; at += 1) {
    const code = subject.charCodeAt(at);
    let alive = false;
    for (let state = 0; state < end; state += 1) {
      const token = tokens[state];
      if (active[state] === 0 || token === undefined || !accepts(token, code)) continue;
      alive = true;
      if (token.kind !== 'run' && token.kind !== 'deep') {
        enter(tokens, next, state + 1);
      } else if (next[state] === 0) {
        next[state] = LOOPED;
        enter(tokens, next, state + 1);
      }
    }
    if (!alive) return false;
    [active, next] = [next, active];
    next.fill(0);
  }
  return active[end] !== 0;
}
