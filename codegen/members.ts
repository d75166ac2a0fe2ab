/**
 * Finds the parts of a schema: the target of its reference, the items of its list, its alternatives and its members. A schema may refer to
 * itself, and a reference may lead nowhere; neither is reported here.
 */
import { admitsType, resolveSchema, schemaName } from './model.ts';
import type { Schema } from './model.ts';

export type Schemas = Readonly<Record<string, Schema>>;

/** The schema that a reference leads to; undefined if it leads nowhere. */
export function targetOf(schemas: Schemas, schema: Schema): Schema | undefined {
  if (schema.$ref !== undefined && !Object.hasOwn(schemas, schemaName(schema.$ref))) return undefined;
  return resolveSchema({ schemas }, schema);
}

/**
 * For a list, or a list of lists: the schema of the innermost items. For any other schema: the schema itself. Undefined if a reference to
 * the items leads nowhere, or the list contains itself.
 */
export function elementOf(schemas: Schemas, schema: Schema): Schema | undefined {
  const seen = new Set<Schema>();
  let element: Schema | undefined = schema;
  while (element?.items !== undefined && !seen.has(element)) {
    seen.add(element);
    element = targetOf(schemas, element.items);
  }
  return element?.items === undefined ? element : undefined;
}

/** A schema and the alternatives in it, at any depth. */
export function alternativesOf(schemas: Schemas, schema: Schema): readonly Schema[] {
  return reachable(schemas, schema, branchesOf).found;
}

/**
 * The members of an object, including members that only some of its alternatives have. Members that the object itself
 * declares take precedence.
 */
export function membersOf(schemas: Schemas, schema: Schema): Readonly<Record<string, Schema>> {
  const members = alternativesOf(schemas, schema).toReversed();
  return Object.fromEntries(members.flatMap(({ properties = {} }) => Object.entries(properties)));
}

/**
 * Whether the schema admits a string, or a list of strings. True if the schema contains a reference that does not
 * resolve.
 */
export function admitsText(schemas: Schemas, schema: Schema): boolean {
  const { found, isComplete } = reachable(schemas, schema, (each) => [
    ...branchesOf(each),
    ...(each.items === undefined ? [] : [each.items]),
  ]);
  return !isComplete || found.some((each) => admitsType(each, 'string'));
}

function branchesOf({ oneOf = [], anyOf = [] }: Schema): readonly Schema[] {
  return [...oneOf, ...anyOf];
}

function reachable(
  schemas: Schemas,
  schema: Schema,
  stepsOf: (schema: Schema) => readonly Schema[],
): { readonly found: readonly Schema[]; readonly isComplete: boolean } {
  const found = new Set([schema]);
  let isComplete = true;
  for (const each of found)
    for (const step of stepsOf(each)) {
      const target = targetOf(schemas, step);
      if (target === undefined) isComplete = false;
      else found.add(target);
    }
  return { found: [...found], isComplete };
}
