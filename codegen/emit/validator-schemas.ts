/**
 * The schemas that the validators compile. Each schema of the contract has a strict form and a tolerant form, which accepts unknown members
 * (ENV-4).
 */
import type { Contract, Schema } from '../model.ts';
import { finalName, resolveSchema, schemaName } from '../model.ts';
import { typeNameOf } from '../names.ts';
import { mapParts, partsOf, referencesOf } from './parts.ts';

/** The id of the strict form of a schema. */
export const strictId = (name: string): string => `strict.${typeNameOf(name)}`;

/**
 * Returns the function from the name of a schema to the id of its tolerant form. If the strict and the tolerant form are equal, both have
 * the same id, so that the schema is compiled once.
 */
export function tolerantIds({ schemas }: Contract): (name: string) => string {
  const isLoosened = (schema: Schema): boolean =>
    schema.additionalProperties === false || schema.oneOf !== undefined || partsOf(schema).some(isLoosened);
  const differs = new Set(Object.keys(schemas).filter((name) => isLoosened(schemas[name] ?? {})));
  // The two forms of a schema differ if it refers to a schema whose forms differ. This is repeated until nothing changes,
  // because references may be circular.
  for (let size = -1; size < differs.size;) {
    size = differs.size;
    for (const [name, schema] of Object.entries(schemas))
      if (referencesOf(schema).some((each) => differs.has(each))) differs.add(name);
  }
  return (name) => (differs.has(name) ? `tolerant.${typeNameOf(name)}` : strictId(name));
}

/**
 * Whether a schema has a member with the name of an inherited property, such as `constructor`. Only then do the
 * validators check that members are own properties. For other schemas this check would not change the result, and
 * without it validation takes about 40% less time.
 */
export function namesInherited(schema: Schema): boolean {
  const names = [...Object.keys(schema.properties ?? {}), ...(schema.required ?? [])];
  return names.some((name) => name in Object.prototype) || partsOf(schema).some(namesInherited);
}

/** Whether a schema describes a whole message. Such schemas remain closed at their top level (ENV-1). */
export function isMessage(contract: Contract, schema: string): boolean {
  const { commands, pushes, messages } = contract;
  const wire = new Set([
    ...commands.flatMap(({ name, reply }) => [name, reply]),
    ...pushes.flatMap((push) => push.messages),
    'error',
  ]);
  return Object.values(messages).some((message) => message.schema === schema && wire.has(message.name));
}

export function toStrict(contract: Contract, schema: Schema): object {
  const refer = (name: string): string => strictId(finalName(contract.schemas, name));
  return rewrite(schema, refer, (each) => ({ ...each, ...tagOf(contract, each) }));
}

interface TolerantOptions {
  readonly refer: (name: string) => string;
  readonly kind: 'message' | 'part';
}

/**
 * The tolerant form of a schema, which accepts unknown members. Because of these members, a value may match several
 * alternatives of a `oneOf`. The tolerant form accepts such a value too.
 */
export function toTolerant(contract: Contract, schema: Schema, { refer, kind }: TolerantOptions): object {
  const referToFinal = (name: string): string => refer(finalName(contract.schemas, name));
  return rewrite(schema, referToFinal, ({ oneOf, additionalProperties, ...each }, depth) => {
    const keepsShape = (kind === 'message' && depth === 0) || additionalProperties !== false;
    const shape = keepsShape && additionalProperties !== undefined ? { additionalProperties } : {};
    const tag = oneOf === undefined ? {} : tagOf(contract, { oneOf });
    const branches = oneOf === undefined || 'discriminator' in tag ? {} : { anyOf: oneOf };
    return { ...each, ...shape, ...branches, ...tag };
  });
}

/**
 * Finds the member that distinguishes the alternatives of a `oneOf`: every alternative requires it, with a constant
 * value. With this member, a validator reports errors of the intended alternative only; otherwise, of all alternatives.
 * Alternatives with the same constant become one alternative with its own `oneOf`.
 */
function tagOf(
  contract: Contract,
  { oneOf }: Schema,
): {
  readonly oneOf?: readonly Schema[];
  readonly type?: 'object';
  readonly discriminator?: { readonly propertyName: string };
} {
  if (oneOf === undefined) return {};
  const branches = oneOf.map((branch) => resolveSchema(contract, branch));
  if (branches.some(({ type }) => type !== 'object')) return {};
  const constantsOf = (member: string): readonly unknown[] =>
    branches.map(({ required, properties }) => (required?.includes(member) ? properties?.[member]?.const : undefined));
  const propertyName = branches[0]?.required?.find((member) => {
    const constants = constantsOf(member);
    return constants.every((constant) => typeof constant === 'string') && new Set(constants).size > 1;
  });
  if (propertyName === undefined) return {};
  const groups = Map.groupBy(oneOf, (_branch, at) => constantsOf(propertyName)[at]);
  return {
    oneOf: [...groups].map(([constant, group]) => oneBranch(propertyName, constant, group)),
    type: 'object',
    discriminator: { propertyName },
  };
}

/** Combines all alternatives with the same constant into one. */
function oneBranch(member: string, constant: unknown, group: readonly Schema[]): Schema {
  const [only] = group;
  if (only !== undefined && group.length === 1) return only;
  return { type: 'object', required: [member], properties: { [member]: { const: constant } }, oneOf: [...group] };
}

/**
 * Rewrites a schema: removes annotations, except descriptions of patterns, and refers to other schemas by id. Calls
 * `change` for each schema before its parts are rewritten.
 */
function rewrite(
  schema: Schema,
  refer: (name: string) => string,
  change: (schema: Schema, depth: number) => Schema,
  depth = 0,
): object {
  if (schema.$ref !== undefined) return { $ref: refer(schemaName(schema.$ref)) };
  const kept = Object.entries(change(schema, depth)).filter(
    ([name]) =>
      (name !== 'description' || schema.pattern !== undefined) && name !== 'default' && !name.startsWith('x-'),
  );
  return mapParts(Object.fromEntries(kept), (part) => rewrite(part, refer, change, depth + 1));
}
