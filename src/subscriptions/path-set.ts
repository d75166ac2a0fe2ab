/** The path patterns of one filter, compiled together (SUB-5). */
import { GlobAutomaton } from './glob-automaton.ts';
import { isGlob } from './glob.ts';

/** Up to this number of paths, a linear search is faster than a binary search. */
const FEW = 8;

/**
 * The maximum size of all cached automata, in machine words of 4 bytes. An automaton is built when an event is first compared with its
 * filter. If the cache is full, the oldest automata are evicted. The patterns themselves are kept with the subscription; their number and
 * length are limited.
 */
const MOST_WORDS = 1024 * 1024;
/** The assumed number of rows of an automaton. It has a few rows of bits, and one more row for each frequent character. */
const ROWS = 16;

const NONE: readonly string[] = [];

const kept = new Set<PathSet>();
let keptWords = 0;

/** Compares paths in the order of a file tree: paths below `dir` follow directly after `dir`, before `dir-2` and `dir.d`. */
function compare(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at += 1) {
    const [left, right] = [a.charCodeAt(at), b.charCodeAt(at)];
    if (left === right) continue;
    if (left === 0x2f) return -1;
    return right === 0x2f ? 1 : left - right;
  }
  return a.length - b.length;
}

function isWithin(path: string, directory: string): boolean {
  return path.startsWith(directory) && (path.length === directory.length || path[directory.length] === '/');
}

export class PathSet {
  /**
   * The plain paths, sorted. No plain path is below another plain path. Therefore at most one of them contains a given path: the last one
   * that is equal to the given path or sorted before it.
   */
  readonly #plain: readonly string[];
  readonly #globs: readonly string[];
  #automaton: GlobAutomaton | undefined;

  /** @param patterns normalised patterns */
  constructor(patterns: readonly string[]) {
    const plain: string[] = [];
    for (const each of patterns.filter((pattern) => !isGlob(pattern)).toSorted(compare)) {
      const last = plain.at(-1);
      if (last === undefined || !isWithin(each, last)) plain.push(each);
    }
    // A copy has exactly the size that it needs; an array to which elements were added has room for more.
    this.#plain = plain.slice();
    this.#globs = patterns.some(isGlob) ? patterns.filter(isGlob) : NONE;
  }

  /** Whether one of the patterns matches the path. The path must be in NFC. */
  matches(path: string): boolean {
    return this.#hasPlain(path) || (this.#globs.length > 0 && this.#compiled().accepts(path));
  }

  #hasPlain(path: string): boolean {
    const plain = this.#plain;
    if (plain.length <= FEW) return plain.some((each) => isWithin(path, each));
    let [low, high] = [0, plain.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compare(plain[middle] ?? '', path) <= 0) low = middle + 1;
      else high = middle;
    }
    return isWithin(path, plain[low - 1] ?? '/');
  }

  #compiled(): GlobAutomaton {
    if (this.#automaton !== undefined) return this.#automaton;
    const automaton = new GlobAutomaton(this.#globs);
    this.#automaton = automaton;
    kept.add(this);
    keptWords += automaton.words * ROWS;
    for (const oldest of kept) {
      if (keptWords <= MOST_WORDS || oldest === this) break;
      oldest.release();
    }
    return automaton;
  }

  /** Evicts the automaton from the cache. It is built again when it is needed. */
  release(): void {
    if (this.#automaton === undefined) return;
    keptWords -= this.#automaton.words * ROWS;
    this.#automaton = undefined;
    kept.delete(this);
  }
}
