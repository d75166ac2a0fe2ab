/** Finds the values of a message that differ from run to run. The contract marks them with `x-volatile`. */
import contractJson from '../../generated/contract.json' with { type: 'json' };
import { equal, isArray, isObject, member, textAt, valueAt } from '../trace/json.ts';
import type { Json, JsonObject } from '../trace/json.ts';

const CONTRACT = contractJson as unknown as Json;

/** `server`: settings of the server; `text`: text for people; `order`: a list whose order has no meaning. */
export type Volatility = 'sequence' | 'timestamp' | 'id' | 'secret' | 'server' | 'text' | 'order';

const CLASSES: readonly string[] = ['sequence', 'timestamp', 'id', 'secret', 'server', 'text', 'order'];

/** The stream, epoch and sequenceId to which a value belongs. Each comes from the innermost enclosing object that contains it. */
export interface Scope {
  readonly stream?: string;
  readonly epoch?: string;
  readonly sequenceId?: number;
}

/** Returns the replacement of a volatile value; undefined leaves it out. */
export type Replace = (kind: Volatility, value: Json, scope: Scope) => Json | undefined;

export function narrowed(scope: Scope, value: JsonObject): Scope {
  const { stream, epoch, sequenceId } = value;
  return {
    ...scope,
    ...(typeof stream === 'string' ? { stream } : {}),
    ...(typeof epoch === 'string' ? { epoch } : {}),
    ...(typeof sequenceId === 'number' ? { sequenceId } : {}),
  };
}

function isVolatility(text: string | undefined): text is Volatility {
  return text !== undefined && CLASSES.includes(text);
}

function resolved(schema: Json | undefined): Json | undefined {
  const reference = textAt(schema, '$ref');
  return reference === undefined ? schema : resolved(valueAt(CONTRACT, reference.slice(1)));
}

/** Whether a value may match a branch of `oneOf`: it has the required members, and its members equal the branch's constants. */
function mayBe(branch: Json | undefined, value: Json): boolean {
  const schema = resolved(branch);
  const required = member(schema, 'required');
  if (isArray(required) && !required.every((key) => typeof key === 'string' && member(value, key) !== undefined))
    return false;
  const properties = member(schema, 'properties');
  return Object.keys(isObject(properties) ? properties : {}).every((key) => {
    const fixed = member(resolved(member(properties, key)), 'const');
    const given = member(value, key);
    return fixed === undefined || given === undefined || equal(fixed, given);
  });
}

function replaceIn(schema: Json | undefined, value: Json, scope: Scope, replace: Replace): Json | undefined {
  const known = resolved(schema);
  const kind = textAt(known, 'x-volatile');
  if (isVolatility(kind) && kind !== 'order') return replace(kind, value, scope);
  const branches = member(known, 'oneOf');
  if (isArray(branches))
    return replaceIn(
      branches.find((each) => mayBe(each, value)),
      value,
      scope,
      replace,
    );
  if (isArray(value)) {
    const items = value.flatMap((each) => replaceIn(member(known, 'items'), each, scope, replace) ?? []);
    return kind === 'order' ? replace(kind, items, scope) : items;
  }
  if (!isObject(value)) return value;
  const properties = member(known, 'properties');
  const inner = narrowed(scope, value);
  const entries = Object.entries(value).flatMap(([key, each]) => {
    const made = replaceIn(member(properties, key), each, inner, replace);
    return made === undefined ? [] : [[key, made] as const];
  });
  return Object.fromEntries(entries);
}

/** The schema of a message of the contract, by its name. */
function schemaOfMessage(name: string): Json | undefined {
  return valueAt(CONTRACT, `/components/messages/${name}/payload`);
}

/** Replaces each volatile value of a message. `scope` gives the stream of a message that does not contain its stream. */
export function replaceVolatile(
  messageName: string,
  message: JsonObject,
  replace: Replace,
  scope: Scope = {},
): JsonObject {
  const made = replaceIn(schemaOfMessage(messageName), message, scope, replace);
  return isObject(made) ? made : {};
}
