/** Compares alternatives (`oneOf`, `anyOf`), paired by their names or by the member that distinguishes them. */
import { staysWithin, stillAccepts, whole } from './change.ts';
import type { Change } from './change.ts';
import { equal, objectAt, textsOf, union } from './json.ts';
import { memberOf } from './object-relation.ts';
import { toPointer } from '../source.ts';
import type { ObjectPlace, PlacePair, Relation } from './relation.ts';
import { listOf } from './schema-document.ts';
import type { Place, SchemaDocument } from './schema-document.ts';
import { sharedTypes, typesOf } from './types.ts';

export function relateUnions(relation: Relation, { was, now }: PlacePair): Change[] {
  const { before, after } = alternatives(relation, { was, now });
  const changes = [...pairUp(relation, { was, now }, before, after)];
  // `oneOf` refuses a value that two alternatives accept. So if an alternative has changed and alternatives may overlap,
  // the result is undecided.
  if (changes.length > 0 || !haveEqualMembers(relation, before, after)) {
    for (const [document, place] of [
      [relation.was, was],
      [relation.now, now],
    ] as const)
      if (document.isExclusive(place) && !areExclusive(document, document.branchesOf(place)))
        changes.push(overlap({ was, now }));
  }
  return changes;
}

function haveEqualMembers(relation: Relation, before: readonly Place[], after: readonly Place[]): boolean {
  const unmatched = new Set(after);
  for (const a of before) {
    const b = [...unmatched].find((each) => relation.isSame(a, each));
    if (b === undefined) return false;
    unmatched.delete(b);
  }
  return unmatched.size === 0;
}

interface Alternatives {
  readonly before: readonly Place[];
  readonly after: readonly Place[];
}

/**
 * The alternatives of both versions. If only one version has alternatives, the single schema of the other version is
 * split by its types, for comparison with these alternatives.
 */
function alternatives({ was: old, now: next }: Relation, { was, now }: PlacePair): Alternatives {
  const [before, after] = [old.branchesOf(was), next.branchesOf(now)];
  return {
    before: after.length > 1 ? before.flatMap(byType) : before,
    after: before.length > 1 ? after.flatMap(byType) : after,
  };
}

function byType(place: Place): Place[] {
  const types = typeof place.schema === 'boolean' ? [] : listOf(place.schema['type']);
  if (typeof place.schema === 'boolean' || types.length < 2) return [place];
  const { schema, path } = place;
  return types.map((type) => ({ schema: { ...schema, type }, path }));
}

function* pairUp(
  relation: Relation,
  { was, now }: PlacePair,
  before: readonly Place[],
  after: readonly Place[],
): Generator<Change> {
  const [left, right] = [new Set(before), new Set(after)];
  const take = (holds: (a: Place, b: Place) => boolean): [Place, Place][] =>
    before.flatMap((a) => {
      const b = left.has(a) ? [...right].find((each) => holds(a, each)) : undefined;
      if (b === undefined) return [];
      left.delete(a);
      right.delete(b);
      return [[a, b]];
    });
  take((a, b) => relation.isSame(a, b));
  const named = take((a, b) => isNamed(a) && toPointer(a.path) === toPointer(b.path));
  const marked = take((a, b) => haveSameMark(relation, a, b));
  for (const [a, b] of [...named, ...marked]) yield* relation.relate(a, b);
  for (const a of left) {
    if (after.some((b) => stillAccepts(relation.relate(a, b)))) continue;
    yield {
      rule: 'variant-removed',
      effect: 'narrows',
      was: whole(a),
      now: { path: now.path, value: undefined },
      text: `the alternative ${nameOf(a)} was removed`,
    };
  }
  for (const b of right) {
    const all = before.map((a) => relation.relate(a, b));
    const within = all.filter(staysWithin);
    if (within.some((changes) => changes.every(({ effect }) => effect !== 'adds-fields'))) continue;
    yield {
      rule: 'variant-added',
      effect: within.length > 0 ? 'adds-fields' : 'widens',
      was: { path: was.path, value: undefined },
      now: whole(b),
      text: `the alternative ${nameOf(b)} was added`,
    };
  }
}

function overlap({ was, now }: PlacePair): Change {
  return {
    rule: 'variants-overlap',
    effect: 'undecided',
    was: whole(was),
    now: whole(now),
    text: 'no required member distinguishes the alternatives of oneOf, so it cannot be determined which values match exactly one alternative',
  };
}

function isNamed({ path }: Place): boolean {
  return path.length === 3 && path[0] === 'components';
}

function nameOf({ path }: Place): string {
  return String(path.at(-1));
}

/** A mark is a required member with one possible value. True if the schemas share marks, and each shared mark has equal values. */
function haveSameMark({ was, now }: Relation, a: Place, b: Place): boolean {
  const [before, after] = [marksOf(was, a), marksOf(now, b)];
  const shared = [...before.keys()].filter((name) => after.has(name));
  return shared.length > 0 && shared.every((name) => equal(before.get(name), after.get(name)));
}

function marksOf(document: SchemaDocument, { schema, path }: Place): ReadonlyMap<string, unknown> {
  if (typeof schema === 'boolean') return new Map();
  return new Map(
    textsOf(schema['required']).flatMap((name): [string, unknown][] => {
      const values = document.valuesOf(memberOf({ schema, path }, name));
      return values?.length === 1 ? [[name, values[0]]] : [];
    }),
  );
}

function areExclusive(document: SchemaDocument, branches: readonly Place[]): boolean {
  return branches.every((a, index) => branches.slice(index + 1).every((b) => areDisjoint(document, a, b, 0)));
}

/** Whether it is certain that no value matches both schemas. */
function areDisjoint(document: SchemaDocument, first: Place, second: Place, depth: number): boolean {
  const [a, b] = [document.resolve(first), document.resolve(second)];
  if (a === undefined || b === undefined || depth > 8) return false;
  if (a.schema === false || b.schema === false) return true;
  const [left, right] = [document.valuesOf(a), document.valuesOf(b)];
  if (left !== undefined) return left.every((value) => document.accepts(b, value) === false);
  if (right !== undefined) return right.every((value) => document.accepts(a, value) === false);
  const [many, more] = [document.branchesOf(a), document.branchesOf(b)];
  if (many.length > 1 || more.length > 1)
    return many.every((x) => more.every((y) => areDisjoint(document, x, y, depth + 1)));
  if (typeof a.schema === 'boolean' || typeof b.schema === 'boolean') return false;
  const shared = sharedTypes(typesOf(a.schema), typesOf(b.schema));
  if (shared.size === 0) return true;
  if (shared.size > 1 || !shared.has('object')) return false;
  return haveDisjointMember(document, a as ObjectPlace, b as ObjectPlace, depth);
}

function haveDisjointMember(document: SchemaDocument, a: ObjectPlace, b: ObjectPlace, depth: number): boolean {
  const [inA, inB] = [textsOf(a.schema['required']), textsOf(b.schema['required'])];
  return union(inA, inB).some((name) => {
    const [x, y] = [memberOf(a, name), memberOf(b, name)];
    if (inA.includes(name) && y.schema === false) return true;
    if (inB.includes(name) && x.schema === false) return true;
    const isDeclared = (place: ObjectPlace): boolean => Object.hasOwn(objectAt(place.schema, 'properties'), name);
    if (!inA.includes(name) || !inB.includes(name) || !isDeclared(a) || !isDeclared(b)) return false;
    return areDisjoint(document, x, y, depth + 1);
  });
}
