/** The compiled form of one field of a filter. */
import { hash } from 'node:crypto';
import type { Catalogue, Filter, FilterKind } from '../catalogue/catalogue.ts';
import type { EventFacts } from './event-facts.ts';
import { PathSet } from './path-set.ts';

/** Up to this number of values, comparing with each value takes less time and memory than a set. */
const FEW = 8;

/** The wanted values of a field. They are stored as data, because a closure for each filter would take more memory. */
type Wanted = PathSet | Set<string> | readonly string[];

function wantedBy(kind: FilterKind, values: readonly string[]): Wanted {
  if (kind === 'path') return new PathSet(values);
  return kind === 'extension' || values.length <= FEW ? values : new Set(values);
}

export class Condition {
  readonly field: string;
  readonly #kind: FilterKind;
  readonly #wanted: Wanted;
  /** The serial number of the event that was compared last, and the result. The result is cached, because filters may share a condition. */
  #seen = 0;
  #met = false;

  /** @param wanted normalised values */
  constructor(field: string, kind: FilterKind, wanted: readonly string[]) {
    this.field = field;
    this.#kind = kind;
    this.#wanted = wantedBy(kind, wanted);
  }

  /** Whether an event meets the condition. Always true if the declaration of the event does not include the field (SUB-4). */
  isMet(facts: EventFacts): boolean {
    if (this.#seen === facts.serial) return this.#met;
    this.#seen = facts.serial;
    this.#met = !facts.declares(this.field) || this.#fitsOne(facts.values(this.field));
    return this.#met;
  }

  #fitsOne(values: readonly string[]): boolean {
    const wanted = this.#wanted;
    if (wanted instanceof PathSet) return values.some((path) => wanted.matches(path));
    if (wanted instanceof Set) return values.some((value) => wanted.has(value));
    // A name matches if it ends with the wanted extension, which begins with a dot: `.ts` matches `a.d.ts`, but not `a.mts`.
    if (this.#kind === 'extension') return values.some((name) => wanted.some((each) => name.endsWith(each)));
    return values.some((value) => wanted.includes(value));
  }
}

interface Shared {
  readonly condition: Condition;
  users: number;
}

const COST: Readonly<Record<FilterKind, number>> = { exact: 0, extension: 1, path: 2 };

/** The conditions of a filter, in ascending order of the cost of checking them. */
export function conditionsOf(filter: Filter, { filters }: Catalogue, shared?: SharedConditions): readonly Condition[] {
  return fieldsOf(filter, filters).map(({ field, kind, wanted }) =>
    kind === 'path' && shared !== undefined ? shared.take(field, wanted) : new Condition(field, kind, wanted),
  );
}

interface FieldValues {
  readonly field: string;
  readonly kind: FilterKind;
  readonly wanted: readonly string[];
}

function fieldsOf(filter: Filter, kinds: Catalogue['filters']): readonly FieldValues[] {
  const fields: FieldValues[] = [];
  for (const [field, kind] of kinds) {
    const wanted = filter[field];
    if (wanted !== undefined) fields.push({ field, kind, wanted });
  }
  return fields.toSorted((a, b) => COST[a.kind] - COST[b.kind]);
}

/** A key longer than this is hashed, so that a long filter is not stored twice. */
const LONGEST_KEY = 128;

/** A short text that identifies a value: two values have the same text only if they are equal. */
export function keyOf(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length <= LONGEST_KEY ? text : hash('sha256', text, 'base64');
}

/**
 * Conditions on paths. Filters with the same condition share it. Comparing a path with globs causes most of the cost of matching, so a path
 * should be compared once for all these filters. Other conditions are not shared: comparing a value costs less than finding a shared
 * condition.
 */
export class SharedConditions {
  readonly #byKey = new Map<string, Shared>();

  get size(): number {
    return this.#byKey.size;
  }

  take(field: string, wanted: readonly string[]): Condition {
    const key = keyOf([field, wanted]);
    const shared = this.#byKey.get(key) ?? { condition: new Condition(field, 'path', wanted), users: 0 };
    this.#byKey.set(key, shared);
    shared.users += 1;
    return shared.condition;
  }

  /** Releases the conditions that `conditionsOf` returned for the same filter. */
  release(filter: Filter, { filters }: Catalogue): void {
    for (const { field, kind, wanted } of fieldsOf(filter, filters)) {
      const key = keyOf([field, wanted]);
      const shared = kind === 'path' ? this.#byKey.get(key) : undefined;
      if (shared === undefined) continue;
      shared.users -= 1;
      if (shared.users === 0) this.#byKey.delete(key);
    }
  }
}
