/**
 * All globs of a filter as one automaton: a path is read once, whatever the number of patterns (SUB-5).
 *
 * Each pattern is a row of tokens; every segment of a path is read as its characters and a closing "/".
 *
 *     src/*.ts   →   s r c / STAR . t s / ACCEPT        a segment ** is one token, GLOBSTAR
 *
 * Bit n of the state is set when all tokens before token n have been matched. One character moves all patterns at once, 32 tokens
 * per machine word (Baeza-Yates and Gonnet, "A new approach to text searching", 1992). So matching costs at most path × patterns / 32,
 * in characters, whatever the patterns contain. Words without a set bit are skipped.
 */
const SLASH = 0x2f;
const STAR = 0x2a;
const QUESTION = 0x3f;
const WORD = 32;

/** A number is the code point of a literal character. */
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

/** Shared by all automata, because matching is synchronous and never nested. */
let state = new Int32Array(16);
let row = new Int32Array(16);

export class GlobAutomaton {
  readonly #words: number;
  readonly #start: Int32Array;
  readonly #stars: Int32Array;
  readonly #globstars: Int32Array;
  readonly #accept: Int32Array;
  /** Tokens that match any character except "/". */
  readonly #any: Int32Array;
  /** Tokens that match a character, as bits; for characters with many places in the patterns. */
  readonly #rows = new Map<number, Int32Array>();
  /**
   * For characters at few positions in the patterns: these positions, as a list. With a row of bits for every character, memory could
   * grow with the square of the total length of the patterns.
   */
  readonly #places = new Map<number, readonly number[]>();

  /** @param patterns normalised, with a wildcard or without: a plain path matches only itself in the automaton */
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

  /** Size in machine words: the memory of the automaton, and the most work per character of a path. */
  get words(): number {
    return this.#words;
  }

  /** Whether one of the patterns matches the whole path, which is in NFC. */
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

  /** Moves the words from `low` to `high`, which receives only the carry of the word before it. */
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

  /** A star may match nothing, so a set bit before it also sets the bit after it. A globstar may end only at the start of a segment. */
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

  /** The tokens that match the character, as bits. */
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
