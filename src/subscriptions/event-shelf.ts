/**
 * The filters that follow one event, each under its most telling condition: an event finds those whose condition it meets and
 * never sees the others. The condition is one of the fields that the event declares; a field that it does not declare
 * constrains nothing (SUB-4).
 */
import type { Catalogue, EventSpec, Filter, FilterKind } from '../catalogue/catalogue.ts';
import type { Matchable } from './filter.ts';
import { valuesAt } from './filter.ts';
import { PathTrie, placesOf } from './path-trie.ts';

/**
 * Filter fields from those that set events apart most to those whose values most events share. A filter is found by the
 * first of its fields. The fields of a team's own events come between the two lists.
 */
const MOST_TELLING: readonly string[] = ['sessionIds', 'operationIds'];
const LEAST_TELLING: readonly string[] = [
  'paths',
  'extensions',
  'actors',
  'entityTypes',
  'relationshipTypes',
  'sessionEvents',
  'sources',
  'changeTypes',
];
const RANKED: ReadonlySet<string> = new Set([...MOST_TELLING, ...LEAST_TELLING]);

/** One field that the event declares. */
interface Condition {
  readonly field: string;
  readonly kind: FilterKind;
  readonly pointers: readonly string[];
  /** The field that is looked up together with this one: paths with the extensions of the same paths. */
  readonly partner: string | undefined;
}

interface PathIndex<Item> {
  readonly pointers: readonly string[];
  readonly trie: PathTrie<Item>;
}

export class EventShelf<Item> {
  readonly #spec: EventSpec;
  readonly #conditions: readonly Condition[];
  /** By the field that is looked up by paths. */
  readonly #byPath = new Map<string, PathIndex<Item>>();
  readonly #byValue = new Map<string, Map<string, Set<Item>>>();
  readonly #unconditional = new Set<Item>();

  constructor(spec: EventSpec, catalogue: Catalogue) {
    this.#spec = spec;
    this.#conditions = conditionsOf(spec, catalogue);
  }

  get empty(): boolean {
    return this.#unconditional.size === 0 && this.#byValue.size === 0 && this.#byPath.size === 0;
  }

  add(filter: Filter, item: Item): void {
    const condition = this.#conditionOf(filter);
    if (condition === undefined) {
      this.#unconditional.add(item);
    } else if (condition.kind === 'exact') {
      const { field } = condition;
      const byValue = this.#byValue.get(field) ?? new Map<string, Set<Item>>();
      this.#byValue.set(field, byValue);
      for (const value of filter[field] ?? []) byValue.set(value, (byValue.get(value) ?? new Set()).add(item));
    } else {
      const { field, pointers } = this.#pathFieldOf(condition);
      const index = this.#byPath.get(field) ?? { pointers, trie: new PathTrie<Item>() };
      this.#byPath.set(field, index);
      for (const place of placesIn(filter, condition)) index.trie.add(place, item);
    }
  }

  /** Takes the item from everywhere where `add` put it for the same filter. */
  remove(filter: Filter, item: Item): void {
    const condition = this.#conditionOf(filter);
    if (condition === undefined) {
      this.#unconditional.delete(item);
    } else if (condition.kind === 'exact') {
      const byValue = this.#byValue.get(condition.field);
      for (const value of filter[condition.field] ?? []) {
        const items = byValue?.get(value);
        items?.delete(item);
        if (items?.size === 0) byValue?.delete(value);
      }
      if (byValue?.size === 0) this.#byValue.delete(condition.field);
    } else {
      const { field } = this.#pathFieldOf(condition);
      const trie = this.#byPath.get(field)?.trie;
      for (const place of placesIn(filter, condition)) trie?.remove(place, item);
      if (trie?.empty === true) this.#byPath.delete(field);
    }
  }

  /** Visits what may match the event, an item perhaps more than once. */
  visit(event: Matchable, visit: (item: Item) => void): void {
    for (const item of this.#unconditional) visit(item);
    for (const [field, byValue] of this.#byValue) {
      for (const value of valuesAt(event, this.#spec.filterable[field] ?? [])) {
        const items = byValue.get(value);
        if (items !== undefined) for (const item of items) visit(item);
      }
    }
    for (const { pointers, trie } of this.#byPath.values()) trie.visit(valuesAt(event, pointers), visit);
  }

  #conditionOf(filter: Filter): Condition | undefined {
    return this.#conditions.find(({ field }) => filter[field] !== undefined);
  }

  /** Extensions alone stand in the same index as the paths that they are extensions of. */
  #pathFieldOf(condition: Condition): Condition {
    if (condition.kind === 'path') return condition;
    return this.#conditions.find(({ kind, field }) => kind === 'path' && field === condition.partner) ?? condition;
  }
}

function conditionsOf({ filterable }: EventSpec, { filters }: Catalogue): readonly Condition[] {
  const own = [...filters.keys()].filter((field) => !RANKED.has(field));
  const declared = [...MOST_TELLING, ...own, ...LEAST_TELLING].flatMap((field) => {
    const [kind, pointers] = [filters.get(field), filterable[field]];
    return kind === undefined || pointers === undefined ? [] : [{ field, kind, pointers }];
  });
  return declared.map((each) => {
    const wanted = each.kind === 'path' ? 'extension' : 'path';
    const partner = declared.find(
      ({ kind, pointers }) => kind === wanted && pointers.join(' ') === each.pointers.join(' '),
    );
    return { ...each, partner: each.kind === 'exact' ? undefined : partner?.field };
  });
}

function placesIn(filter: Filter, { field, kind, partner }: Condition): ReturnType<typeof placesOf> {
  if (kind === 'extension') return placesOf(undefined, filter[field]);
  return placesOf(filter[field], partner === undefined ? undefined : filter[partner]);
}
