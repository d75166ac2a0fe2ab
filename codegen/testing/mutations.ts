/** Makes small mutations of valid values. */
import * as fc from 'fast-check';

export type Path = readonly (string | number)[];

/** The paths of all values inside a value, starting with its own path. */
export function pathsOf(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  const members = Object.entries(value);
  return [
    path,
    ...members.flatMap(([key, member]) => pathsOf(member, [...path, Array.isArray(value) ? Number(key) : key])),
  ];
}

export function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((parent, key) => (parent as Record<string | number, unknown>)[key], value);
}

/** A copy with the value at a path replaced, or removed if the new value is undefined. */
export function withAt(value: unknown, path: Path, replacement: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return replacement;
  const copy = structuredClone(value) as Record<string | number, unknown>;
  const member = withAt(copy[key], rest, replacement);
  if (member !== undefined) copy[key] = member;
  else if (Array.isArray(copy)) copy.splice(Number(key), 1);
  else delete copy[key];
  return copy;
}

/** The paths of the objects in a value. */
export function objectsIn(value: unknown): Path[] {
  return pathsOf(value).filter((path) => {
    const each = valueAt(value, path);
    return typeof each === 'object' && each !== null && !Array.isArray(each);
  });
}

/** Values of every type, and values at the bounds of schemas. */
const FOREIGN = fc.oneof(
  fc.constantFrom<unknown>(null, true, false, 0, -1, 0.5, 2 ** 53, '', ' ', '../x', [], {}, [null], ['*'], {
    mode: 'none',
  }),
  fc.string({ unit: 'binary', maxLength: 8 }),
  // The length of a text is counted in code points. Each of these has two code units.
  fc.integer({ min: 1, max: 300 }).map((length) => '𝄞'.repeat(length)),
  fc.jsonValue({ maxDepth: 1 }),
);

/** A value with one part removed, added or replaced. */
export function withOneChange(value: unknown): fc.Arbitrary<unknown> {
  const paths = pathsOf(value);
  const anywhere = fc.constantFrom(...paths);
  const ways = [
    fc.tuple(anywhere, FOREIGN).map(([path, foreign]) => withAt(value, path, foreign)),
    // Copies a value from another place in the same value, because it often has the right type.
    fc.tuple(anywhere, anywhere).map(([to, from]) => withAt(value, to, valueAt(value, from))),
  ];
  const members = paths.filter((path) => path.length > 0);
  if (members.length > 0) ways.push(fc.constantFrom(...members).map((path) => withAt(value, path, undefined)));
  const objects = objectsIn(value);
  if (objects.length > 0) ways.push(fc.tuple(fc.constantFrom(...objects), NAME, FOREIGN).map(addMember(value)));
  return fc.oneof(...ways);
}

/** Names that have a meaning elsewhere in a message, in JavaScript, or in a JSON pointer. */
const NAME = fc.constantFrom('extra', 'id', 'type', 'data', 'a/b~c', 'toString', 'constructor');

const addMember =
  (value: unknown) =>
  ([path, name, foreign]: [Path, string, unknown]): unknown =>
    withAt(value, [...path, name], foreign);
