/**
 * Items under the paths that they may be about. What stands elsewhere is never looked at.
 *
 *     prefix  the whole segments that a pattern begins with      src/deep/*.spec.ts → src/deep
 *     ending  what the last segment must end with, where known   src/deep/*.spec.ts → .ts
 *
 * An item stands under its prefix as one key, however many segments that has, and a path is looked up once for each of its own
 * ancestors that is no longer than the longest prefix. What is found may match, and the caller checks; what is not found does not.
 */
import { addTo, takeFrom, visitAt } from './bag.ts';
import type { Bags } from './bag.ts';
import { lastSegment } from './event-facts.ts';
import { literalPrefix } from './glob.ts';

/** `name`: the whole last segment. `tail`: its end from the last dot on. `extension`: the same, without regard to case. */
type EndingKind = 'name' | 'tail' | 'extension';

export interface PathPlace {
  readonly prefix: string;
  /** A kind and a text; undefined: any ending. */
  readonly ending: string | undefined;
}

/** More places than this for one item cost more than they save. */
const MAX_PLACES = 64;

/** From the last dot on; empty where there is none. */
export function tailOf(name: string): string {
  const dot = name.lastIndexOf('.');
  return dot < 0 ? '' : name.slice(dot);
}

function endingKey(kind: EndingKind, text: string): string {
  return `${kind}:${text}`;
}

/** What every path that a pattern matches ends with. A plain path matches what is below it, too: anything. */
function endingOf(pattern: string, prefix: string): string | undefined {
  if (prefix === pattern) return undefined;
  const name = lastSegment(pattern);
  const literal = name.slice(Math.max(name.lastIndexOf('*'), name.lastIndexOf('?')) + 1);
  if (literal === name) return endingKey('name', name);
  return literal.includes('.') ? endingKey('tail', tailOf(literal)) : undefined;
}

/** Where an item belongs that wants these paths and, of the same files, these extensions; both normalised. */
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
  /** Never shrinks while there is an item: then a look-up is made for nothing, but none is left out. */
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

  /** Takes the item from the place where `add` put it. */
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
   * Visits what may be about any of the paths, in NFC; an item more than once where it has several places. A filter on paths may be
   * met by one path of an event and a filter on extensions by another (a rename has two), so the extensions of all count for each.
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
