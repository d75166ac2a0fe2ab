/** The values of one event that filters compare. They are normalised once per event, not once per filter. */
import { specOf } from '../catalogue/catalogue.ts';
import type { Catalogue, EventSpec, FilterKind } from '../catalogue/catalogue.ts';
import { valuesAt } from '../replay/pointer.ts';

/** The parts of an event that filters use. */
export interface Matchable {
  readonly event: string;
  readonly source: { readonly name: string; readonly principal: string };
  readonly payload: Readonly<Record<string, unknown>>;
}

export function lastSegment(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** The strings in an event at the pointers of a field. If a pointer leads to an array, the strings among its elements are included. */
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
  /** The values of each field that has been compared. Created at the first comparison, because many events are never compared. */
  #values: Map<string, readonly string[]> | undefined;

  constructor(source: Matchable, catalogue: Catalogue) {
    facts += 1;
    this.serial = facts;
    this.event = source.event;
    this.#source = source;
    this.#catalogue = catalogue;
    this.#spec = specOf(catalogue, source.event);
  }

  /** Whether the declaration of the event includes the field. If it does not, the field does not restrict the event (SUB-4). */
  declares(field: string): boolean {
    return this.#spec.filterable[field] !== undefined;
  }

  /**
   * The values of a field in the event. Paths are in NFC; for extensions, the values are file names in lower case. Other values are
   * unchanged.
   */
  values(field: string): readonly string[] {
    const known = this.#values?.get(field);
    if (known !== undefined) return known;
    const found = stringsAt(this.#source, this.#spec.filterable[field] ?? []);
    const values = normalised(this.#catalogue.filters.get(field), found);
    (this.#values ??= new Map()).set(field, values);
    return values;
  }
}
