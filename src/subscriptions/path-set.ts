/** The path patterns of one filter, compiled together (SUB-5). */
import { GlobAutomaton } from './glob-automaton.ts';
import { isGlob } from './glob.ts';

/** Up to here comparing with one after the other is faster than searching. */
const FEW = 8;

/**
 * Automata that are kept at once, in machine words of 4 bytes: one is made when an event first meets its filter, and the oldest give
 * way. Only the patterns themselves, whose number and length are limited, stay for as long as their subscription.
 */
const MOST_WORDS = 1024 * 1024;
/** An automaton has a handful of rows of its size, and one for each frequent character. */
const ROWS = 16;

const kept = new Set<PathSet>();
let keptWords = 0;

/** Compares as the words of a file tree: what is below a directory follows it at once, before `dir-2` and `dir.d`. */
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
  /** Sorted, and none below another: so the only one that can hold a path is the last that is not behind it. */
  readonly #plain: readonly string[];
  readonly #globs: readonly string[];
  #automaton: GlobAutomaton | undefined;

  /** @param patterns normalised */
  constructor(patterns: readonly string[]) {
    const plain: string[] = [];
    for (const each of patterns.filter((pattern) => !isGlob(pattern)).toSorted(compare)) {
      const last = plain.at(-1);
      if (last === undefined || !isWithin(each, last)) plain.push(each);
    }
    this.#plain = plain;
    this.#globs = patterns.filter(isGlob);
  }

  /** Whether one of the patterns matches the path, which is in NFC. */
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

  /** Gives up what can be made again. */
  release(): void {
    if (this.#automaton === undefined) return;
    keptWords -= this.#automaton.words * ROWS;
    this.#automaton = undefined;
    kept.delete(this);
  }
}
