/** From a payload that fits its schema to payloads that do not, each with the pointer that its refusal must name. */
import type { Json, JsonObject } from '../trace/json.ts';

/** JSON Schema as far as it is read here. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly const?: Json;
  readonly enum?: readonly Json[];
  readonly pattern?: string;
  readonly format?: string;
  readonly maxLength?: number;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
}

export type Schemas = Readonly<Record<string, Schema>>;

export interface InvalidPayload {
  readonly payload: JsonObject;
  /** Into the payload. */
  readonly pointer: string;
}

/** Of another type than each. */
const OTHER: Readonly<Record<string, Json>> = {
  string: 7,
  boolean: 'yes',
  integer: 'seven',
  number: 'seven',
  array: {},
  object: [],
};

const STRANGER = 'suiteUnknownMember';

/** One for each required member, each typed member, and the members that a closed object does not have. */
export function invalidPayloads(schema: Schema, payload: JsonObject, schemas: Schemas): readonly InvalidPayload[] {
  const { properties = {}, required = [], additionalProperties } = schema;
  const without = required.map((name) => ({
    payload: Object.fromEntries(Object.entries(payload).filter(([key]) => key !== name)),
    pointer: `/${escape(name)}`,
  }));
  const retyped = Object.entries(properties).flatMap(([name, member]) => {
    const wrong = OTHER[resolve(member, schemas).type ?? ''];
    return wrong === undefined ? [] : [{ payload: { ...payload, [name]: wrong }, pointer: `/${escape(name)}` }];
  });
  const widened =
    additionalProperties === false ? [{ payload: { ...payload, [STRANGER]: true }, pointer: `/${STRANGER}` }] : [];
  return [...without, ...retyped, ...widened];
}

function resolve(schema: Schema, schemas: Schemas): Schema {
  const name = schema.$ref?.slice(schema.$ref.lastIndexOf('/') + 1);
  return name === undefined ? schema : (schemas[name] ?? {});
}

function escape(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}
