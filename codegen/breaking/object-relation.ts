/** Objects: members, which of them are required, and what holds for members that are not declared. */
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

/** What holds for members that `properties` does not name. */
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
  // Only named on one side, and any value will do on the other: told by the member's name.
  if (!isDeclared(was) && acceptsAll(before.schema) && !acceptsAll(after.schema))
    return [
      {
        rule: 'property-declared',
        effect: 'narrows',
        ...at,
        text: `${name}, which could hold anything, has a schema now`,
      },
    ];
  if (!isDeclared(now) && acceptsAll(after.schema) && !acceptsAll(before.schema))
    return [
      {
        rule: 'property-undeclared',
        effect: 'widens',
        ...at,
        text: `${name} lost its schema, and can hold anything now`,
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
        text: 'members that are not declared are valid now',
      },
    ];
  if (after.schema === false)
    return [
      {
        rule: 'additional-properties-closed',
        effect: 'narrows',
        ...at,
        text: 'members that are not declared are no longer valid',
      },
    ];
  return relation.relate(before, after);
}

/** A new member is one that a client ignores, unless the old version counts members or restricts their names. */
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
      text: `${name} is required now`,
    })),
    ...removed.map((name): Change => ({
      rule: 'required-removed',
      effect: 'widens',
      ...at,
      text: `${name} is optional now`,
    })),
  ];
}
