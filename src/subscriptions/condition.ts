/** One compiled field of a filter. */
import { hash } from 'node:crypto';
import type { Catalogue, Filter, FilterKind } from '../catalogue/catalogue.ts';
import type { EventFacts } from './event-facts.ts';
import { PathSet } from './path-set.ts';

/** Up to this number of values, comparing with each takes less time and memory than a set. */
const FEW = 8;

/** Whether a value of the event for this field matches. */
function fitOf(kind: FilterKind, wanted: readonly string[]): (value: string) => boolean {
  if (kind === 'path') {
    const paths = new PathSet(wanted);
    return (path) => paths.matches(path);
  }
  // `.ts` matches `a.d.ts`, not `a.mts`: the ends that follow a dot are compared.
  if (kind === 'extension') return (name) => wanted.some((each) => name.endsWith(each));
  if (wanted.length <= FEW) return (value) => wanted.includes(value);
  const set = new Set(wanted);
  return (value) => set.has(value);
}

export class Condition {
  readonly field: string;
  readonly #fits: (value: string) => boolean;
  /** Serial number of the last compared event, and the result. Cached, because many filters may share a condition. */
  #seen = 0;
  #met = false;

  /** @param wanted normalised */
  constructor(field: string, kind: FilterKind, wanted: readonly string[]) {
    this.field = field;
    this.#fits = fitOf(kind, wanted);
  }

  /** Whether an event meets the condition. An event that does not declare the field always does (SUB-4). */
  isMet(facts: EventFacts): boolean {
    if (this.#seen === facts.serial) return this.#met;
    this.#seen = facts.serial;
    this.#met = !facts.declares(this.field) || facts.values(this.field).some(this.#fits);
    return this.#met;
  }
}

interface Shared {
  readonly condition: Condition;
  users: number;
}

const COST: Readonly<Record<FilterKind, number>> = { exact: 0, extension: 1, path: 2 };

/** The conditions of a filter, in ascending order of the cost of comparing. */
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

/** A longer key is hashed, so that the text of a filter is not stored twice. */
const LONGEST_KEY = 128;

/** A short text for a value; two values have the same text only if they are equal. */
export function keyOf(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length <= LONGEST_KEY ? text : hash('sha256', text, 'base64');
}

/**
 * Conditions on paths, shared by all filters that have them, because comparing a path with globs is most of the cost of matching.
 * Other conditions are not shared, because comparing them costs less than a look-up.
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
