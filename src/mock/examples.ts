/**
 * The events that a mock publishes. They are the examples of a contract. For an event without examples, a value is generated from its
 * payload schema.
 */
import { readFileSync } from 'node:fs';
import type { OpenObject } from '../../generated/types.ts';

export interface ExampleEvent {
  readonly event: string;
  readonly stream?: string;
  readonly payload: OpenObject;
}

type Json = null | boolean | number | string | readonly Json[] | JsonObject;
interface JsonObject {
  readonly [key: string]: Json;
}

const STOCK = new URL('../../generated/contract.json', import.meta.url);
/** At a greater depth than this, optional members are left out, because such a deep schema probably refers to itself. */
const DEEPEST = 8;

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function at(value: Json | undefined, ...keys: readonly string[]): Json | undefined {
  let found = value;
  for (const key of keys) found = isObject(found) && Object.hasOwn(found, key) ? found[key] : undefined;
  return found;
}

function textAt(value: Json | undefined, ...keys: readonly string[]): string | undefined {
  const found = at(value, ...keys);
  return typeof found === 'string' ? found : undefined;
}

function listAt(value: Json | undefined, ...keys: readonly string[]): readonly Json[] {
  const found = at(value, ...keys);
  return Array.isArray(found) ? (found as readonly Json[]) : [];
}

/** Generates a value for a schema of the contract. Most keywords are ignored, so the value may not match, for example, a `pattern`. */
class Sampler {
  readonly #contract: Json;

  constructor(contract: Json) {
    this.#contract = contract;
  }

  sample(schema: Json | undefined, depth = 0): Json {
    const reference = textAt(schema, '$ref');
    if (reference !== undefined) return this.sample(at(this.#contract, ...reference.split('/').slice(1)), depth + 1);
    const given =
      at(schema, 'const') ?? at(schema, 'default') ?? listAt(schema, 'examples')[0] ?? listAt(schema, 'enum')[0];
    if (given !== undefined) return given;
    const [alternative] = [...listAt(schema, 'oneOf'), ...listAt(schema, 'anyOf')];
    if (alternative !== undefined) return this.sample(alternative, depth + 1);
    const type = at(schema, 'type');
    return this.#ofType(Array.isArray(type) ? String(type[0]) : type, schema, depth);
  }

  #ofType(type: Json | undefined, schema: Json | undefined, depth: number): Json {
    const minimum = at(schema, 'minimum') ?? 1;
    switch (type) {
      case 'string':
        return textAt(schema, 'format') === 'date-time' ? new Date().toISOString() : 'example';
      case 'integer':
      case 'number':
        return minimum;
      case 'boolean':
        return true;
      case 'null':
        return null;
      case 'array':
        return at(schema, 'minItems') === undefined ? [] : [this.sample(at(schema, 'items'), depth + 1)];
      default:
        return this.#object(schema, depth);
    }
  }

  #object(schema: Json | undefined, depth: number): Json {
    const required = listAt(schema, 'required');
    const properties = at(schema, 'properties');
    const names = isObject(properties) ? Object.keys(properties) : [];
    const chosen = depth > DEEPEST ? names.filter((name) => required.includes(name)) : names;
    return Object.fromEntries(chosen.map((name) => [name, this.sample(at(properties, name), depth + 1)]));
  }
}

/**
 * The examples of each declared event, in the order of the contract.
 * @param location URL of a file in the built form of a contract; by default, the stock contract is used
 */
export function examplesOf(location?: string): ReadonlyMap<string, readonly ExampleEvent[]> {
  const file = location === undefined ? STOCK : new URL('contract.json', location);
  const contract = JSON.parse(readFileSync(file, 'utf8')) as Json;
  const sampler = new Sampler(contract);
  const messages = at(contract, 'components', 'messages');
  const found = new Map<string, readonly ExampleEvent[]>();
  for (const message of isObject(messages) ? Object.values(messages) : []) {
    const event = textAt(message, 'x-event');
    if (event === undefined || event === '*') continue;
    const examples = listAt(message, 'examples').flatMap((each) => exampleOf(event, at(each, 'payload', 'data')));
    const schema = textAt(message, 'x-payload');
    const made = schema === undefined ? {} : sampler.sample(at(contract, 'components', 'schemas', schema));
    found.set(event, examples.length > 0 ? examples : [{ event, payload: made as OpenObject }]);
  }
  return found;
}

/** Reads an example. If the result has no stream, the gateway chooses the stream of the event. */
function exampleOf(event: string, data: Json | undefined): readonly ExampleEvent[] {
  const payload = at(data, 'payload');
  const stream = textAt(data, 'stream');
  if (!isObject(payload)) return [];
  return [{ event, payload, ...(stream === undefined || stream === 'main' ? {} : { stream }) }];
}
