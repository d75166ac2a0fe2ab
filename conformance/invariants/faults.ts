/**
 * Finds every fault of a message, although a validator stops at the first fault. Each fault is repaired in a copy of the
 * message, with the value of a valid example at that place. This is repeated until the copy is valid.
 */
import type { ValidationError, Validator } from '../../generated/validators.js';
import { isArray, isObject, pointer, valueAt } from '../trace/json.ts';
import type { Json } from '../trace/json.ts';

export interface Fault {
  /** JSON pointer to the value at fault, or to where it is missing. */
  readonly path: string;
  /** What the value must be, for example "must be integer". */
  readonly rule: string;
  /** The keyword of JSON Schema that the value violates. */
  readonly keyword: string;
  readonly actual: Json | undefined;
}

/**
 * The maximum number of repairs, more than any message has members. Prevents an endless loop if a repair has no effect.
 */
const MOST = 200;

function keyOf(params: ValidationError['params'], name: string): string | undefined {
  const value = params[name];
  return typeof value === 'string' ? value : undefined;
}

function faultOf({ instancePath, keyword, params, message = 'does not fit' }: ValidationError, value: Json): Fault {
  const key = keyOf(params, 'missingProperty') ?? keyOf(params, 'additionalProperty');
  const path = key === undefined ? instancePath : pointer(instancePath, key);
  const { allowedValues } = params;
  const rule = isArray(allowedValues)
    ? `must be one of ${JSON.stringify(allowedValues)}`
    : keyword === 'required'
      ? 'a value: the member is required'
      : message;
  return { path, rule, keyword, actual: valueAt(value, path) };
}

/** A copy of the value in which the part at a path is replaced, or removed if there is no replacement. */
function withValue(value: Json, path: readonly string[], replacement: Json | undefined): Json {
  const [key, ...rest] = path;
  if (key === undefined) return replacement ?? value;
  if (isArray(value))
    return value.map((each, index) => (String(index) === key ? withValue(each, rest, replacement) : each));
  if (!isObject(value)) return value;
  const others = Object.entries(value).filter(([name]) => name !== key);
  const own = Object.hasOwn(value, key) ? value[key] : undefined;
  if (rest.length === 0 && replacement === undefined) return Object.fromEntries(others);
  return Object.fromEntries([...others, [key, withValue(own ?? null, rest, replacement)]]);
}

function tokens(path: string): readonly string[] {
  return path
    .split('/')
    .slice(1)
    .map((each) => each.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** @param example a valid message of the same kind */
export function faultsOf(validator: Validator, message: Json, example: Json): readonly Fault[] {
  const faults: Fault[] = [];
  let copy = message;
  while (!validator(copy) && faults.length < MOST) {
    const [error] = validator.errors ?? [];
    if (error === undefined) break;
    const fault = faultOf(error, copy);
    if (faults.some((each) => each.path === fault.path && each.keyword === fault.keyword)) break;
    faults.push(fault);
    const unknown = fault.keyword === 'additionalProperties';
    const replacement = unknown ? undefined : valueAt(example, fault.path);
    // The example does not have this member, so the fault cannot be repaired and the rest of the object cannot be
    // checked.
    if (replacement === undefined && !unknown) break;
    copy = withValue(copy, tokens(fault.path), replacement);
  }
  return faults;
}
