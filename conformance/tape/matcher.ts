/**
 * Matches values against patterns. A pattern is the expected value, with three exceptions. An object may have more
 * members than the pattern names. A matcher (an object whose only key begins with `$`) accepts a set of values. A
 * pattern can refer to a value that an earlier matcher has bound. `matcher-cases.json` has examples.
 */
import { PATTERNS } from '../../generated/protocol.ts';
import { httpValidators, payloadValidators, serverValidators, commandValidators } from '../../generated/validators.js';
import type { Validator } from '../../generated/validators.js';
import { asText, equal, isArray, isObject, member, pointer } from '../trace/json.ts';
import type { Json, JsonObject } from '../trace/json.ts';
import { dollarKey, lookUp, resolve, sequenceAfter } from './bindings.ts';
import type { Bindings } from './bindings.ts';

export const MATCHERS = [
  '$any',
  '$absent',
  '$type',
  '$in',
  '$re',
  '$prefix',
  '$suffix',
  '$lt',
  '$gt',
  '$contains',
  '$unordered',
  '$each',
  '$schema',
  '$bind',
  '$ref',
  '$seq',
  '$time',
] as const;

export type MatcherName = (typeof MATCHERS)[number];

/** One difference between a value and a pattern. */
export interface Difference {
  /** JSON pointer into the value. */
  readonly path: string;
  /** Description of the expected value, for people. */
  readonly expected: string;
  /** Undefined when the member is missing. */
  readonly actual: Json | undefined;
}

export interface Match {
  /** Empty when the value matches. */
  readonly differences: readonly Difference[];
  /** The earlier bindings and the bindings of this match. */
  readonly bindings: Bindings;
}

/** One attempt to match: collects differences and bindings. */
class Attempt {
  readonly differences: Difference[] = [];
  readonly bindings: Map<string, Json>;

  constructor(bindings: Bindings) {
    this.bindings = new Map(bindings);
  }

  miss(path: string, expected: string, actual: Json | undefined): void {
    this.differences.push({ path, expected, actual });
  }

  /** Makes a nested attempt to match. The bindings of the nested attempt are kept only if it succeeds. */
  fits(pattern: Json, actual: Json | undefined): boolean {
    const inner = new Attempt(this.bindings);
    inner.match(pattern, actual, '');
    if (inner.differences.length > 0) return false;
    for (const [name, value] of inner.bindings) this.bindings.set(name, value);
    return true;
  }

  match(pattern: Json, actual: Json | undefined, path: string): void {
    const key = dollarKey(pattern);
    if (key !== undefined && isObject(pattern)) {
      const argument = pattern[key];
      const test = TESTS[key as MatcherName];
      if (argument !== undefined) test(argument, actual, path, this);
      return;
    }
    if (isArray(pattern)) this.#matchArray(pattern, actual, path);
    else if (isObject(pattern)) this.#matchObject(pattern, actual, path);
    else if (!equal(pattern, actual)) this.miss(path, JSON.stringify(pattern), actual);
  }

  #matchArray(pattern: readonly Json[], actual: Json | undefined, path: string): void {
    if (!isArray(actual)) return this.miss(path, `a list of ${pattern.length}`, actual);
    if (actual.length !== pattern.length) this.miss(path, `a list of ${pattern.length}`, actual);
    for (const [index, item] of pattern.entries())
      if (index < actual.length) this.match(item, actual[index], pointer(path, index));
  }

  #matchObject(pattern: JsonObject, actual: Json | undefined, path: string): void {
    if (!isObject(actual)) return this.miss(path, 'an object', actual);
    for (const [key, item] of Object.entries(pattern)) this.match(item, member(actual, key), pointer(path, key));
  }
}

type Test = (argument: Json, actual: Json | undefined, path: string, attempt: Attempt) => void;

/** Makes a matcher from a predicate on its argument and the actual value. Each `$ref` in the argument is first replaced by its value. */
function plain(holds: (argument: Json, actual: Json) => boolean, expected: (argument: Json) => string): Test {
  return (argument, actual, path, attempt) => {
    const resolved = resolve(argument, attempt.bindings);
    if (actual === undefined || !holds(resolved, actual)) attempt.miss(path, expected(resolved), actual);
  };
}

function typeOf(value: Json): string {
  if (value === null) return 'null';
  if (isArray(value)) return 'array';
  return typeof value;
}

function isType(argument: Json, actual: Json): boolean {
  return argument === 'integer' ? Number.isSafeInteger(actual) : typeOf(actual) === argument;
}

function compare(holds: (actual: number | string, bound: number | string) => boolean): (a: Json, b: Json) => boolean {
  return (bound, actual) => {
    if (typeof bound === 'number' && typeof actual === 'number') return holds(actual, bound);
    return typeof bound === 'string' && typeof actual === 'string' && holds(actual, bound);
  };
}

const isText = (holds: (text: string, argument: string) => boolean): ((a: Json, b: Json) => boolean) => {
  return (argument, actual) => typeof actual === 'string' && holds(actual, asText(argument));
};

function contains(argument: Json, actual: Json | undefined, path: string, attempt: Attempt): void {
  const expected = `something that contains ${JSON.stringify(argument)}`;
  if (typeof argument === 'string') {
    if (typeof actual !== 'string' || !actual.includes(argument)) attempt.miss(path, expected, actual);
    return;
  }
  if (!isArray(argument) || !isArray(actual)) return attempt.miss(path, expected, actual);
  const missing = assign(argument, actual, attempt);
  if (missing !== undefined) attempt.miss(path, `a list that contains ${JSON.stringify(missing)}`, actual);
}

/**
 * Assigns a different element to each pattern, with backtracking. Returns a pattern that cannot get an element;
 * undefined if every pattern has one.
 */
function assign(patterns: readonly Json[], actual: readonly Json[], attempt: Attempt): Json | undefined {
  const used = new Set<number>();
  let furthest = 0;
  const place = (at: number): boolean => {
    furthest = Math.max(furthest, at);
    const pattern = patterns[at];
    if (pattern === undefined) return true;
    return actual.some((item, index) => {
      if (used.has(index)) return false;
      const before = new Map(attempt.bindings);
      if (!attempt.fits(pattern, item)) return false;
      used.add(index);
      if (place(at + 1)) return true;
      used.delete(index);
      attempt.bindings.clear();
      for (const [name, value] of before) attempt.bindings.set(name, value);
      return false;
    });
  };
  return place(0) ? undefined : patterns[furthest];
}

function unordered(argument: Json, actual: Json | undefined, path: string, attempt: Attempt): void {
  if (!isArray(argument) || !isArray(actual) || argument.length !== actual.length)
    return attempt.miss(path, `a list, in any order, of ${JSON.stringify(argument)}`, actual);
  const missing = assign(argument, actual, attempt);
  if (missing !== undefined) attempt.miss(path, `a list, in any order, with ${JSON.stringify(missing)}`, actual);
}

function each(argument: Json, actual: Json | undefined, path: string, attempt: Attempt): void {
  // An empty list is rejected, because it would match any `$each` and prove nothing. A tape that expects an empty list
  // uses `[]`.
  if (!isArray(actual) || actual.length === 0) return attempt.miss(path, 'a non-empty list', actual);
  for (const [index, element] of actual.entries()) attempt.match(argument, element, pointer(path, index));
}

/** The validator of a message of the contract, by its name. */
export function schemaOf(name: string): Validator | undefined {
  const tables: readonly Readonly<Record<string, Validator>>[] = [
    serverValidators,
    httpValidators,
    commandValidators,
    payloadValidators,
  ];
  return tables.find((table) => Object.hasOwn(table, name))?.[name];
}

function schema(argument: Json, actual: Json | undefined, path: string, attempt: Attempt): void {
  const validator = schemaOf(asText(argument));
  if (validator?.(actual) === true) return;
  const [fault] = validator?.errors ?? [];
  attempt.miss(`${path}${fault?.instancePath ?? ''}`, `${asText(argument)}: ${fault?.message ?? 'its schema'}`, actual);
}

function bind(argument: Json, actual: Json | undefined, path: string, attempt: Attempt): void {
  const [name, pattern] = isArray(argument) ? argument : [argument, { $any: true }];
  const before = attempt.differences.length;
  if (pattern !== undefined) attempt.match(pattern, actual, path);
  if (attempt.differences.length === before && actual !== undefined) attempt.bindings.set(asText(name), actual);
}

function sequence(argument: Json, actual: Json | undefined, path: string, attempt: Attempt): void {
  if (isObject(argument)) {
    const wanted = sequenceAfter(argument, attempt.bindings);
    if (actual !== wanted) attempt.miss(path, `sequenceId ${wanted}`, actual);
  } else if (typeof actual !== 'number' || !Number.isSafeInteger(actual) || actual < 1) {
    attempt.miss(path, 'a sequenceId', actual);
  }
}

function time(argument: Json, actual: Json | undefined, path: string, attempt: Attempt): void {
  if (typeof actual !== 'string' || !PATTERNS.Timestamp.test(actual))
    return attempt.miss(path, 'a time, RFC 3339 in UTC with milliseconds', actual);
  const { from, to } = isObject(argument) ? argument : {};
  const bound = (name: Json | undefined): string | undefined =>
    typeof name === 'string' ? asText(lookUp(name, attempt.bindings)) : undefined;
  const [earliest, latest] = [bound(from), bound(to)];
  if (earliest !== undefined && actual < earliest) attempt.miss(path, `a time not before ${earliest}`, actual);
  if (latest !== undefined && actual > latest) attempt.miss(path, `a time not after ${latest}`, actual);
}

/** Describes alternatives in words: values as a list, matchers one by one. */
function alternatives(all: readonly Json[], actual: Json | undefined, { bindings }: Attempt): string {
  if (all.every((one) => dollarKey(one) === undefined)) return `one of ${JSON.stringify(all)}`;
  return all.map((one) => match(one, actual, bindings).differences[0]?.expected ?? JSON.stringify(one)).join(' or ');
}

const TESTS: Readonly<Record<MatcherName, Test>> = {
  $any: plain(
    () => true,
    () => 'anything',
  ),
  $absent: (_argument, actual, path, attempt) => {
    if (actual !== undefined) attempt.miss(path, 'nothing', actual);
  },
  $type: plain(isType, (argument) => `a value of type ${asText(argument)}`),
  $in: (argument, actual, path, attempt) => {
    if (isArray(argument) && argument.some((one) => attempt.fits(one, actual))) return;
    attempt.miss(path, alternatives(isArray(argument) ? argument : [argument], actual, attempt), actual);
  },
  $re: plain(
    isText((text, expression) => new RegExp(expression, 'u').test(text)),
    (argument) => `a string that matches /${asText(argument)}/`,
  ),
  $prefix: plain(
    isText((text, start) => text.startsWith(start)),
    (argument) => `a string that begins with ${JSON.stringify(argument)}`,
  ),
  $suffix: plain(
    isText((text, end) => text.endsWith(end)),
    (argument) => `a string that ends with ${JSON.stringify(argument)}`,
  ),
  $lt: plain(
    compare((actual, bound) => actual < bound),
    (argument) => `less than ${JSON.stringify(argument)}`,
  ),
  $gt: plain(
    compare((actual, bound) => actual > bound),
    (argument) => `more than ${JSON.stringify(argument)}`,
  ),
  $contains: contains,
  $unordered: unordered,
  $each: each,
  $schema: schema,
  $bind: bind,
  $ref: (argument, actual, path, attempt) => {
    const wanted = lookUp(asText(argument), attempt.bindings);
    if (!equal(wanted, actual)) attempt.miss(path, `${JSON.stringify(wanted)} (${asText(argument)})`, actual);
  },
  $seq: sequence,
  $time: time,
};

/** Matches a value against a pattern. Throws an UnboundError when a reference in the pattern has no value. */
export function match(pattern: Json, actual: Json | undefined, bindings: Bindings = new Map()): Match {
  const attempt = new Attempt(bindings);
  attempt.match(pattern, actual, '');
  return { differences: attempt.differences, bindings: attempt.bindings };
}

export function fits(pattern: Json, actual: Json | undefined, bindings: Bindings = new Map()): boolean {
  return match(pattern, actual, bindings).differences.length === 0;
}
