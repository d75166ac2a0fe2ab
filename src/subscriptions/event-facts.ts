/** The values of one event that filters compare, normalised once per event instead of once per filter. */
import { specOf } from '../catalogue/catalogue.ts';
import type { Catalogue, EventSpec, FilterKind } from '../catalogue/catalogue.ts';
import { valuesAt } from '../replay/pointer.ts';

/** The part of an event that filters use. */
export interface Matchable {
  readonly event: string;
  readonly source: { readonly name: string; readonly principal: string };
  readonly payload: Readonly<Record<string, unknown>>;
}

export function lastSegment(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** The strings at a field's pointers in an event; an array contributes each of its elements. */
export function stringsAt(event: Matchable, pointers: readonly string[]): readonly string[] {
  const isString = (value: unknown): value is string => typeof value === 'string';
  return pointers.flatMap((pointer) => valuesAt(event, pointer).filter(isString));
}

function normalised(kind: FilterKind | undefined, values: readonly string[]): readonly string[] {
  if (kind === 'path') return values.map((each) => each.normalize('NFC'));
  if (kind === 'extension') return values.map((each) => lastSegment(each.normalize('NFC')).toLowerCase());
  return values;
}

let facts = 0;

export class EventFacts {
  /** Serial number: greater than 0, and unique for each event. */
  readonly serial: number;
  readonly event: string;
  readonly #source: Matchable;
  readonly #catalogue: Catalogue;
  readonly #spec: EventSpec;
  /** Made for the first field that is compared: an event without filters needs none. */
  #values: Map<string, readonly string[]> | undefined;

  constructor(source: Matchable, catalogue: Catalogue) {
    facts += 1;
    this.serial = facts;
    this.event = source.event;
    this.#source = source;
    this.#catalogue = catalogue;
    this.#spec = specOf(catalogue, source.event);
  }

  /** Whether the event declares the field; a field that it does not declare does not constrain it (SUB-4). */
  declares(field: string): boolean {
    return this.#spec.filterable[field] !== undefined;
  }

  /** The event's values of a field: paths in NFC, for extensions the file names in lower case, other values unchanged. */
  values(field: string): readonly string[] {
    const known = this.#values?.get(field);
    if (known !== undefined) return known;
    const found = stringsAt(this.#source, this.#spec.filterable[field] ?? []);
    const values = normalised(this.#catalogue.filters.get(field), found);
    (this.#values ??= new Map()).set(field, values);
    return values;
  }
}
