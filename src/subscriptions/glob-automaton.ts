/**
 * Compiles all globs of a filter into one automaton. A path is read only once, regardless of the number of patterns (SUB-5).
 *
 * Each pattern is a row of tokens. A path is read character by character; each segment ends with a "/", the last one too.
 *
 *     src/*.ts   →   s r c / STAR . t s / ACCEPT        a segment ** is one token, GLOBSTAR
 *
 * Bit n of the state is set if all tokens before token n have been matched. One character advances all patterns at once, 32 tokens per
 * machine word (Baeza-Yates and Gonnet, "A new approach to text searching", 1992). Matching therefore takes at most (length of the path) ×
 * (length of all patterns) / 32 steps, regardless of what the patterns contain. Words without a set bit are skipped.
 */
const SLASH = 0x2f;
const STAR = 0x2a;
const QUESTION = 0x3f;
const WORD = 32;

/** A number stands for a literal character, given by its code point. */
type Token = 'star' | 'globstar' | 'any' | 'accept' | number;

function tokensOf(pattern: string): readonly Token[] {
  const tokens: Token[] = [];
  for (const segment of pattern.split('/')) {
    if (segment === '**') {
      if (tokens.at(-1) !== 'globstar') tokens.push('globstar');
      continue;
    }
    for (const character of segment) {
      const code = character.codePointAt(0) ?? 0;
      if (code === QUESTION) tokens.push('any');
      else if (code !== STAR) tokens.push(code);
      else if (tokens.at(-1) !== 'star') tokens.push('star');
    }
    tokens.push(SLASH);
  }
  return [...tokens, 'accept'];
}

function setBit(words: Int32Array, at: number): void {
  const word = Math.floor(at / WORD);
  words[word] = (words[word] ?? 0) | (1 << (at % WORD));
}

/** All automata share these arrays. This is possible because matching is synchronous and never nested. */
let state = new Int32Array(16);
let row = new Int32Array(16);

export class GlobAutomaton {
  readonly #words: number;
  readonly #start: Int32Array;
  readonly #stars: Int32Array;
  readonly #globstars: Int32Array;
  readonly #accept: Int32Array;
  /** Bits of the tokens that match any character except "/". */
  readonly #any: Int32Array;
  /** For a character that occurs often in the patterns: the bits of the tokens that match it. */
  readonly #rows = new Map<number, Int32Array>();
  /**
   * For a character that occurs rarely in the patterns: a list of its positions. If every character had a row of bits, memory could grow
   * with the square of the total length of the patterns.
   */
  readonly #places = new Map<number, readonly number[]>();

  /** @param patterns normalised patterns. A pattern without a wildcard matches only the path itself here. */
  constructor(patterns: readonly string[]) {
    const lists = patterns.map(tokensOf);
    this.#words = Math.ceil(lists.reduce((sum, { length }) => sum + length, 0) / WORD);
    const bits = (): Int32Array => new Int32Array(this.#words);
    [this.#start, this.#stars, this.#globstars, this.#accept, this.#any] = [bits(), bits(), bits(), bits(), bits()];
    const places = new Map<number, number[]>();
    let at = 0;
    for (const tokens of lists) {
      setBit(this.#start, at);
      for (const token of tokens) {
        if (token === 'star') setBit(this.#stars, at);
        else if (token === 'globstar') setBit(this.#globstars, at);
        else if (token === 'accept') setBit(this.#accept, at);
        else if (token === 'any') setBit(this.#any, at);
        else listOf(places, token).push(at);
        at += 1;
      }
    }
    for (const [code, list] of places) {
      if (list.length * 2 < this.#words) this.#places.set(code, list);
      else this.#rows.set(code, this.#rowOf(code, list));
    }
  }

  /** Size in machine words. It determines the memory of the automaton, and the maximum work per character of a path. */
  get words(): number {
    return this.#words;
  }

  /** Whether one of the patterns matches the whole path. The path must be in NFC. */
  accepts(path: string): boolean {
    const words = this.#words;
    if (state.length < words) [state, row] = [new Int32Array(words), new Int32Array(words)];
    state.set(this.#start);
    this.#skipStars(0, words, true);
    let [low, high] = [0, words];
    for (let at = 0; at <= path.length; at += 1) {
      const code = at === path.length ? SLASH : (path.codePointAt(at) ?? 0);
      if (code > 0xffff) at += 1;
      this.#step(code, low, high);
      high = Math.min(words, high + 1);
      while (low < high && state[low] === 0) low += 1;
      while (low < high && state[high - 1] === 0) high -= 1;
      if (low === high) return false;
    }
    for (let word = low; word < high; word += 1)
      if (((state[word] ?? 0) & (this.#accept[word] ?? 0)) !== 0) return true;
    return false;
  }

  /**
   * Advances the words from `low` to `high` by one character. The word `high` is included because it may receive a carry from the word
   * before it.
   */
  #step(code: number, low: number, high: number): void {
    const end = Math.min(this.#words, high + 1);
    const takes = this.#takes(code, low, end);
    const boundary = code === SLASH;
    let carry = 0;
    for (let word = low; word < end; word += 1) {
      const now = state[word] ?? 0;
      const moved = now & (takes?.[word] ?? 0);
      const globstars = this.#globstars[word] ?? 0;
      const loops = boundary ? globstars : globstars | (this.#stars[word] ?? 0);
      state[word] = (moved << 1) | carry | (now & loops);
      carry = moved >>> (WORD - 1);
    }
    this.#skipStars(low, end, boundary);
  }

  /**
   * A star may match nothing. Therefore, if the bit of a star is set, the bit of the next token is set too. A globstar may end only at the
   * start of a segment.
   */
  #skipStars(low: number, end: number, boundary: boolean): void {
    let [globstarCarry, starCarry] = [0, 0];
    for (let word = low; word < end; word += 1) {
      let now = state[word] ?? 0;
      if (boundary) {
        const globstars = now & (this.#globstars[word] ?? 0);
        now |= (globstars << 1) | globstarCarry;
        globstarCarry = globstars >>> (WORD - 1);
      }
      const stars = now & (this.#stars[word] ?? 0);
      state[word] = now | (stars << 1) | starCarry;
      starCarry = stars >>> (WORD - 1);
    }
  }

  /** Bits of the tokens that match the character. */
  #takes(code: number, low: number, end: number): Int32Array | undefined {
    const dense = this.#rows.get(code);
    if (dense !== undefined) return dense;
    const list = this.#places.get(code);
    if (list === undefined) return code === SLASH ? undefined : this.#any;
    if (code === SLASH) row.fill(0, low, end);
    else for (let word = low; word < end; word += 1) row[word] = this.#any[word] ?? 0;
    for (const at of list) setBit(row, at);
    return row;
  }

  #rowOf(code: number, list: readonly number[]): Int32Array {
    const bits = code === SLASH ? new Int32Array(this.#words) : this.#any.slice();
    for (const at of list) setBit(bits, at);
    return bits;
  }
}

function listOf(places: Map<number, number[]>, code: number): number[] {
  const list = places.get(code) ?? [];
  places.set(code, list);
  return list;
}
