/** Makes invalid payloads from a valid one, each with the pointer that the error must contain. */
import type { Json, JsonObject } from '../trace/json.ts';

/** The part of JSON Schema that is used here. */
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
  /** Pointer into the payload. */
  readonly pointer: string;
}

/** For each type, a value of another type. */
const OTHER: Readonly<Record<string, Json>> = {
  string: 7,
  boolean: 'yes',
  integer: 'seven',
  number: 'seven',
  array: {},
  object: [],
};

const STRANGER = 'suiteUnknownMember';

/** One for each required member, one for each typed member, and one for an unknown member of a closed object. */
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
