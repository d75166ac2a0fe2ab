/** Makes invalid payloads from a valid payload. Each has the pointer that the server's error must contain. */
import type { Json, JsonObject } from '../trace/json.ts';

/** The keywords of JSON Schema that this file reads. */
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

/** For each JSON type, a value that does not have this type. */
const OTHER: Readonly<Record<string, Json>> = {
  string: 7,
  boolean: 'yes',
  integer: 'seven',
  number: 'seven',
  array: {},
  object: [],
};

const STRANGER = 'suiteUnknownMember';

/**
 * Makes invalid payloads: for each required member, a payload without the member; for each typed member, a payload with
 * a value of another type; and for a closed object, a payload with an unknown member.
 */
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
