/**
 * Compiles and explains filters (SUB-4, SUB-5). An event matches a filter if it matches every field of the filter. It matches a field if it
 * has one of the listed values. A field only restricts events that declare it in the contract (`x-filterable`). If such an event has no
 * value for the field, it does not match.
 */
import { nearest } from '../catalogue/near-miss.ts';
import { specOf, specsOf } from '../catalogue/catalogue.ts';
import type { Catalogue, EventSpec, Filter, FilterKind } from '../catalogue/catalogue.ts';
import { ProtocolError } from '../errors.ts';
import { conditionsOf } from './condition.ts';
import { EventFacts, stringsAt } from './event-facts.ts';
import type { Matchable } from './event-facts.ts';
import { normalisePattern } from './glob.ts';
import { matchesName } from '../catalogue/event-pattern.ts';

/** The events and the filter of a subscription, both normalised. They determine which events match. */
export interface FilterSpec {
  readonly events: readonly string[];
  readonly filter: Filter;
}

export interface FilterLimits {
  readonly patternsPerFilterField: number;
  /** The maximum length of a pattern, in UTF-16 code units. */
  readonly patternLength: number;
}

function normaliseExtension(raw: string, pointer: string): string {
  const text = raw.normalize('NFC').toLowerCase();
  const extension = text.startsWith('.') ? text : `.${text}`;
  if (extension === '.' || extension.includes('/') || extension.includes('\\') || extension.includes('*')) {
    throw new ProtocolError('filter_invalid', `${JSON.stringify(raw)} is not a file extension; write ".ts" or "ts".`, {
      pointer,
    });
  }
  return extension;
}

const NORMALISE: Readonly<Record<FilterKind, (raw: string, pointer: string) => string>> = {
  path: normalisePattern,
  extension: normaliseExtension,
  exact: (raw) => raw,
};

interface FieldValues {
  readonly field: string;
  readonly kind: FilterKind;
  readonly values: readonly string[];
}

function normaliseField(
  { field, kind, values }: FieldValues,
  limits: FilterLimits,
  pointer: string,
): readonly string[] {
  if (values.length === 0)
    throw new ProtocolError(
      'filter_invalid',
      `An empty list matches nothing; leave ${field} out to match everything.`,
      { pointer },
    );
  if (values.length > limits.patternsPerFilterField) {
    const maximum = limits.patternsPerFilterField;
    throw new ProtocolError('limit_exceeded', `${field} may have at most ${maximum} values.`, {
      pointer,
      details: { limit: 'patternsPerFilterField', maximum },
    });
  }
  const normalised = values.map((value, at) => {
    if (value.length > limits.patternLength) {
      const maximum = limits.patternLength;
      throw new ProtocolError('limit_exceeded', `A value of ${field} may have at most ${maximum} characters.`, {
        pointer: `${pointer}/${at}`,
        details: { limit: 'patternLength', maximum },
      });
    }
    return NORMALISE[kind](value, `${pointer}/${at}`);
  });
  return [...new Set(normalised)].toSorted();
}

/**
 * Normalises a filter: each value has only one notation, and values are sorted and without duplicates.
 * @throws {ProtocolError} `filter_invalid`, `filter_not_applicable` or `limit_exceeded`, with a pointer to the value.
 */
export function normaliseFilter(options: {
  readonly events: readonly string[];
  readonly filter: Filter;
  readonly limits: FilterLimits;
  readonly catalogue: Catalogue;
  /** JSON pointer to the filter in the message of the client. It is used in errors. */
  readonly pointer?: string;
}): Filter {
  const { events, filter, limits, catalogue, pointer: base = '/data/filter' } = options;
  const specs = specsOf(catalogue, events);
  const normalised: Record<string, readonly string[]> = {};
  for (const [field, kind] of catalogue.filters) {
    const values = filter[field];
    if (values === undefined) continue;
    const pointer = `${base}/${field}`;
    if (!specs.some((spec) => spec.filterable[field] !== undefined))
      throw notApplicable({ field, pointer }, events, specs);
    normalised[field] = normaliseField({ field, kind, values }, limits, pointer);
    checkEnumerated({ field, pointer }, values, specs);
  }
  return normalised;
}

interface FieldPlace {
  readonly field: string;
  readonly pointer: string;
}

function notApplicable(
  { field, pointer }: FieldPlace,
  events: readonly string[],
  specs: readonly EventSpec[],
): ProtocolError {
  const fields = [...new Set(specs.flatMap(({ filterable }) => Object.keys(filterable)))];
  return new ProtocolError(
    'filter_not_applicable',
    `${events.join(', ')} cannot be filtered by ${field}, only by ${fields.join(', ')}.`,
    { pointer, details: { fields } },
  );
}

/** Refuses a value that no event can have: all events that declare the field have an `enum` without this value in their schemas (SUB-4). */
function checkEnumerated({ field, pointer }: FieldPlace, values: readonly string[], specs: readonly EventSpec[]): void {
  const lists = specs
    .filter(({ filterable }) => filterable[field] !== undefined)
    .map(({ enumerated }) => enumerated?.[field]);
  if (lists.includes(undefined)) return;
  const allowed = [...new Set(lists.flatMap((list) => list ?? []))];
  const at = values.findIndex((value) => !allowed.includes(value));
  const value = values[at];
  if (value === undefined) return;
  const meant = nearest(value, allowed);
  const hint = meant === undefined ? '.' : `; did you mean ${JSON.stringify(meant)}?`;
  throw new ProtocolError(
    'filter_invalid',
    `${field} cannot be ${JSON.stringify(value.slice(0, 64))}${hint} Its values are ${allowed.join(', ')}.`,
    { pointer: `${pointer}/${at}`, details: { allowed } },
  );
}

/** The total number of characters in a filter. The cost of compiling and storing the filter is proportional to it. */
export function filterCharacters(filter: Filter): number {
  let sum = 0;
  for (const values of Object.values(filter)) for (const each of values) sum += each.length;
  return sum;
}

/**
 * Memory of a subscription without a filter, in bytes: in the session, the index and the fan-out. Estimated as 0.9 to 1.2 KiB, not
 * measured.
 */
const BASE_BYTES = 1200;
/**
 * Memory of one value in the index, in bytes. A value is stored once for each event pattern, but at most four times. Estimated as 150 to
 * 260, not measured.
 */
const VALUE_BYTES = 240;
/** Memory per character of a value, in bytes: for the value itself, and for the prefix under which it is indexed. */
const CHARACTER_BYTES = 4;

/** Estimated memory of a subscription, in bytes. */
export function filterBytes({ events, filter }: FilterSpec): number {
  const values = Object.values(filter).reduce((sum, each) => sum + each.length, 0);
  const filterIndexes = Math.min(events.length, 4);
  return BASE_BYTES + filterIndexes * values * VALUE_BYTES + filterCharacters(filter) * CHARACTER_BYTES;
}

function isNamed(events: readonly string[], facts: EventFacts): boolean {
  return events.some((each) => matchesName(each, facts.event));
}

/** Compiles a normalised filter. */
export function compileFilter({ events, filter }: FilterSpec, catalogue: Catalogue): (facts: EventFacts) => boolean {
  const conditions = conditionsOf(filter, catalogue);
  return (facts) => isNamed(events, facts) && conditions.every((each) => each.isMet(facts));
}

/** The first condition that an event does not meet. */
export interface Mismatch {
  /** `events`, or the name of a filter field. */
  readonly clause: string;
  readonly wanted: readonly string[];
  readonly seen: readonly string[];
}

/** Why an event does not match a subscription; undefined if it matches (OPS-3). */
export function explainMismatch(
  { events, filter }: FilterSpec,
  event: Matchable,
  catalogue: Catalogue,
): Mismatch | undefined {
  const facts = new EventFacts(event, catalogue);
  if (!isNamed(events, facts)) return { clause: 'events', wanted: events, seen: [event.event] };
  const failed = new Set(conditionsOf(filter, catalogue).flatMap((each) => (each.isMet(facts) ? [] : [each.field])));
  const clause = [...catalogue.filters.keys()].find((field) => failed.has(field));
  if (clause === undefined) return undefined;
  const seen = stringsAt(event, specOf(catalogue, event.event).filterable[clause] ?? []);
  return { clause, wanted: filter[clause] ?? [], seen };
}
