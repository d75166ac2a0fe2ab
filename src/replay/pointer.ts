/** Reads values in events by JSON pointer (RFC 6901). */

/** A cache of parsed pointers. It stays small, because all pointers come from the contract, which contains only a few dozen. */
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

/** All values at a pointer of the contract. If the pointer leads to or through an array, the values of all its elements are included. */
export function valuesAt(value: unknown, pointer: string): readonly unknown[] {
  let found: readonly unknown[] = [value];
  for (const segment of segmentsOf(pointer))
    found = found.flat().flatMap((each) => {
      const isOwn = typeof each === 'object' && each !== null && Object.hasOwn(each, segment);
      return isOwn ? [(each as Readonly<Record<string, unknown>>)[segment]] : [];
    });
  return found.flat();
}

/** The value at a pointer of the contract, or undefined. Inherited members are ignored, so `/constructor` finds nothing. */
export function valueAt(value: unknown, pointer: string): unknown {
  let at = value;
  for (const segment of segmentsOf(pointer)) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, segment)) return undefined;
    at = (at as Readonly<Record<string, unknown>>)[segment];
  }
  return at;
}
