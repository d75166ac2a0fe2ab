/** JSON values and helpers to read them. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

export interface JsonObject {
  readonly [key: string]: Json;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isArray(value: unknown): value is readonly Json[] {
  return Array.isArray(value);
}

/** The member of an object with this key, or undefined. Inherited members such as `__proto__` are not found. */
export function member(value: unknown, key: string): Json | undefined {
  return isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

/** Whether two values are the same JSON; the order of keys is ignored. */
export function equal(left: Json | undefined, right: Json | undefined): boolean {
  if (isArray(left) && isArray(right))
    return left.length === right.length && left.every((each, index) => equal(each, right[index]));
  if (isObject(left) && isObject(right)) {
    const keys = Object.keys(left);
    return keys.length === Object.keys(right).length && keys.every((key) => equal(left[key], member(right, key)));
  }
  return left === right;
}

/** Appends a token to a JSON pointer (RFC 6901). */
export function pointer(base: string, key: string | number): string {
  return `${base}/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

/** The value at a JSON pointer (RFC 6901), or undefined. */
export function valueAt(value: Json | undefined, path: string): Json | undefined {
  if (path === '') return value;
  let found: Json | undefined = value;
  for (const token of path.replace(/^\//, '').split('/')) {
    const key = token.replaceAll('~1', '/').replaceAll('~0', '~');
    if (isArray(found)) found = /^\d+$/.test(key) ? found[Number(key)] : undefined;
    else found = member(found, key);
  }
  return found;
}

/** Parses JSON; undefined when the text is not JSON. */
export function tryParse(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

/** Converts a value to text: a string unchanged, undefined to the empty string, any other value to JSON. */
export function asText(value: Json | undefined): string {
  if (value === undefined) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** The member with this key if it is a string, otherwise undefined. */
export function textAt(value: Json | undefined, key: string): string | undefined {
  const found = member(value, key);
  return typeof found === 'string' ? found : undefined;
}

/** The member with this key if it is a number, otherwise undefined. */
export function numberAt(value: Json | undefined, key: string): number | undefined {
  const found = member(value, key);
  return typeof found === 'number' ? found : undefined;
}

/** The strings in the list that is the member with this key; empty if there is no such list. */
export function textsAt(value: Json | undefined, key: string): readonly string[] {
  const found = member(value, key);
  return isArray(found) ? found.filter((each) => typeof each === 'string') : [];
}
