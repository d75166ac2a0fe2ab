/** What a tape has bound by name, and how a value refers to it. */
import { asText, isArray, isObject, member, valueAt } from '../trace/json.ts';
import type { Json, JsonObject } from '../trace/json.ts';

export type Bindings = ReadonlyMap<string, Json>;

/** A reference to what was never bound: the tape is wrong, not the server. */
export class UnboundError extends Error {
  override readonly name = 'UnboundError';
}

/** The one key of a matcher or an expression, for example `$ref`. */
export function dollarKey(value: Json | undefined): string | undefined {
  if (!isObject(value)) return undefined;
  const [key, second] = Object.keys(value);
  return key !== undefined && second === undefined && key.startsWith('$') ? key : undefined;
}

/** `name` or `name/path/to/member`. */
export function lookUp(reference: string, bindings: Bindings): Json {
  const slash = reference.indexOf('/');
  const name = slash < 0 ? reference : reference.slice(0, slash);
  const found = valueAt(bindings.get(name), slash < 0 ? '' : reference.slice(slash));
  if (found === undefined) throw new UnboundError(`Nothing is bound as ${JSON.stringify(reference)}.`);
  return found;
}

/** `{after: name, plus?: n}`: the sequenceId that is bound there, and n (1 by default) more. */
export function sequenceAfter(argument: JsonObject, bindings: Bindings): number {
  const { after, plus } = argument;
  const bound = typeof after === 'string' ? lookUp(after, bindings) : undefined;
  const base = typeof bound === 'number' ? bound : member(bound, 'sequenceId');
  if (typeof base !== 'number') throw new UnboundError(`${JSON.stringify(after)} holds no sequenceId.`);
  return base + (typeof plus === 'number' ? plus : 1);
}

/** Puts values for `$ref` and `$seq`, so that the rest can be sent. */
export function resolve(value: Json, bindings: Bindings): Json {
  if (isArray(value)) return value.map((each) => resolve(each, bindings));
  if (!isObject(value)) return value;
  const key = dollarKey(value);
  if (key === '$ref') return lookUp(asText(value['$ref']), bindings);
  if (key === '$seq' && isObject(value['$seq'])) return sequenceAfter(value['$seq'], bindings);
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, resolve(each, bindings)]));
}

/** What placeholders stand for: `nonce` tells runs apart, `origin` is that of pages which the target serves itself. */
export interface Names {
  readonly nonce: string;
  readonly origin: string;
}

/** Besides names, `${fill:N}` stands for N characters that nobody wants to read. */
export const PLACEHOLDER = /\$\{(?:(nonce|origin)|fill:(\d{1,6}))\}/g;

function expandText(text: string, names: Names): string {
  return text.replaceAll(PLACEHOLDER, (_all, name: keyof Names | undefined, count: string) =>
    name === undefined ? 'x'.repeat(Number(count)) : names[name],
  );
}

/** Puts values for the placeholders in every text, keys included. */
export function expand<T extends Json>(value: T, names: Names): T;
export function expand(value: Json, names: Names): Json {
  if (typeof value === 'string') return expandText(value, names);
  if (isArray(value)) return value.map((each) => expand(each, names));
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [expandText(key, names), expand(each, names)]));
}
