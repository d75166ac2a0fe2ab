/** Checks the replay policy and the filter fields of an event that a team's own document declares. Both must match the event's payload. */
import type { Schema } from '../model.ts';
import { admitsText, elementOf, membersOf, targetOf } from '../members.ts';
import { fromPointer } from '../source.ts';
import type { OwnEvent } from './document.ts';
import { below, suggestion } from './findings.ts';
import type { Findings, Place } from './findings.ts';

interface Shape {
  readonly schemas: Readonly<Record<string, Schema>>;
  /** Name of the payload's schema. */
  readonly payload: string;
  readonly findings: Findings;
}

const PER_KEY = 'latest-per-key';
/** Pointers to the members outside the payload by which events can be filtered. */
const SOURCE_POINTERS: readonly string[] = ['/source/name', '/source/principal'];

export function checkReplay(
  event: OwnEvent,
  { policies, ...shape }: Shape & { readonly policies: readonly string[] },
): void {
  const { findings } = shape;
  const { policy, key, keySpace, clears } = event.replay;
  const place = below(event.place, 'x-replay');
  if (!policies.includes(policy)) {
    const text = `is ${policy}. Use one of ${policies.join(', ')}.${suggestion(policy, policies)}`;
    findings.add('event-replay', below(place, 'policy'), text);
    return;
  }
  if (policy !== PER_KEY) {
    const extra = key !== undefined ? 'key' : keySpace !== undefined ? 'keySpace' : clears === true ? 'clears' : '';
    if (extra !== '')
      findings.add('event-replay', below(place, extra), `is only used by ${PER_KEY}. Remove it, or change the policy.`);
    return;
  }
  if (keySpace !== undefined && !/^[A-Za-z0-9_.-]{1,128}$/.test(keySpace))
    findings.add(
      'event-replay',
      below(place, 'keySpace'),
      'must consist of 1 to 128 letters, digits, `_`, `.` and `-`. Rename it.',
    );
  if (key === undefined) {
    const example = `/payload/${Object.keys(rootOf(shape)?.properties ?? {})[0] ?? 'id'}`;
    findings.add(
      'event-replay',
      place,
      `is ${PER_KEY} without a key. Add a pointer to the member that is the key, such as key: ${example}.`,
    );
    return;
  }
  checkKey(key, below(place, 'key'), shape);
}

function checkKey(key: string, place: Place, shape: Shape): void {
  const { findings } = shape;
  const found = follow(key, shape);
  if ('fault' in found) {
    findings.add('event-replay', place, found.fault);
    return;
  }
  if (found.optional !== undefined)
    findings.add(
      'event-replay',
      place,
      `${key} may be absent: ${found.optional} is not required. Add it to required, or choose another key.`,
    );
  else if (found.inList || !admitsText(shape.schemas, found.schema))
    findings.add(
      'event-replay',
      place,
      `${key} is ${found.inList ? 'in a list' : typeText(found.schema)}; a key is one string. Choose another key.`,
    );
}

export function checkFilterable(event: OwnEvent, shape: Shape): void {
  const { findings } = shape;
  for (const [field, pointers] of Object.entries(event.filterable)) {
    for (const [at, pointer] of pointers.entries()) {
      if (SOURCE_POINTERS.includes(pointer)) continue;
      const place = below(event.place, 'x-filterable', field, String(at));
      const found = follow(pointer, shape);
      if ('fault' in found) findings.add('event-filterable', place, found.fault);
      else if (!admitsText(shape.schemas, found.schema))
        findings.add(
          'event-filterable',
          place,
          `${pointer} is ${typeText(found.schema)}; a filter field needs a string or a list of strings. Choose another member.`,
        );
    }
  }
}

interface Found {
  readonly schema: Schema;
  /** The first optional member on the path. */
  readonly optional: string | undefined;
  readonly inList: boolean;
}

function rootOf({ schemas, payload }: Shape): Schema | undefined {
  return targetOf(schemas, { $ref: `#/components/schemas/${payload}` });
}

function follow(pointer: string, shape: Shape): Found | { readonly fault: string } {
  const { schemas } = shape;
  if (!pointer.startsWith('/payload/')) {
    const bare = pointer.replace(/^\/+/, '');
    const names = Object.keys(rootOf(shape)?.properties ?? {});
    const meant = names.includes(bare) ? ` Did you mean /payload/${bare}?` : '';
    return { fault: `${pointer} does not begin with /payload/.${meant} Write a pointer to a member of the payload.` };
  }
  let schema = rootOf(shape);
  let optional: string | undefined;
  let inList = false;
  for (const key of fromPointer(pointer).slice(1)) {
    inList ||= schema?.items !== undefined;
    schema = schema === undefined ? undefined : elementOf(schemas, schema);
    const members: Readonly<Record<string, Schema>> = schema === undefined ? {} : membersOf(schemas, schema);
    if (!Object.hasOwn(members, key)) {
      const names = Object.keys(members);
      const known = names.length === 0 ? '' : ` Members here: ${names.join(', ')}.`;
      return {
        fault: `${pointer} does not exist in the payload: there is no ${key}.${suggestion(key, names)}${known}`,
      };
    }
    if (schema?.required?.includes(key) !== true) optional ??= key;
    schema = members[key] === undefined ? undefined : targetOf(schemas, members[key]);
  }
  return schema === undefined
    ? { fault: `${pointer} does not exist in the payload. Correct the pointer.` }
    : { schema, optional, inList };
}

function typeText({ type, oneOf, anyOf }: Schema): string {
  if (typeof type === 'object') return `one of ${type.join(', ')}`;
  if (type !== undefined) return `${/^[aeiou]/.test(type) ? 'an' : 'a'} ${type}`;
  return (oneOf ?? anyOf) ? 'one of several types, none of them string' : 'of no declared type';
}
