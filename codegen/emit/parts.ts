/**
 * Finds and replaces the schemas inside a schema. Only some keywords contain schemas. The values of all other keywords
 * are data, in which `$ref` has no meaning: for example, an object in a `const` may have a member `$ref`.
 */
import type { Schema } from '../model.ts';
import { schemaName } from '../model.ts';

export function partsOf({ properties = {}, items, oneOf = [], anyOf = [], additionalProperties }: Schema): Schema[] {
  const values = typeof additionalProperties === 'object' ? [additionalProperties] : [];
  return [...Object.values(properties), ...(items === undefined ? [] : [items]), ...oneOf, ...anyOf, ...values];
}

/** The names of the schemas that a schema refers to, directly or in its parts. */
export function referencesOf(schema: Schema): string[] {
  return schema.$ref === undefined ? partsOf(schema).flatMap(referencesOf) : [schemaName(schema.$ref)];
}

/** A copy of the schema in which each part is replaced by the result of `change`. */
export function mapParts(schema: Schema, change: (part: Schema) => unknown): Record<string, unknown> {
  const changed = (keyword: string, value: unknown): unknown => {
    switch (keyword) {
      case 'properties':
        return Object.fromEntries(
          Object.entries(value as Record<string, Schema>).map(([name, part]) => [name, change(part)]),
        );
      case 'items':
        return change(value as Schema);
      case 'additionalProperties':
        return typeof value === 'object' ? change(value as Schema) : value;
      case 'oneOf':
      case 'anyOf':
        return (value as readonly Schema[]).map(change);
      default:
        return value;
    }
  };
  return Object.fromEntries(Object.entries(schema).map(([keyword, value]) => [keyword, changed(keyword, value)]));
}
