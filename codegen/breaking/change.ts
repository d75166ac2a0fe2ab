/** One difference between two versions of a schema, independent of who sends the value and who receives it. */
import type { Place } from './schema-document.ts';
import type { Path } from './json.ts';

/**
 * What a change does to the set of valid values.
 *
 * - `narrows`: some values that were valid are now invalid.
 * - `widens`: some values that were invalid are now valid.
 * - `adds-fields`: a special case of `widens`: the only new values are objects with members that the old version does
 *   not declare. Clients ignore such members (ENV-4).
 * - `replaces`: both `narrows` and `widens`.
 * - `undecided`: the effect cannot be determined, for example when a regular expression changes.
 * - `meaning`: the same values are valid, but their meaning changes.
 */
export type Effect = 'narrows' | 'widens' | 'adds-fields' | 'replaces' | 'undecided' | 'meaning';

export interface Side {
  readonly path: Path;
  /** Undefined if there is no value at the path. */
  readonly value: unknown;
}

export interface Change {
  readonly rule: string;
  readonly effect: Effect;
  readonly was: Side;
  readonly now: Side;
  /** What changed, as a sentence without an initial capital and without a period. */
  readonly text: string;
}

/** Whether the old version accepts every value of the new version, apart from new members that it does not declare. */
export function staysWithin(changes: readonly Change[]): boolean {
  return changes.every(({ effect }) => effect === 'narrows' || effect === 'adds-fields' || effect === 'meaning');
}

/** Whether the new version accepts every value of the old version. */
export function stillAccepts(changes: readonly Change[]): boolean {
  return changes.every(({ effect }) => effect === 'widens' || effect === 'adds-fields' || effect === 'meaning');
}

/** The places and values of one keyword in both versions. */
export function sides(was: Place, now: Place, keyword: string): Pick<Change, 'was' | 'now'> {
  return { was: sideOf(was, keyword), now: sideOf(now, keyword) };
}

export function sideOf({ schema, path }: Place, keyword: string): Side {
  const value = typeof schema === 'boolean' ? undefined : schema[keyword];
  return { path: value === undefined ? path : [...path, keyword], value };
}

export function whole({ schema, path }: Place): Side {
  return { path, value: schema };
}

/** A value as short text on one line, for a sentence. */
export function show(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}
