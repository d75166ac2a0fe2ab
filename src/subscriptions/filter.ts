/**
 * What a subscription's filter means (SUB-4, SUB-5). Fields narrow together, values within a field are alternatives; a field
 * constrains only the events that declare it in the contract (`x-filterable`), and there an absent value does not match.
 */
import { specOf, specsOf } from '../catalogue/catalogue.ts';
import type { Catalogue, Filter, FilterKind } from '../catalogue/catalogue.ts';
import { ProtocolError } from '../errors.ts';
import { valueAt } from '../replay/pointer.ts';
import { compilePattern, normalisePattern } from './glob.ts';
import { matchesName } from '../catalogue/event-pattern.ts';

/** What a filter looks at. */
export interface Matchable {
  readonly event: string;
  readonly source: { readonly name: string; readonly principal: string };
  readonly payload: Readonly<Record<string, unknown>>;
}

/** What decides whether an event is for a subscription. Both parts are normalised. */
export interface FilterSpec {
  readonly events: readonly string[];
  readonly filter: Filter;
}

export interface FilterLimits {
  readonly patternsPerFilterField: number;
  /** In characters (UTF-16 code units). */
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

function normaliseField({ field, kind, values }: FieldValues, limits: FilterLimits): readonly string[] {
  const pointer = `/data/filter/${field}`;
  if (values.length === 0)
    throw new ProtocolError(
      'filter_invalid',
      `An empty list matches nothing; leave ${field} out to match everything.`,
      { pointer },
    );
  if (values.length > limits.patternsPerFilterField) {
    const maximum = limits.patternsPerFilterField;
    throw new ProtocolError('limit_exceeded', `${field} may hold ${maximum} values.`, {
      pointer,
      details: { limit: 'patternsPerFilterField', maximum },
    });
  }
  const normalised = values.map((value, at) => {
    if (value.length > limits.patternLength) {
      const maximum = limits.patternLength;
      throw new ProtocolError('limit_exceeded', `A value of ${field} may have ${maximum} characters.`, {
        pointer: `${pointer}/${at}`,
        details: { limit: 'patternLength', maximum },
      });
    }
    return NORMALISE[kind](value, `${pointer}/${at}`);
  });
  return [...new Set(normalised)].toSorted();
}

/**
 * The filter that is really in force: values brought into one form, sorted, each once.
 * @throws {ProtocolError} `filter_invalid`, `filter_not_applicable` or `limit_exceeded`, with a pointer.
 */
export function normaliseFilter(options: {
  readonly events: readonly string[];
  readonly filter: Filter;
  readonly limits: FilterLimits;
  readonly catalogue: Catalogue;
}): Filter {
  const { events, filter, limits, catalogue } = options;
  const specs = specsOf(catalogue, events);
  const normalised: Record<string, readonly string[]> = {};
  for (const [field, kind] of catalogue.filters) {
    const values = filter[field];
    if (values === undefined) continue;
    if (!specs.some((spec) => spec.filterable[field] !== undefined)) {
      throw new ProtocolError(
        'filter_not_applicable',
        `None of the events ${events.join(', ')} has ${field} to filter by.`,
        { pointer: `/data/filter/${field}` },
      );
    }
    normalised[field] = normaliseField({ field, kind, values }, limits);
  }
  return normalised;
}

/** The strings that an event holds at the pointers of a field; an array stands for each of its elements. */
export function valuesAt(event: Matchable, pointers: readonly string[]): readonly string[] {
  const values: string[] = [];
  for (const pointer of pointers) {
    const value = valueAt(event, pointer);
    if (typeof value === 'string') values.push(value);
    else if (Array.isArray(value)) values.push(...value.filter((each) => typeof each === 'string'));
  }
  return values;
}

/** Whether the name of a file ends in the extension, after a dot: `.ts` fits `a.d.ts`, not `a.mts`. */
function hasExtension(path: string, extension: string): boolean {
  return path
    .slice(path.lastIndexOf('/') + 1)
    .toLowerCase()
    .endsWith(extension);
}

type Test = (value: string) => boolean;

function testOf(kind: FilterKind, wanted: readonly string[]): Test {
  if (kind === 'path') {
    const patterns = wanted.map(compilePattern);
    return (value) => {
      const path = value.normalize('NFC');
      return patterns.some((each) => each(path));
    };
  }
  if (kind === 'extension') return (value) => wanted.some((each) => hasExtension(value.normalize('NFC'), each));
  const set = new Set(wanted);
  return (value) => set.has(value);
}

function testsOf(filter: Filter, { filters }: Catalogue): readonly (readonly [string, Test])[] {
  return [...filters].flatMap(([field, kind]) => {
    const wanted = filter[field];
    return wanted === undefined ? [] : [[field, testOf(kind, wanted)] as const];
  });
}

/** Compiles a normalised filter. */
export function compileFilter({ events, filter }: FilterSpec, catalogue: Catalogue): (event: Matchable) => boolean {
  const tests = testsOf(filter, catalogue);
  return (event) => {
    if (!events.some((each) => matchesName(each, event.event))) return false;
    const { filterable } = specOf(catalogue, event.event);
    return tests.every(([field, test]) => {
      const pointers = filterable[field];
      return pointers === undefined || valuesAt(event, pointers).some(test);
    });
  };
}

/** The first condition that an event fails. */
export interface Mismatch {
  /** `events` or the name of a filter field. */
  readonly clause: string;
  readonly wanted: readonly string[];
  readonly seen: readonly string[];
}

/** Why an event is not for a subscription, or undefined when it is (OPS-3). */
export function explainMismatch(
  { events, filter }: FilterSpec,
  event: Matchable,
  catalogue: Catalogue,
): Mismatch | undefined {
  if (!events.some((each) => matchesName(each, event.event)))
    return { clause: 'events', wanted: events, seen: [event.event] };
  const { filterable } = specOf(catalogue, event.event);
  for (const [field, test] of testsOf(filter, catalogue)) {
    const pointers = filterable[field];
    if (pointers === undefined) continue;
    const seen = valuesAt(event, pointers);
    if (!seen.some(test)) return { clause: field, wanted: filter[field] ?? [], seen };
  }
  return undefined;
}
