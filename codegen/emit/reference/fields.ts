/**
 * A schema as rows of a table. Objects are spelled out where they stand, one level further in; simple types that have a
 * name are linked instead, since their rules are told once, with the types.
 */
import type { Contract, Schema } from '../../model.ts';
import { resolveSchema, schemaName } from '../../model.ts';

export interface Row {
  /** Dotted, from the top of what the table shows; arrays are `[]`, members of a map `*`. Unique within a table. */
  readonly path: string;
  readonly name: string;
  readonly depth: number;
  readonly required: boolean;
  /** What kind of value, without the name of its type. */
  readonly type: string;
  /** Name of the simple type that the value is of; told among the types. */
  readonly link: string | undefined;
  readonly description: string;
  /** Bounds, each ready to be shown. */
  readonly constraints: readonly string[];
  /** The row does not stand for a field but for one shape that its parent may have. */
  readonly isVariant: boolean;
}

/** Deeper objects are linked: a table that scrolls away helps nobody. */
const MAX_DEPTH = 4;

export function rowsOf(contract: Contract, schema: Schema): Row[] {
  return membersOf(contract, resolveSchema(contract, schema), { path: '', depth: 0 });
}

interface Place {
  readonly path: string;
  readonly depth: number;
}

function membersOf(contract: Contract, schema: Schema, place: Place): Row[] {
  if (place.depth > MAX_DEPTH) return [];
  const own = Object.entries(schema.properties ?? {}).flatMap(([name, member]) =>
    rowAndParts(contract, member, { name, required: schema.required?.includes(name) ?? false, place }),
  );
  const map = schema.additionalProperties;
  const open =
    typeof map === 'object'
      ? rowAndParts(contract, map, { name: '*', required: false, place, note: schema['x-open'] ?? '' })
      : [];
  const variants = (schema.oneOf ?? schema.anyOf ?? []).flatMap((variant, index) =>
    variantRows(contract, variant, index, place),
  );
  return [...own, ...open, ...variants];
}

interface Member {
  readonly name: string;
  readonly required: boolean;
  readonly place: Place;
  readonly note?: string;
}

function rowAndParts(contract: Contract, schema: Schema, { name, required, place, note }: Member): Row[] {
  const target = resolveSchema(contract, schema);
  const element = elementOf(contract, target);
  const linked = linkOf(contract, schema);
  const path = `${place.path === '' ? '' : `${place.path}.`}${name}${target.items === undefined ? '' : '[]'}`;
  const row: Row = {
    path,
    name,
    depth: place.depth,
    required,
    type: typeOf(contract, target),
    link: linked ?? (target.items === undefined ? undefined : linkOf(contract, target.items)),
    description: note ?? target.description ?? '',
    constraints: linked === undefined ? constraintsOf(target) : [],
    isVariant: false,
  };
  return [row, ...membersOf(contract, element, { path, depth: place.depth + 1 })];
}

function variantRows(contract: Contract, variant: Schema, index: number, place: Place): Row[] {
  const target = resolveSchema(contract, variant);
  const name = variant.$ref === undefined ? `shape ${index + 1}` : schemaName(variant.$ref);
  const path = `${place.path === '' ? '' : `${place.path}.`}${name}`;
  const row: Row = {
    path,
    name: index === 0 ? 'either' : 'or',
    depth: place.depth,
    required: false,
    type: '',
    link: undefined,
    description: target.description ?? '',
    constraints: [],
    isVariant: true,
  };
  return [row, ...membersOf(contract, target, { path, depth: place.depth + 1 })];
}

function elementOf(contract: Contract, schema: Schema): Schema {
  return schema.items === undefined ? schema : elementOf(contract, resolveSchema(contract, schema.items));
}

/** Whether a type is told among the types rather than spelled out where it is used. */
export function isSimple(contract: Contract, schema: Schema): boolean {
  const target = elementOf(contract, resolveSchema(contract, schema));
  return target.type !== 'object' && target.oneOf === undefined && target.anyOf === undefined;
}

function linkOf(contract: Contract, schema: Schema): string | undefined {
  return schema.$ref !== undefined && isSimple(contract, schema) ? schemaName(schema.$ref) : undefined;
}

export function typeOf(contract: Contract, schema: Schema): string {
  if (schema.$ref !== undefined) return typeOf(contract, resolveSchema(contract, schema));
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.items !== undefined) return `array of ${plural(typeOf(contract, schema.items))}`;
  if (schema.oneOf !== undefined || schema.anyOf !== undefined) return 'one of several shapes';
  if (schema.type === 'object' && schema.additionalProperties === true) return 'any object';
  if (schema.type === 'object' && typeof schema.additionalProperties === 'object') return 'map';
  return schema.type ?? 'any value';
}

function plural(type: string): string {
  return /^(?:string|integer|number|object|map)$/.test(type) ? `${type}s` : type;
}

export function constraintsOf(schema: Schema): string[] {
  const { enum: values, pattern, format, minLength, maxLength, minimum, maximum, minItems, maxItems } = schema;
  const range = (low: number | undefined, high: number | undefined, unit: string): string[] => {
    const top = high === Number.MAX_SAFE_INTEGER ? '2^53−1' : high;
    if (low === undefined && top === undefined) return [];
    if (low !== undefined && top !== undefined) return [`${low}–${top}${unit}`];
    return [low === undefined ? `at most ${top ?? ''}${unit}` : `at least ${low}${unit}`];
  };
  return [
    ...(values === undefined ? [] : [`one of ${values.map((value) => `\`${String(value)}\``).join(', ')}`]),
    ...range(minimum === Number.MIN_SAFE_INTEGER ? undefined : minimum, maximum, ''),
    ...range(minLength, maxLength, ' characters'),
    ...range(minItems, maxItems, ' items'),
    ...(format === undefined ? [] : [`format ${format}`]),
    ...(pattern === undefined ? [] : [`matches \`${pattern}\``]),
    ...(schema.items === undefined ? [] : constraintsOf(schema.items).map((each) => `each ${each}`)),
    ...(schema['x-volatile'] === undefined ? [] : [`differs from run to run (${schema['x-volatile']})`]),
  ];
}
