/** RFC 6901 pointers into events. */

/** Every pointer comes from the contract: there are a few dozen, and each is taken apart once. */
const segmentsByPointer = new Map<string, readonly string[]>();

function segmentsOf(pointer: string): readonly string[] {
  const known = segmentsByPointer.get(pointer);
  if (known !== undefined) return known;
  const segments = pointer
    .split('/')
    .slice(1)
    .map((raw) => raw.replaceAll('~1', '/').replaceAll('~0', '~'));
  segmentsByPointer.set(pointer, segments);
  return segments;
}

/**
 * Every value that a pointer of the contract names; an array stands for each of its elements, at the end of the pointer and
 * on the way.
 */
export function valuesAt(value: unknown, pointer: string): readonly unknown[] {
  let found: readonly unknown[] = [value];
  for (const segment of segmentsOf(pointer))
    found = found.flat().flatMap((each) => {
      const isOwn = typeof each === 'object' && each !== null && Object.hasOwn(each, segment);
      return isOwn ? [(each as Readonly<Record<string, unknown>>)[segment]] : [];
    });
  return found.flat();
}

/** The value that a pointer of the contract names, or undefined. Only own members count: `/constructor` names nothing. */
export function valueAt(value: unknown, pointer: string): unknown {
  let at = value;
  for (const segment of segmentsOf(pointer)) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, segment)) return undefined;
    at = (at as Readonly<Record<string, unknown>>)[segment];
  }
  return at;
}
