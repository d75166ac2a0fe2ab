/** Finds all strings that a payload can contain at the pointers of a filter field. */
import type { Schema, Schemas } from './invalid-payloads.ts';

/**
 * @returns undefined if the strings are not limited, because a schema at one of the pointers does not enumerate them
 */
export function enumeratedValues(
  payload: Schema,
  pointers: readonly string[],
  schemas: Schemas,
): readonly string[] | undefined {
  const lists = pointers.map((pointer) => schemaAt(payload, pointer.split('/').slice(2), schemas)?.enum);
  if (lists.includes(undefined)) return undefined;
  return lists.flatMap((list) => list ?? []).filter((value) => typeof value === 'string');
}

function schemaAt(reference: Schema, path: readonly string[], schemas: Schemas): Schema | undefined {
  const name = reference.$ref?.slice(reference.$ref.lastIndexOf('/') + 1);
  const schema = name === undefined ? reference : schemas[name];
  if (schema?.items !== undefined) return schemaAt(schema.items, path, schemas);
  const [member, ...rest] = path;
  if (member === undefined || schema === undefined) return schema;
  const inner = schema.properties?.[member];
  return inner === undefined ? undefined : schemaAt(inner, rest, schemas);
}
