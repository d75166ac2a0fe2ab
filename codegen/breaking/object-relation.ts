/** Compares objects: declared members, required members, and undeclared members. */
import { sides, whole } from './change.ts';
import type { Change } from './change.ts';
import { objectAt, textsOf, union } from './json.ts';
import { boundChanges } from './keywords.ts';
import { acceptsAll, part } from './schema-document.ts';
import type { Place } from './schema-document.ts';
import type { ObjectPlace, PlacePair, Relation } from './relation.ts';

export function relateObjects(relation: Relation, pair: PlacePair): Change[] {
  const { was, now } = pair;
  const names = union(Object.keys(objectAt(was.schema, 'properties')), Object.keys(objectAt(now.schema, 'properties')));
  return [
    ...names.flatMap((name) => relateMember(relation, pair, name)),
    ...relateOthers(relation, pair),
    ...requiredChanges(pair),
    ...boundChanges(pair, 'minProperties'),
    ...boundChanges(pair, 'maxProperties'),
  ];
}

/** The schema of the members that `properties` does not list. */
export function othersOf(place: ObjectPlace): Place {
  return part(place, 'additionalProperties') ?? { schema: true, path: place.path };
}

/** The schema of a member, declared or not. */
export function memberOf(place: ObjectPlace, name: string): Place {
  return part(place, 'properties', name) ?? othersOf(place);
}

function relateMember(relation: Relation, { was, now }: PlacePair, name: string): Change[] {
  const [before, after] = [memberOf(was, name), memberOf(now, name)];
  const isDeclared = ({ schema }: ObjectPlace): boolean => Object.hasOwn(objectAt(schema, 'properties'), name);
  const at = { was: whole(before), now: whole(after) };
  if (before.schema === false && after.schema === false) return [];
  if (before.schema === false)
    return [
      {
        rule: 'property-added',
        effect: addition(was),
        was: { path: was.path, value: undefined },
        now: at.now,
        text: `${name} was added`,
      },
    ];
  if (after.schema === false)
    return [
      {
        rule: 'property-removed',
        effect: 'narrows',
        was: at.was,
        now: { path: now.path, value: undefined },
        text: `${name} was removed`,
      },
    ];
  // Only one version declares the member, and the other version accepts any value. Report the change under the member's
  // name.
  if (!isDeclared(was) && acceptsAll(before.schema) && !acceptsAll(after.schema))
    return [
      {
        rule: 'property-declared',
        effect: 'narrows',
        ...at,
        text: `${name}, which accepted any value, now has a schema`,
      },
    ];
  if (!isDeclared(now) && acceptsAll(after.schema) && !acceptsAll(before.schema))
    return [
      {
        rule: 'property-undeclared',
        effect: 'widens',
        ...at,
        text: `${name} lost its schema and now accepts any value`,
      },
    ];
  return relation.relate(before, after);
}

function relateOthers(relation: Relation, { was, now }: PlacePair): Change[] {
  const [before, after] = [othersOf(was), othersOf(now)];
  const at = sides(was, now, 'additionalProperties');
  if (before.schema === after.schema) return [];
  if (before.schema === false)
    return [
      {
        rule: 'additional-properties-opened',
        effect: addition(was),
        ...at,
        text: 'undeclared members are now valid',
      },
    ];
  if (after.schema === false)
    return [
      {
        rule: 'additional-properties-closed',
        effect: 'narrows',
        ...at,
        text: 'undeclared members are no longer valid',
      },
    ];
  return relation.relate(before, after);
}

/** The effect of a new member. Clients ignore it, unless the old version limits the number or the names of members. */
function addition({ schema }: ObjectPlace): 'adds-fields' | 'widens' {
  return schema['maxProperties'] === undefined && schema['propertyNames'] === undefined ? 'adds-fields' : 'widens';
}

function requiredChanges({ was, now }: PlacePair): Change[] {
  const [before, after] = [textsOf(was.schema['required']), textsOf(now.schema['required'])];
  const at = sides(was, now, 'required');
  const added = after.filter((name) => !before.includes(name));
  const removed = before.filter((name) => !after.includes(name));
  return [
    ...added.map((name): Change => ({
      rule: 'required-added',
      effect: 'narrows',
      ...at,
      text: `${name} is now required`,
    })),
    ...removed.map((name): Change => ({
      rule: 'required-removed',
      effect: 'widens',
      ...at,
      text: `${name} is now optional`,
    })),
  ];
}
