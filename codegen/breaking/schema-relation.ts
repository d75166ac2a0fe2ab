/**
 * Compares two versions of a schema keyword by keyword, and finds how the set of valid values changes. A valid value
 * satisfies every keyword. So if every keyword allows more values than before, the schema does too. If the effect of a
 * change cannot be determined in this way, the change is reported as undecided. It is never omitted.
 */
import { show, sideOf, sides, whole } from './change.ts';
import type { Change } from './change.ts';
import { equal, isObject, union } from './json.ts';
import type { JsonObject } from './json.ts';
import { boundChanges, numberChanges, stringChanges, uniqueChanges } from './keywords.ts';
import { acceptsAll, assertionsOf, listOf, part } from './schema-document.ts';
import type { Place, SchemaDocument } from './schema-document.ts';
import type { ObjectPlace, PlacePair, Relation } from './relation.ts';
import { relateObjects } from './object-relation.ts';
import { sharedTypes, typeChanges, typesOf } from './types.ts';
import { relateUnions } from './union-relation.ts';
import { toPointer } from '../source.ts';

/** Keywords that have a comparison of their own. */
const GROUPED: ReadonlySet<string> = new Set([
  'type',
  'const',
  'enum',
  'properties',
  'required',
  'additionalProperties',
  'minProperties',
  'maxProperties',
  'items',
  'minItems',
  'maxItems',
  'uniqueItems',
  'minLength',
  'maxLength',
  'pattern',
  'format',
  'minimum',
  'maximum',
  'exclusiveMinimum',
  'exclusiveMaximum',
  'multipleOf',
  'oneOf',
  'anyOf',
  'allOf',
  'default',
]);

/** Keywords whose effect depends on other keywords of the same schema. If one of these changes, the result is undecided. */
const COUPLED: ReadonlySet<string> = new Set([
  'patternProperties',
  'unevaluatedProperties',
  'unevaluatedItems',
  'prefixItems',
  'additionalItems',
  'contains',
  'minContains',
  'maxContains',
]);

export class SchemaRelation implements Relation {
  readonly was: SchemaDocument;
  readonly now: SchemaDocument;
  readonly #unchanged: ReadonlySet<string>;
  /**
   * The pairs of schemas that are being compared. A recursive schema leads to the same pair again. The pair is then
   * skipped, because a second comparison would find nothing new.
   */
  readonly #open = new Set<string>();

  constructor(was: SchemaDocument, now: SchemaDocument) {
    this.was = was;
    this.now = now;
    this.#unchanged = unchangedNames(was, now);
  }

  relate(before: Place, after: Place): Change[] {
    const [was, now] = [this.was.resolve(before), this.now.resolve(after)];
    if (was === undefined || now === undefined) return [unresolved(before, after)];
    if (this.isSame(was, now)) return [];
    const pair = `${toPointer(was.path)} ${toPointer(now.path)}`;
    if (this.#open.has(pair)) return [];
    this.#open.add(pair);
    try {
      return this.#compare(was, now);
    } finally {
      this.#open.delete(pair);
    }
  }

  /** Whether two schemas, and all schemas that they refer to, are equal except for annotations. */
  isSame({ schema: before }: Place, { schema: after }: Place): boolean {
    if (typeof before === 'boolean' || typeof after === 'boolean') return before === after;
    const [a, b] = [this.was.bare(before), this.now.bare(after)];
    return a.text === b.text && a.refs.every((ref) => this.#unchanged.has(ref));
  }

  #compare(was: Place, now: Place): Change[] {
    const bounded = restriction(was, now);
    if (bounded !== undefined) return bounded;
    if (typeof was.schema === 'boolean' || typeof now.schema === 'boolean') return [];
    const pair = { was, now } as PlacePair;
    const listed = this.#relateValues(pair);
    if (listed !== undefined) return [...listed, ...this.#restChanges(pair, listed)];
    if (this.was.branchesOf(was).length > 1 || this.now.branchesOf(now).length > 1) {
      const variants = relateUnions(this, pair);
      return [...variants, ...this.#restChanges(pair, variants)];
    }
    if ('allOf' in was.schema !== 'allOf' in now.schema) return this.#relateParts(partsOf(was), partsOf(now));
    const shared = sharedTypes(typesOf(was.schema), typesOf(now.schema));
    const changes = [
      ...typeChanges(pair),
      ...(shared.has('string') ? stringChanges(pair) : []),
      ...(shared.has('number') || shared.has('integer') ? numberChanges(pair, !shared.has('number')) : []),
      ...(shared.has('array') ? this.#relateArrays(pair) : []),
      ...(shared.has('object') ? relateObjects(this, pair) : []),
      ...this.#nestedUnions(pair),
      ...this.#conjunctions(pair),
    ];
    return [...changes, ...this.#restChanges(pair, changes)];
  }

  /** Compares two schemas if at least one of them lists its values. */
  #relateValues(pair: PlacePair): Change[] | undefined {
    const { was, now } = pair;
    const [before, after] = [this.was.valuesOf(was), this.now.valuesOf(now)];
    if (before === undefined && after === undefined) return undefined;
    const rejected = (before ?? []).filter((value) => this.now.accepts(now, value) !== true);
    const added = (after ?? []).filter((value) => this.was.accepts(was, value) !== true);
    const at = valueSides(was, now);
    if (before !== undefined && after !== undefined) return listChanges(at, rejected, added);
    if (before !== undefined)
      return [
        {
          rule: 'enum-removed',
          effect: rejected.length > 0 ? 'replaces' : 'widens',
          ...at,
          text: `the list of values ${show(before)} was removed`,
        },
      ];
    return [
      {
        rule: 'enum-added',
        effect: added.length > 0 ? 'replaces' : 'narrows',
        ...at,
        text: `only the values ${show(after)} are now valid`,
      },
    ];
  }

  #relateArrays(pair: PlacePair): Change[] {
    const { was, now } = pair;
    const items = (place: Place): Place => part(place, 'items') ?? { schema: true, path: place.path };
    return [
      ...boundChanges(pair, 'minItems'),
      ...boundChanges(pair, 'maxItems'),
      ...uniqueChanges(pair),
      ...this.relate(items(was), items(now)),
    ];
  }

  /** Compares alternatives that are beside other keywords. A value must satisfy the alternatives and the other keywords. */
  #nestedUnions({ was, now }: PlacePair): Change[] {
    return (['oneOf', 'anyOf'] as const).flatMap((keyword) => {
      const [before, after] = [was.schema[keyword], now.schema[keyword]];
      if (before === undefined && after === undefined) return [];
      const at = sides(was, now, keyword);
      const rule = `${keyword === 'oneOf' ? 'one-of' : 'any-of'}-${before === undefined ? 'added' : after === undefined ? 'removed' : 'changed'}`;
      if (before === undefined) return [{ rule, effect: 'narrows', ...at, text: `${keyword} was added` }];
      if (after === undefined) return [{ rule, effect: 'widens', ...at, text: `${keyword} was removed` }];
      if (this.#sameKeyword(before, after)) return [];
      return [undecided({ was, now }, keyword)];
    });
  }

  #conjunctions({ was, now }: PlacePair): Change[] {
    const parts = (place: Place): Place[] =>
      partsOf({ ...place, schema: isObject(place.schema) ? { allOf: place.schema['allOf'] ?? [] } : true });
    return this.#relateParts(parts(was), parts(now));
  }

  #relateParts(before: readonly Place[], after: readonly Place[]): Change[] {
    return Array.from({ length: Math.max(before.length, after.length) }, (_each, index) => index).flatMap((index) => {
      const [a, b] = [before[index], after[index]];
      if (a !== undefined && b !== undefined) return this.relate(a, b);
      const at = { was: partSide(a, before), now: partSide(b, after) };
      if (a === undefined)
        return [{ rule: 'all-of-added', effect: 'narrows', ...at, text: 'a part of allOf was added' }];
      return [{ rule: 'all-of-removed', effect: 'widens', ...at, text: 'a part of allOf was removed' }];
    });
  }

  /**
   * The changes of keywords that no other comparison handles, and of keywords whose effect depends on the changes in
   * `found`.
   */
  #restChanges(pair: PlacePair, found: readonly Change[]): Change[] {
    const { was, now } = pair;
    const keywords = union(
      assertionsOf(was.schema).map(([keyword]) => keyword),
      assertionsOf(now.schema).map(([keyword]) => keyword),
    );
    return keywords.flatMap((keyword): Change[] => {
      const isEqual = this.#sameKeyword(was.schema[keyword], now.schema[keyword]);
      if (keyword === 'default') return isEqual ? [] : [defaultChange(pair)];
      if (GROUPED.has(keyword)) return [];
      if (isEqual) return COUPLED.has(keyword) && found.length > 0 ? [coupled(pair, keyword)] : [];
      if (keyword.startsWith('x-')) return [{ ...undecided(pair, keyword), rule: 'fact-changed', effect: 'meaning' }];
      return [undecided(pair, keyword)];
    });
  }

  #sameKeyword(before: unknown, after: unknown): boolean {
    const wrap = (value: unknown): JsonObject => ({ allOf: [value] });
    if (before === undefined || after === undefined) return before === after;
    if (!isObject(before) && !Array.isArray(before)) return equal(before, after);
    return this.isSame({ schema: wrap(before), path: [] }, { schema: wrap(after), path: [] });
  }
}

/**
 * The schemas that a value must all satisfy: each part of `allOf`, and the keywords beside `allOf`. Without `allOf`,
 * the schema itself.
 */
function partsOf(place: Place): Place[] {
  if (typeof place.schema === 'boolean' || !('allOf' in place.schema)) return [place];
  const { allOf, ...rest } = place.schema;
  const parts = listOf(allOf).flatMap((_each, index) => part(place, 'allOf', index) ?? []);
  return acceptsAll(rest) ? parts : [...parts, { schema: rest, path: place.path }];
}

function partSide(place: Place | undefined, siblings: readonly Place[]): Change['was'] {
  return place === undefined ? { path: siblings[0]?.path.slice(0, -2) ?? [], value: undefined } : whole(place);
}

function valueSides(was: ObjectPlace, now: ObjectPlace): Pick<Change, 'was' | 'now'> {
  const keywordOf = ({ schema }: ObjectPlace): string =>
    ['const', 'enum', 'oneOf', 'anyOf', 'type'].find((keyword) => keyword in schema) ?? 'type';
  return { was: sideOf(was, keywordOf(was)), now: sideOf(now, keywordOf(now)) };
}

function listChanges(
  at: Pick<Change, 'was' | 'now'>,
  removed: readonly unknown[],
  added: readonly unknown[],
): Change[] {
  const names = (values: readonly unknown[]): string => values.map(show).join(', ');
  const changes: Change[] = [];
  if (removed.length > 0)
    changes.push({
      rule: 'value-removed',
      effect: 'narrows',
      ...at,
      text: `${names(removed)} ${removed.length > 1 ? 'are' : 'is'} no longer a valid value`,
    });
  if (added.length > 0)
    changes.push({
      rule: 'value-added',
      effect: 'widens',
      ...at,
      text: `${names(added)} ${added.length > 1 ? 'are now valid values' : 'is now a valid value'}`,
    });
  return changes;
}

function defaultChange({ was, now }: PlacePair): Change {
  const [before, after] = [was.schema['default'], now.schema['default']];
  return {
    rule: 'default-changed',
    effect: 'meaning',
    ...sides(was, now, 'default'),
    text: `the default changed from ${show(before)} to ${show(after)}`,
  };
}

function undecided({ was, now }: Readonly<Record<'was' | 'now', Place>>, keyword: string): Change {
  return {
    rule: 'keyword-undecided',
    effect: 'undecided',
    ...sides(was, now, keyword),
    text: `${keyword} changed, and its effect on the valid values cannot be determined`,
  };
}

function coupled(pair: PlacePair, keyword: string): Change {
  const text = `other keywords changed, and how ${keyword} then affects the valid values cannot be determined`;
  return { ...undecided(pair, keyword), text };
}

function unresolved(was: Place, now: Place): Change {
  return {
    rule: 'reference-unresolved',
    effect: 'undecided',
    was: whole(was),
    now: whole(now),
    text: 'a reference cannot be resolved, so its schema cannot be compared',
  };
}

/** Compares two schemas if one of them accepts every value or no value. */
function restriction(was: Place, now: Place): Change[] | undefined {
  const at = { was: whole(was), now: whole(now) };
  const [before, after] = [acceptsAll(was.schema), acceptsAll(now.schema)];
  if (before && after) return [];
  if (was.schema === false || after)
    return [
      {
        rule: 'schema-opened',
        effect: 'widens',
        ...at,
        text: `${after ? 'every value is' : 'some values are'} now valid`,
      },
    ];
  if (now.schema === false)
    return [{ rule: 'schema-closed', effect: 'narrows', ...at, text: 'no value is valid any more' }];
  if (before) return [{ rule: 'schema-restricted', effect: 'narrows', ...at, text: 'some values are no longer valid' }];
  return undefined;
}

/**
 * The names of schemas that are equal in both versions, including everything that they refer to. The search starts with
 * the schemas of equal text. It then removes every schema that refers to a schema outside the set, until the set no
 * longer changes.
 */
function unchangedNames(was: SchemaDocument, now: SchemaDocument): ReadonlySet<string> {
  const refsOf = new Map<string, readonly string[]>();
  const names = Object.keys(was.at(['components', 'schemas'])?.schema ?? {});
  for (const name of names) {
    const path = ['components', 'schemas', name];
    const [before, after] = [was.at(path)?.schema, now.at(path)?.schema];
    if (!isObject(before) || !isObject(after)) continue;
    const bare = was.bare(before);
    if (bare.text === now.bare(after).text) refsOf.set(`#${toPointer(path)}`, bare.refs);
  }
  for (let size = -1; size !== refsOf.size;) {
    size = refsOf.size;
    for (const [name, refs] of refsOf) if (refs.some((ref) => !refsOf.has(ref))) refsOf.delete(name);
  }
  return new Set(refsOf.keys());
}
