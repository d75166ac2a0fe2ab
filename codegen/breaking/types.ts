/** Compares the `type` keyword: the kinds of JSON value that a schema accepts. */
import { show, sides } from './change.ts';
import type { Change } from './change.ts';
import type { JsonObject } from './json.ts';
import type { PlacePair } from './relation.ts';
import { listOf } from './schema-document.ts';

const ALL = ['null', 'boolean', 'number', 'string', 'array', 'object'];

/**
 * The kinds of value that `type` allows; all kinds if there is no `type`. `number` allows every number, `integer` only
 * whole numbers.
 */
export function typesOf(schema: JsonObject): ReadonlySet<string> {
  const { type } = schema;
  const declared = typeof type === 'string' ? [type] : listOf(type).map(String);
  const types = new Set(declared.length > 0 ? declared : ALL);
  if (types.has('number')) types.delete('integer');
  return types;
}

function admits(types: ReadonlySet<string>, type: string): boolean {
  return types.has(type) || (type === 'integer' && types.has('number'));
}

export function sharedTypes(a: ReadonlySet<string>, b: ReadonlySet<string>): ReadonlySet<string> {
  return new Set([...[...a].filter((type) => admits(b, type)), ...[...b].filter((type) => admits(a, type))]);
}

export function typeChanges({ was, now }: PlacePair): Change[] {
  const [before, after] = [typesOf(was.schema), typesOf(now.schema)];
  const removed = [...before].some((type) => !admits(after, type));
  const added = [...after].some((type) => !admits(before, type));
  if (!removed && !added) return [];
  const effect = removed && added ? 'replaces' : removed ? 'narrows' : 'widens';
  const name = (types: ReadonlySet<string>, declared: unknown): string =>
    declared === undefined ? 'any' : show(types.size === 1 ? [...types][0] : [...types]);
  const text = `type changed from ${name(before, was.schema['type'])} to ${name(after, now.schema['type'])}`;
  return [{ rule: 'type-changed', effect, ...sides(was, now, 'type'), text }];
}
