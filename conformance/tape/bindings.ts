/** Names that a tape has bound to values, and references to these names. */
import { asText, isArray, isObject, member, valueAt } from '../trace/json.ts';
import type { Json, JsonObject } from '../trace/json.ts';

export type Bindings = ReadonlyMap<string, Json>;

/**
 * Thrown for a reference without a value: the name was never bound, or the bound value does not have the member. The parser
 * rejects tapes with unbound names. So during a run, this error means that a received message lacks the member.
 */
export class UnboundError extends Error {
  override readonly name = 'UnboundError';
}

/** If the value is a matcher or an expression, its only key, for example `$ref`. */
export function dollarKey(value: Json | undefined): string | undefined {
  if (!isObject(value)) return undefined;
  const [key, second] = Object.keys(value);
  return key !== undefined && second === undefined && key.startsWith('$') ? key : undefined;
}

/** Returns the value of a reference, which has the form `name` or `name/path/to/member`. */
export function lookUp(reference: string, bindings: Bindings): Json {
  const slash = reference.indexOf('/');
  const name = slash < 0 ? reference : reference.slice(0, slash);
  const found = valueAt(bindings.get(name), slash < 0 ? '' : reference.slice(slash));
  if (found === undefined) throw new UnboundError(`The reference ${JSON.stringify(reference)} has no value.`);
  return found;
}

/** Evaluates `{after: name, plus?: n}`: the sequenceId of the value that is bound to the name, plus n (1 by default). */
export function sequenceAfter(argument: JsonObject, bindings: Bindings): number {
  const { after, plus } = argument;
  const bound = typeof after === 'string' ? lookUp(after, bindings) : undefined;
  const base = typeof bound === 'number' ? bound : member(bound, 'sequenceId');
  if (typeof base !== 'number')
    throw new UnboundError(`${JSON.stringify(after)} is bound to a value without a sequenceId.`);
  return base + (typeof plus === 'number' ? plus : 1);
}

/** Replaces `$ref` and `$seq` by their values. */
export function resolve(value: Json, bindings: Bindings): Json {
  if (isArray(value)) return value.map((each) => resolve(each, bindings));
  if (!isObject(value)) return value;
  const key = dollarKey(value);
  if (key === '$ref') return lookUp(asText(value['$ref']), bindings);
  if (key === '$seq' && isObject(value['$seq'])) return sequenceAfter(value['$seq'], bindings);
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, resolve(each, bindings)]));
}

/** Values of placeholders: `nonce` is unique to the run, `origin` is the target's own origin. */
export interface Names {
  readonly nonce: string;
  readonly origin: string;
}

/** Matches the placeholders. `${fill:N}` stands for N characters. */
export const PLACEHOLDER = /\$\{(?:(nonce|origin)|fill:(\d{1,6}))\}/g;

function expandText(text: string, names: Names): string {
  return text.replaceAll(PLACEHOLDER, (_all, name: keyof Names | undefined, count: string) =>
    name === undefined ? 'x'.repeat(Number(count)) : names[name],
  );
}

/** Replaces the placeholders in every string, keys included. */
export function expand<T extends Json>(value: T, names: Names): T;
export function expand(value: Json, names: Names): Json {
  if (typeof value === 'string') return expandText(value, names);
  if (isArray(value)) return value.map((each) => expand(each, names));
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [expandText(key, names), expand(each, names)]));
}
