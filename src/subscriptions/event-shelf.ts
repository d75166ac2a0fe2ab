/**
 * The filters that follow one event, each under its most telling condition: an event finds those whose condition it meets and
 * never sees the others. The condition is one of the fields that the event declares; a field that it does not declare
 * constrains nothing (SUB-4).
 */
import type { EventSpec, FilterField } from '../../generated/protocol.ts';
import type { SubscriptionFilter } from '../../generated/types.ts';
import type { Matchable } from './filter.ts';
import { valuesAt } from './filter.ts';
import { PathTrie, placesOf } from './path-trie.ts';

/** The first of these that a filter has is what it is found by: from what sets events apart most to what they mostly share. */
const BY_PRECISION = [
  'sessionIds',
  'operationIds',
  'paths',
  'extensions',
  'actors',
  'entityTypes',
  'relationshipTypes',
  'sessionEvents',
  'sources',
  'changeTypes',
] as const satisfies readonly FilterField[];

export class EventShelf<Item> {
  readonly #spec: EventSpec;
  /** Where the event holds what paths and extensions are compared with. */
  readonly #pathPointers: readonly string[];
  readonly #byPath = new PathTrie<Item>();
  readonly #byValue = new Map<FilterField, Map<string, Set<Item>>>();
  readonly #unconditional = new Set<Item>();

  constructor(spec: EventSpec) {
    this.#spec = spec;
    const { paths = [], extensions = [] } = spec.filterable;
    this.#pathPointers = [...new Set([...paths, ...extensions])];
  }

  get empty(): boolean {
    return this.#unconditional.size === 0 && this.#byValue.size === 0 && this.#byPath.empty;
  }

  add(filter: SubscriptionFilter, item: Item): void {
    const field = this.#conditionOf(filter);
    if (field === undefined) {
      this.#unconditional.add(item);
    } else if (field === 'paths' || field === 'extensions') {
      for (const place of this.#placesOf(filter)) this.#byPath.add(place, item);
    } else {
      const byValue = this.#byValue.get(field) ?? new Map<string, Set<Item>>();
      this.#byValue.set(field, byValue);
      for (const value of filter[field] ?? []) byValue.set(value, (byValue.get(value) ?? new Set()).add(item));
    }
  }

  /** Takes the item from everywhere where `add` put it for the same filter. */
  remove(filter: SubscriptionFilter, item: Item): void {
    const field = this.#conditionOf(filter);
    if (field === undefined) {
      this.#unconditional.delete(item);
    } else if (field === 'paths' || field === 'extensions') {
      for (const place of this.#placesOf(filter)) this.#byPath.remove(place, item);
    } else {
      const byValue = this.#byValue.get(field);
      for (const value of filter[field] ?? []) {
        const items = byValue?.get(value);
        items?.delete(item);
        if (items?.size === 0) byValue?.delete(value);
      }
      if (byValue?.size === 0) this.#byValue.delete(field);
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
    if (!this.#byPath.empty) this.#byPath.visit(valuesAt(event, this.#pathPointers), visit);
  }

  #conditionOf(filter: SubscriptionFilter): (typeof BY_PRECISION)[number] | undefined {
    return BY_PRECISION.find((field) => filter[field] !== undefined && this.#spec.filterable[field] !== undefined);
  }

  #placesOf({ paths, extensions }: SubscriptionFilter): ReturnType<typeof placesOf> {
    return placesOf(paths, this.#spec.filterable.extensions === undefined ? undefined : extensions);
  }
}
