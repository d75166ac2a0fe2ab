/** Finds the possible values of a filter field, if the schemas of an event enumerate them. */
import { resolveSchema } from './model.ts';
import type { Schema } from './model.ts';

type Schemas = Readonly<Record<string, Schema>>;

/**
 * @param data name of the schema of the event's `data`
 * @param filterable the pointers of each filter field into `data`, by the name of the field
 * @returns the fields whose possible values are all enumerated, each with its values in the order of the contract
 */
export function enumeratedFields(
  schemas: Schemas,
  data: string,
  filterable: Readonly<Record<string, readonly string[]>>,
): Readonly<Record<string, readonly string[]>> {
  const root: Schema = { $ref: `#/components/schemas/${data}` };
  return Object.fromEntries(
    Object.entries(filterable).flatMap(([field, pointers]) => {
      const walk = { schemas, values: new Set<string>(), seen: new Set<Schema>() };
      const isClosed = pointers.every((pointer) => collect(root, pointer.split('/').slice(1), walk));
      return isClosed && walk.values.size > 0 ? [[field, [...walk.values]]] : [];
    }),
  );
}

interface Walk {
  readonly schemas: Schemas;
  /** The values found so far. */
  readonly values: Set<string>;
  /**
   * Schemas visited since the last step into a member. They are not visited again, because a schema that refers to
   * itself adds no values.
   */
  readonly seen: ReadonlySet<Schema>;
}

/**
 * Adds the strings that the schema enumerates at the end of the path. @returns whether the schema allows no other
 * strings
 */
function collect(reference: Schema, path: readonly string[], walk: Walk): boolean {
  const schema = resolveSchema(walk, reference);
  if (walk.seen.has(schema)) return true;
  const within = { ...walk, seen: new Set([...walk.seen, schema]) };
  const branches = schema.oneOf ?? schema.anyOf ?? (schema.items === undefined ? undefined : [schema.items]);
  if (branches !== undefined) return branches.every((branch) => collect(branch, path, within));
  const [segment, ...rest] = path;
  if (segment !== undefined) {
    const name = segment.replaceAll('~1', '/').replaceAll('~0', '~');
    const properties = schema.properties ?? {};
    const member = Object.hasOwn(properties, name) ? properties[name] : undefined;
    return member !== undefined && collect(member, rest, { ...walk, seen: new Set() });
  }
  const listed = schema.const === undefined ? schema.enum : [schema.const];
  for (const value of listed ?? []) if (typeof value === 'string') walk.values.add(value);
  return listed !== undefined || schema.type === 'null';
}
