/**
 * Indexes items by the paths that they may match, so that a look-up does not visit items of other paths.
 *
 *     prefix  the whole segments that a pattern begins with      src/deep/*.spec.ts → src/deep
 *     inner   the longest whole segment after a wildcard         src/?/api/*.spec.ts → api
 *     ending  what the last segment must end with, if known      src/deep/*.spec.ts → .ts
 *
 * The prefix of an item is one key, regardless of its number of segments. Looking up a path takes one step for each of its ancestors, up to
 * the length of the longest prefix. If an ancestor is the prefix of items with inner segments, the look-up takes one more step for each
 * segment of the path. A visited item may match, so the caller must check it. An item that is not visited certainly does not match.
 */
import { addTo, takeFrom, visitAt } from './multimap.ts';
import type { Multimap } from './multimap.ts';
import { lastSegment } from './event-facts.ts';
import { isGlob, literalPrefix } from './glob.ts';

/**
 * `name`: the whole last segment. `tail`: the part of the last segment from its last dot on. `extension`: the same as `tail`, but
 * case-insensitive.
 */
type EndingKind = 'name' | 'tail' | 'extension';

/** One of the keys under which the index stores an item. */
export interface PathPlace {
  readonly prefix: string;
  /** A segment that every matching path has. If it is undefined, the pattern has no such segment besides prefix and ending. */
  readonly inner?: string | undefined;
  /** The kind and the text of the ending. If it is undefined, every ending is possible. */
  readonly ending: string | undefined;
}

/**
 * If an item has paths and extensions, it has one place for each pair of a path and an extension, up to this number of pairs. With more
 * pairs, it has only one place for each path, because the index would otherwise cost more than it saves.
 */
export const MAX_PLACES = 64;

/** The text from the last dot on; empty if there is no dot. */
export function tailOf(name: string): string {
  const dot = name.lastIndexOf('.');
  return dot < 0 ? '' : name.slice(dot);
}

function endingKey(kind: EndingKind, text: string): string {
  return `${kind}:${text}`;
}

/**
 * The common ending of all paths that a pattern matches. Undefined for a plain path, because a plain path also matches the paths below it.
 */
function endingOf(pattern: string, prefix: string): string | undefined {
  if (prefix === pattern) return undefined;
  const name = lastSegment(pattern);
  const literal = name.slice(Math.max(name.lastIndexOf('*'), name.lastIndexOf('?')) + 1);
  if (literal === name) return endingKey('name', name);
  return literal.includes('.') ? endingKey('tail', tailOf(literal)) : undefined;
}

/** The longest literal segment between the first segment with a wildcard and the last segment. Long segments are probably in few paths. */
function innerOf(pattern: string, prefix: string): string | undefined {
  if (prefix === pattern) return undefined;
  const first = prefix === '' ? 0 : prefix.length + 1;
  let longest = '';
  // The pattern is not split, because one subscribe may have thousands of long patterns.
  let start = pattern.indexOf('/', first) + 1;
  for (let end = pattern.indexOf('/', start); start > 0 && end >= 0; end = pattern.indexOf('/', start)) {
    if (end - start > longest.length) {
      const segment = pattern.slice(start, end);
      if (!isGlob(segment)) longest = segment;
    }
    start = end + 1;
  }
  return longest === '' ? undefined : longest;
}

/** The places of an item that matches these paths and these extensions. Both are normalised, and refer to the same files. */
export function placesOf(paths: readonly string[], extensions: readonly string[] | undefined): readonly PathPlace[] {
  const places = paths.map((path): PathPlace => {
    const prefix = literalPrefix(path);
    return { prefix, inner: innerOf(path, prefix), ending: endingOf(path, prefix) };
  });
  const endings = (extensions ?? []).map((each) => endingKey('extension', tailOf(each)));
  if (endings.length === 0 || paths.length * endings.length > MAX_PLACES) return places;
  return places.flatMap((place) => endings.map((ending) => ({ ...place, ending })));
}

const NO_SEGMENTS: ReadonlySet<string> = new Set();

/** One key for a prefix and an inner segment. They are separated by NUL, because a pattern cannot contain NUL. */
function placeKey(prefix: string, inner: string | undefined): string {
  return inner === undefined ? prefix : `${prefix}\u0000${inner}`;
}

export class PathIndex<Item extends object> {
  readonly #anyEnding: Multimap<string, Item> = new Map();
  readonly #byEnding = new Map<string, Multimap<string, Item>>();
  /** For each prefix, the number of places with an inner segment. */
  readonly #inners = new Map<string, number>();
  /**
   * The length of the longest prefix. It never decreases while the index contains an item. A value that is too large causes a few useless
   * look-ups, but no item is missed.
   */
  #longest = 0;

  get empty(): boolean {
    return this.#anyEnding.size === 0 && this.#byEnding.size === 0;
  }

  add({ prefix, inner, ending }: PathPlace, item: Item): void {
    this.#longest = Math.max(this.#longest, prefix.length);
    if (inner !== undefined) this.#inners.set(prefix, (this.#inners.get(prefix) ?? 0) + 1);
    const key = placeKey(prefix, inner);
    if (ending === undefined) {
      addTo(this.#anyEnding, key, item);
      return;
    }
    const byEnding = this.#byEnding.get(key) ?? new Map<string, Item | Set<Item>>();
    this.#byEnding.set(key, byEnding);
    addTo(byEnding, ending, item);
  }

  /** Removes an item. @param place a place that was passed to `add` */
  remove({ prefix, inner, ending }: PathPlace, item: Item): void {
    if (inner !== undefined) {
      const left = (this.#inners.get(prefix) ?? 1) - 1;
      if (left > 0) this.#inners.set(prefix, left);
      else this.#inners.delete(prefix);
    }
    const key = placeKey(prefix, inner);
    if (ending === undefined) {
      takeFrom(this.#anyEnding, key, item);
    } else {
      const byEnding = this.#byEnding.get(key);
      if (byEnding === undefined) return;
      takeFrom(byEnding, ending, item);
      if (byEnding.size === 0) this.#byEnding.delete(key);
    }
    if (this.empty) this.#longest = 0;
  }

  /**
   * Visits every item that may match one of the paths, which must be in NFC. An item with several places may be visited more than once.
   * Each path is looked up with the extensions of all paths: in an event with two paths, such as a rename, one path may match the paths of
   * a filter, and the other path its extensions.
   */
  visit(paths: readonly string[], visit: (item: Item) => void): void {
    const extensions = new Set(paths.map((each) => endingKey('extension', tailOf(lastSegment(each).toLowerCase()))));
    for (const path of paths) {
      const name = lastSegment(path);
      const endings = [endingKey('name', name), endingKey('tail', tailOf(name)), ...extensions];
      const segments = this.#inners.size === 0 ? NO_SEGMENTS : new Set(path.split('/'));
      const visitPrefix = (prefix: string): void => {
        this.#visitAt(prefix, endings, visit);
        if (this.#inners.has(prefix))
          for (const segment of segments) this.#visitAt(placeKey(prefix, segment), endings, visit);
      };
      visitPrefix('');
      for (let end = path.indexOf('/'); end >= 0 && end <= this.#longest; end = path.indexOf('/', end + 1))
        visitPrefix(path.slice(0, end));
      if (path.length <= this.#longest) visitPrefix(path);
    }
  }

  #visitAt(key: string, endings: readonly string[], visit: (item: Item) => void): void {
    visitAt(this.#anyEnding, key, visit);
    const byEnding = this.#byEnding.get(key);
    if (byEnding !== undefined) for (const ending of endings) visitAt(byEnding, ending, visit);
  }
}
