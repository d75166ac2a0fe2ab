/**
 * Selectors of streams. A selector is a name, or a prefix of names followed by `*` (MUL-1). If two selectors cover the same stream, one of
 * them covers all streams of the other. A list in normal form has no selector that covers another. Therefore at most one selector of such a
 * list covers a given stream.
 */
import { covers } from '../catalogue/event-pattern.ts';

/** The selectors in normal form: sorted, and without selectors that another selector covers. */
export function normaliseSelectors(selectors: readonly string[]): readonly string[] {
  const unique = [...new Set(selectors)];
  return unique.filter((each) => !unique.some((other) => other !== each && covers(other, each))).toSorted();
}

/** Selectors for the streams that both lists cover, in normal form. */
export function intersectSelectors(left: readonly string[], right: readonly string[]): readonly string[] {
  const common = left.flatMap((a) => right.flatMap((b) => (covers(a, b) ? [b] : covers(b, a) ? [a] : [])));
  return normaliseSelectors(common);
}

export function selects(selectors: readonly string[], stream: string): boolean {
  return selectors.some((each) => covers(each, stream));
}

/**
 * The existing names that the selectors cover. If no selector is a pattern, yields all selectors, without checking whether their streams
 * exist.
 */
export function* selectedNames(selectors: readonly string[], existing: Iterable<string>): Generator<string> {
  if (!selectors.some((each) => each.endsWith('*'))) yield* selectors;
  else for (const each of [...existing]) if (selects(selectors, each)) yield each;
}

/**
 * A map from selectors to values. The cost of {@link covering} depends on how many different lengths the patterns have, not on the number
 * of selectors.
 */
export class SelectorMap<Value> {
  readonly #names = new Map<string, Value>();
  readonly #beginnings = new Map<string, Value>();
  /** For each length of a prefix, the number of patterns with a prefix of this length. */
  readonly #lengths = new Map<number, number>();

  get size(): number {
    return this.#names.size + this.#beginnings.size;
  }

  get(selector: string): Value | undefined {
    return selector.endsWith('*') ? this.#beginnings.get(selector.slice(0, -1)) : this.#names.get(selector);
  }

  set(selector: string, value: Value): void {
    if (!selector.endsWith('*')) {
      this.#names.set(selector, value);
      return;
    }
    const beginning = selector.slice(0, -1);
    if (!this.#beginnings.has(beginning)) this.#countLength(beginning.length, 1);
    this.#beginnings.set(beginning, value);
  }

  delete(selector: string): void {
    if (!selector.endsWith('*')) this.#names.delete(selector);
    else if (this.#beginnings.delete(selector.slice(0, -1))) this.#countLength(selector.length - 1, -1);
  }

  /** The values of all selectors that cover the stream. */
  covering(stream: string): readonly Value[] {
    const found: Value[] = [];
    const named = this.#names.get(stream);
    if (named !== undefined) found.push(named);
    for (const length of this.#lengths.keys()) {
      const value = length > stream.length ? undefined : this.#beginnings.get(stream.slice(0, length));
      if (value !== undefined) found.push(value);
    }
    return found;
  }

  *values(): Generator<Value> {
    yield* this.#names.values();
    yield* this.#beginnings.values();
  }

  #countLength(length: number, change: 1 | -1): void {
    const count = (this.#lengths.get(length) ?? 0) + change;
    if (count > 0) this.#lengths.set(length, count);
    else this.#lengths.delete(length);
  }
}
