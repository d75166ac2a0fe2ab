/**
 * The meaning of filters (SUB-4, SUB-5), implemented independently of any server, for the checks of the suite.
 * `filters.json` is the table that servers and this file must both satisfy.
 */
import { isArray, member, textsAt } from '../trace/json.ts';
import type { Json, JsonObject } from '../trace/json.ts';
import { filterKinds, specOf } from './declared-events.ts';
import type { FilterKind } from './declared-events.ts';

/** The events and the filter of a subscription. */
export interface Wanted {
  readonly events: readonly string[];
  readonly filter: JsonObject;
}

/** The part of an event's `data` that filters look at. */
export interface Candidate {
  readonly event: string;
  readonly payload: Json;
  readonly source: Json;
}

/** Whether a pattern (a name, or a prefix followed by `*`) matches a name. */
export function coversEvent(pattern: string, event: string): boolean {
  const star = pattern.indexOf('*');
  return star < 0 ? pattern === event : event.slice(0, star) === pattern.slice(0, star);
}

/**
 * Matches with dynamic programming, so that for every pattern the time is at most proportional to the product of the
 * two lengths.
 */
function matchesRun<P, S>(
  pattern: readonly P[],
  subject: readonly S[],
  isRun: (part: P) => boolean,
  same: (part: P, item: S) => boolean,
): boolean {
  // reach[k]: whether the pattern so far can match exactly the first k items.
  let reach = [true, ...subject.map(() => false)];
  for (const part of pattern) {
    const next = subject.map(() => false);
    next.push(false);
    for (let k = 0; k <= subject.length; k += 1) {
      const item = subject[k - 1];
      if (isRun(part)) next[k] = reach[k] === true || (k > 0 && next[k - 1] === true);
      else next[k] = k > 0 && item !== undefined && reach[k - 1] === true && same(part, item);
    }
    reach = next;
  }
  return reach[subject.length] === true;
}

function matchesSegment(pattern: string, segment: string): boolean {
  return matchesRun(
    Array.from(pattern),
    Array.from(segment),
    (part) => part === '*',
    (part, item) => part === '?' || part === item,
  );
}

/** Whether a path matches. Without a wildcard, `wanted` matches itself and every path below it. With one, it matches whole paths. */
export function matchesPath(wanted: string, actual: string): boolean {
  const pattern = wanted
    .normalize('NFC')
    .replace(/^(?:\.\/)+/, '')
    .replace(/\/$/, '')
    .split('/');
  const path = actual.normalize('NFC').split('/');
  if (!/[*?]/.test(wanted)) return pattern.every((segment, index) => segment === path[index]);
  return matchesRun(pattern, path, (part) => part === '**', matchesSegment);
}

/** Whether a file name ends with a dot and the extension. The extension may be written with its dot or without: `.ts` or `ts`. */
export function matchesExtension(wanted: string, actual: string): boolean {
  const parts = actual.normalize('NFC').toLowerCase().split('/').at(-1)?.split('.') ?? [];
  const extension = wanted.normalize('NFC').toLowerCase().replace(/^\./, '').split('.');
  return parts.length > extension.length && parts.slice(-extension.length).join('.') === extension.join('.');
}

const MATCH: Readonly<Record<FilterKind, (wanted: string, actual: string) => boolean>> = {
  path: matchesPath,
  extension: matchesExtension,
  exact: (wanted, actual) => wanted === actual,
};

function valuesOf(candidate: Candidate, pointers: readonly string[]): readonly string[] {
  const { payload, source } = candidate;
  return pointers
    .flatMap((path) => valuesBelow({ payload, source }, path.split('/').slice(1)))
    .filter((value) => typeof value === 'string');
}

/** The values at a path. An array on the path, or at its end, stands for each of its elements. */
function valuesBelow(value: Json | undefined, [key, ...rest]: readonly string[]): readonly Json[] {
  if (isArray(value)) return value.flatMap((each) => valuesBelow(each, key === undefined ? [] : [key, ...rest]));
  if (value === undefined || key === undefined) return value === undefined ? [] : [value];
  return valuesBelow(member(value, key), rest);
}

/** Whether an event matches a subscription. */
export function wants({ events, filter }: Wanted, candidate: Candidate): boolean {
  if (!events.some((pattern) => coversEvent(pattern, candidate.event))) return false;
  const { filterable } = specOf(candidate.event);
  return [...filterKinds()].every(([field, kind]) => {
    const pointers = filterable[field];
    if (filter[field] === undefined || pointers === undefined) return true;
    const values = valuesOf(candidate, pointers);
    return textsAt(filter, field).some((wanted) => values.some((value) => MATCH[kind](wanted, value)));
  });
}
