/**
 * An index of filters. A search for an event visits few filters that the event does not match. Filters with the same fields form one part
 * of the index. For an event, each part is searched by one field: the most selective field that the event declares. A field that the event
 * does not declare does not restrict it (SUB-4). One index serves events that declare different fields, so a part may be indexed by several
 * fields.
 */
import type { Catalogue, EventSpec, Filter } from '../catalogue/catalogue.ts';
import { addTo, takeFrom, visitAt } from './multimap.ts';
import type { Multimap } from './multimap.ts';
import type { EventFacts } from './event-facts.ts';
import { isGlob } from './glob.ts';
import { MAX_PLACES, PathIndex, placesOf, tailOf } from './path-index.ts';

/**
 * Filter fields, from the most to the least selective. The fields that only a team's own events declare come between these two lists.
 */
const MOST_SELECTIVE: readonly string[] = ['sessionIds', 'operationIds'];
const LEAST_SELECTIVE: readonly string[] = [
  'paths',
  'extensions',
  'actors',
  'entityTypes',
  'relationshipTypes',
  'sessionEvents',
  'sources',
  'changeTypes',
];
const RANKED: ReadonlySet<string> = new Set([...MOST_SELECTIVE, ...LEAST_SELECTIVE]);

/**
 * The fields by which a search found an item. If the filter of the item is plain ({@link isPlain}), the event meets these fields, so they
 * need no further check.
 */
export interface Found {
  readonly field: string | undefined;
  /** The extension field, if the item was found by the combination of a path and an extension. */
  readonly partner: string | undefined;
  /** Whether the filter has no other field that restricts the event. */
  readonly complete: boolean;
}

/**
 * Whether the index stores all paths and extensions of the filter unchanged. If so, and if a search finds the filter by a field, the event
 * certainly meets this field. The field is then not checked again.
 */
export function isPlain(filter: Filter, { filters }: Catalogue): boolean {
  let [paths, extensions] = [0, 0];
  for (const [field, values = []] of Object.entries(filter)) {
    const kind = filters.get(field);
    if (kind === 'path') paths += values.length;
    if (kind === 'extension') extensions += values.length;
    if (kind === 'path' && values.some(isGlob)) return false;
    if (kind === 'extension' && values.some((each) => tailOf(each) !== each)) return false;
  }
  return paths * extensions <= MAX_PLACES;
}

export interface FilterIndexOptions {
  /** The declarations of all events that are looked up in this index. */
  readonly specs: readonly EventSpec[];
  readonly catalogue: Catalogue;
}

/** Filters with the same fields. */
interface Part<Item extends object> {
  /** The fields, the most selective first. */
  readonly fields: readonly string[];
  readonly byPath: Map<string, PathIndex<Item>>;
  /** For each field, the items by value. For extensions, the value is shortened to the text from its last dot on (`.d.ts` → `.ts`). */
  readonly byValue: Map<string, Multimap<string, Item>>;
  /** Items that are visited by events that declare none of the fields. */
  readonly loose: Set<Item>;
}

export class FilterIndex<Item extends object> {
  readonly #specs: readonly EventSpec[];
  readonly #catalogue: Catalogue;
  readonly #fields: readonly string[];
  readonly #partners: ReadonlyMap<string, string>;
  readonly #parts = new Map<string, Part<Item>>();

  constructor({ specs, catalogue }: FilterIndexOptions) {
    this.#specs = specs;
    this.#catalogue = catalogue;
    const own = [...catalogue.filters.keys()].filter((field) => !RANKED.has(field));
    this.#fields = [...MOST_SELECTIVE, ...own, ...LEAST_SELECTIVE].filter((field) => catalogue.filters.has(field));
    this.#partners = this.#findPartners();
  }

  get empty(): boolean {
    return this.#parts.size === 0;
  }

  add(filter: Filter, item: Item): void {
    const fields = this.#fields.filter((field) => filter[field] !== undefined);
    const key = fields.join();
    let part = this.#parts.get(key);
    if (part === undefined) {
      part = { fields, byPath: new Map(), byValue: new Map(), loose: new Set() };
      this.#parts.set(key, part);
    }
    for (const field of this.#conditionsOf(part)) {
      if (field === undefined) {
        part.loose.add(item);
      } else if (this.#isPath(field)) {
        const index = part.byPath.get(field) ?? new PathIndex<Item>();
        part.byPath.set(field, index);
        for (const place of this.#placesIn(filter, field)) index.add(place, item);
      } else {
        const items = part.byValue.get(field) ?? new Map<string, Item | Set<Item>>();
        part.byValue.set(field, items);
        for (const value of this.#keysIn(filter[field] ?? [], field)) addTo(items, value, item);
      }
    }
  }

  /** Removes an item. @param filter the same filter that was passed to `add` */
  remove(filter: Filter, item: Item): void {
    const key = this.#fields.filter((field) => filter[field] !== undefined).join();
    const part = this.#parts.get(key);
    if (part === undefined) return;
    for (const field of this.#conditionsOf(part)) {
      if (field === undefined) {
        part.loose.delete(item);
      } else if (this.#isPath(field)) {
        const index = part.byPath.get(field);
        for (const place of this.#placesIn(filter, field)) index?.remove(place, item);
        if (index?.empty === true) part.byPath.delete(field);
      } else {
        const items = part.byValue.get(field);
        for (const value of this.#keysIn(filter[field] ?? [], field))
          if (items !== undefined) takeFrom(items, value, item);
        if (items?.size === 0) part.byValue.delete(field);
      }
    }
    if (part.byPath.size + part.byValue.size + part.loose.size === 0) this.#parts.delete(key);
  }

  /** Visits every item that may match the event. An item may be visited more than once. */
  visit(facts: EventFacts, visit: (item: Item, found: Found) => void): void {
    for (const { fields, byPath, byValue, loose } of this.#parts.values()) {
      const declared = fields.filter((each) => facts.declares(each));
      const [field] = declared;
      const partner = field === undefined ? undefined : this.#partners.get(field);
      const found = { field, partner, complete: declared.every((each) => each === field || each === partner) };
      const report = (item: Item): void => visit(item, found);
      if (field === undefined) {
        for (const item of loose) report(item);
        continue;
      }
      byPath.get(field)?.visit(facts.values(field), report);
      const items = byValue.get(field);
      if (items !== undefined) for (const key of this.#keysIn(facts.values(field), field)) visitAt(items, key, report);
    }
  }

  /** The fields by which events search this part. Contains undefined if an event of the index declares none of the part's fields. */
  #conditionsOf({ fields }: Part<Item>): ReadonlySet<string | undefined> {
    return new Set(this.#specs.map(({ filterable }) => fields.find((field) => filterable[field] !== undefined)));
  }

  #isPath(field: string): boolean {
    return this.#catalogue.filters.get(field) === 'path';
  }

  #keysIn(values: readonly string[], field: string): readonly string[] {
    return this.#catalogue.filters.get(field) === 'extension' ? values.map(tailOf) : values;
  }

  #placesIn(filter: Filter, field: string): ReturnType<typeof placesOf> {
    const partner = this.#partners.get(field);
    return placesOf(filter[field] ?? [], partner === undefined ? undefined : filter[partner]);
  }

  /**
   * For each path field, the extension field of the same paths. A path field has such a partner only if every event that declares the path
   * field also declares the extension field, with the same pointers.
   */
  #findPartners(): ReadonlyMap<string, string> {
    const { filters } = this.#catalogue;
    const partners = new Map<string, string>();
    for (const field of this.#fields.filter((each) => filters.get(each) === 'path')) {
      const users = this.#specs.filter(({ filterable }) => filterable[field] !== undefined);
      const partner = this.#fields.find(
        (other) =>
          filters.get(other) === 'extension' &&
          users.every(({ filterable }) => filterable[other]?.join(' ') === filterable[field]?.join(' ')),
      );
      if (partner !== undefined) partners.set(field, partner);
    }
    return partners;
  }
}
