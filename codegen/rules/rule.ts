import type { Schema } from '../model.ts';
import { elementOf, membersOf, targetOf } from '../members.ts';
import { isSchemaRef, schemaName } from '../model.ts';
import type { RawContract } from '../raw.ts';
import { fromPointer } from '../source.ts';

export type Path = readonly (string | number)[];

/** Reports what is wrong at a place, and what to do. */
export type Report = (path: Path, text: string) => void;

export type Rule = (raw: RawContract, report: Report) => void;

/** Every schema of the contract and its parts, each with its place. */
export function* schemasOf(raw: RawContract): Generator<{ readonly schema: Schema; readonly path: Path }> {
  for (const [name, schema] of Object.entries(raw.components.schemas)) {
    yield* partsOf(schema, ['components', 'schemas', name]);
  }
  for (const [name, { bindings }] of Object.entries(raw.operations)) {
    const query = bindings?.http?.query;
    if (query !== undefined) yield* partsOf(query, ['operations', name, 'bindings', 'http', 'query']);
  }
}

function* partsOf(schema: Schema, path: Path): Generator<{ readonly schema: Schema; readonly path: Path }> {
  yield { schema, path };
  for (const [name, part] of Object.entries(schema.properties ?? {}))
    yield* partsOf(part, [...path, 'properties', name]);
  if (schema.items !== undefined) yield* partsOf(schema.items, [...path, 'items']);
  if (typeof schema.additionalProperties === 'object') {
    yield* partsOf(schema.additionalProperties, [...path, 'additionalProperties']);
  }
  for (const keyword of ['oneOf', 'anyOf'] as const) {
    for (const [index, part] of (schema[keyword] ?? []).entries()) yield* partsOf(part, [...path, keyword, index]);
  }
}

/**
 * The schema of a part of a value. @param name the schema of the whole value. @param pointer leads from the whole value to
 * the part. If it leads through an array, any element of the array is meant.
 */
export function schemaAt(raw: RawContract, name: string, pointer: string): Schema | undefined {
  const { schemas } = raw.components;
  let schema = targetOf(schemas, { $ref: `#/components/schemas/${name}` });
  for (const key of fromPointer(pointer)) {
    const element = schema === undefined ? undefined : elementOf(schemas, schema);
    const members = element === undefined ? {} : membersOf(schemas, element);
    const next = Object.hasOwn(members, key) ? members[key] : undefined;
    schema = next === undefined ? undefined : targetOf(schemas, next);
  }
  return schema;
}

export function schemaExists(raw: RawContract, ref: string): boolean {
  return isSchemaRef(ref) && Object.hasOwn(raw.components.schemas, schemaName(ref));
}

/** Compares two lists that must contain the same names. */
export function compareNames(
  report: Report,
  {
    path,
    names,
    expected,
    where,
  }: {
    readonly path: Path;
    readonly names: readonly string[];
    readonly expected: readonly string[];
    readonly where: string;
  },
): void {
  for (const name of expected.filter((each) => !names.includes(each)))
    report(path, `lacks ${name}, which ${where} has. Add it here, or remove it there.`);
  for (const name of names.filter((each) => !expected.includes(each)))
    report(path, `has ${name}, which ${where} lacks. Remove it here, or add it there.`);
}
