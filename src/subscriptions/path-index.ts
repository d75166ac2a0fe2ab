/**
 * Items indexed by the paths that they may match, so that a look-up visits no item of other paths.
 *
 *     prefix  the whole segments that a pattern begins with      src/deep/*.spec.ts → src/deep
 *     ending  what the last segment must end with, where known   src/deep/*.spec.ts → .ts
 *
 * The whole prefix of an item is one key, whatever its number of segments. A path is looked up once for each of its ancestors that
 * is no longer than the longest prefix. An item that is visited may match, and the caller checks it; an item that is not visited
 * does not match.
 */
import { addTo, takeFrom, visitAt } from './bag.ts';
import type { Bags } from './bag.ts';
import { lastSegment } from './event-facts.ts';
import { literalPrefix } from './glob.ts';

/** `name`: the whole last segment. `tail`: its end from the last dot on. `extension`: the same, case-insensitive. */
type EndingKind = 'name' | 'tail' | 'extension';

export interface PathPlace {
  readonly prefix: string;
  /** A kind and a text; undefined means any ending. */
  readonly ending: string | undefined;
}

/** Above this number of places for one item, the index costs more than it saves. */
export const MAX_PLACES = 64;

/** The text from the last dot on; empty if there is no dot. */
export function tailOf(name: string): string {
  const dot = name.lastIndexOf('.');
  return dot < 0 ? '' : name.slice(dot);
}

function endingKey(kind: EndingKind, text: string): string {
  return `${kind}:${text}`;
}

/** The ending of every path that a pattern matches. A plain path also matches the paths below it, so its ending is undefined. */
function endingOf(pattern: string, prefix: string): string | undefined {
  if (prefix === pattern) return undefined;
  const name = lastSegment(pattern);
  const literal = name.slice(Math.max(name.lastIndexOf('*'), name.lastIndexOf('?')) + 1);
  if (literal === name) return endingKey('name', name);
  return literal.includes('.') ? endingKey('tail', tailOf(literal)) : undefined;
}

/** The places of an item that matches these paths and, of the same files, these extensions; both are normalised. */
export function placesOf(paths: readonly string[], extensions: readonly string[] | undefined): readonly PathPlace[] {
  const prefixes = paths.map(literalPrefix);
  const endings = (extensions ?? []).map((each) => endingKey('extension', tailOf(each)));
  if (endings.length === 0 || paths.length * endings.length > MAX_PLACES)
    return paths.map((each, at) => ({ prefix: prefixes[at] ?? '', ending: endingOf(each, prefixes[at] ?? '') }));
  return prefixes.flatMap((prefix) => endings.map((ending) => ({ prefix, ending })));
}

export class PathIndex<Item extends object> {
  readonly #anyEnding: Bags<string, Item> = new Map();
  readonly #byEnding = new Map<string, Bags<string, Item>>();
  /** Does not shrink while the index has an item: a few look-ups are then useless, but none is missing. */
  #longest = 0;

  get empty(): boolean {
    return this.#anyEnding.size === 0 && this.#byEnding.size === 0;
  }

  add({ prefix, ending }: PathPlace, item: Item): void {
    this.#longest = Math.max(this.#longest, prefix.length);
    if (ending === undefined) {
      addTo(this.#anyEnding, prefix, item);
      return;
    }
    const bags = this.#byEnding.get(prefix) ?? new Map<string, Item | Set<Item>>();
    this.#byEnding.set(prefix, bags);
    addTo(bags, ending, item);
  }

  /** Removes the item from the places where `add` put it. */
  remove({ prefix, ending }: PathPlace, item: Item): void {
    if (ending === undefined) {
      takeFrom(this.#anyEnding, prefix, item);
    } else {
      const bags = this.#byEnding.get(prefix);
      if (bags === undefined) return;
      takeFrom(bags, ending, item);
      if (bags.size === 0) this.#byEnding.delete(prefix);
    }
    if (this.empty) this.#longest = 0;
  }

  /**
   * Visits every item that may match one of the paths, which are in NFC; an item with several places may be visited more than once.
   * One path of an event may match a filter's paths and another its extensions (a rename has two paths), so each path is looked up
   * with the extensions of all paths.
   */
  visit(paths: readonly string[], visit: (item: Item) => void): void {
    const extensions = new Set(paths.map((each) => endingKey('extension', tailOf(lastSegment(each).toLowerCase()))));
    for (const path of paths) {
      const name = lastSegment(path);
      const endings = [endingKey('name', name), endingKey('tail', tailOf(name)), ...extensions];
      this.#visitAt('', endings, visit);
      for (let end = path.indexOf('/'); end >= 0 && end <= this.#longest; end = path.indexOf('/', end + 1))
        this.#visitAt(path.slice(0, end), endings, visit);
      if (path.length <= this.#longest) this.#visitAt(path, endings, visit);
    }
  }

  #visitAt(prefix: string, endings: readonly string[], visit: (item: Item) => void): void {
    visitAt(this.#anyEnding, prefix, visit);
    const bags = this.#byEnding.get(prefix);
    if (bags !== undefined) for (const ending of endings) visitAt(bags, ending, visit);
  }
}
