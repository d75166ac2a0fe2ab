/**
 * Converts a schema to rows of a table. Members of an object get their own rows, one level deeper. Named simple types
 * are only linked, because the chapter of types describes them.
 */
import type { Contract, Schema } from '../../model.ts';
import { resolveSchema, schemaName } from '../../model.ts';

export interface TypeLink {
  readonly name: string;
  readonly ofItems: boolean;
}

export interface Row {
  /** Dotted path from the top of the table; arrays are `[]`, members of a map `*`. Unique within a table. */
  readonly path: string;
  readonly name: string;
  readonly depth: number;
  readonly required: boolean;
  /** Kind of the value, such as `string`, without the name of its schema. */
  readonly type: string;
  /** The simple type of the value or of its items, if the chapter of types describes it. */
  readonly link: TypeLink | undefined;
  readonly description: string;
  /** Bounds, possible values and other constraints, as text. */
  readonly constraints: readonly string[];
  /** Whether the row is one of the shapes that its parent may have, and not a field. */
  readonly isVariant: boolean;
  /** Anchor of the section that describes this field or its members in more detail. */
  readonly more: string | undefined;
}

export interface RowOptions {
  /**
   * Whether members that another chapter lists (filter fields, limits) get rows here, or only a link to that chapter.
   */
  readonly listed: 'here' | 'elsewhere';
}

/** Objects at a greater depth are only linked, to keep tables short. */
const MAX_DEPTH = 4;

export function rowsOf(contract: Contract, schema: Schema, { listed }: RowOptions = { listed: 'elsewhere' }): Row[] {
  return membersOf(contract, resolveSchema(contract, schema), { path: '', depth: 0, listed });
}

interface Place extends RowOptions {
  readonly path: string;
  readonly depth: number;
}

/** A chapter that lists the members of an object. */
interface List {
  readonly chapter: string;
  readonly anchor: (name: string) => string;
  readonly entries: Readonly<Record<string, { readonly description: string }>>;
}

function listOf({ filters, limits }: Contract, { properties = {} }: Schema): List | undefined {
  const names = Object.keys(properties);
  const lists: readonly List[] = [
    { chapter: 'filters', anchor: (name) => `filter-${name}`, entries: filters },
    { chapter: 'limits', anchor: (name) => `limit-${name}`, entries: limits },
  ];
  return lists.find(({ entries }) => names.length > 1 && names.every((name) => Object.hasOwn(entries, name)));
}

function membersOf(contract: Contract, schema: Schema, place: Place): Row[] {
  const list = listOf(contract, schema);
  if (place.depth > MAX_DEPTH || (list !== undefined && place.listed === 'elsewhere')) return [];
  const own = Object.entries(schema.properties ?? {}).flatMap(([name, member]) => {
    const note = list?.entries[name]?.description;
    const more = list?.anchor(name);
    return rowAndParts(contract, member, {
      name,
      required: schema.required?.includes(name) ?? false,
      place,
      ...(note === undefined ? {} : { note }),
      ...(more === undefined ? {} : { more }),
    });
  });
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
  readonly more?: string;
}

function rowAndParts(contract: Contract, schema: Schema, { name, required, place, note, more }: Member): Row[] {
  const target = resolveSchema(contract, schema);
  const element = elementOf(contract, target);
  const linked = linkOf(contract, schema);
  const ofItems = target.items === undefined ? undefined : linkOf(contract, target.items);
  const path = `${place.path === '' ? '' : `${place.path}.`}${name}${target.items === undefined ? '' : '[]'}`;
  const row: Row = {
    path,
    name,
    depth: place.depth,
    required,
    type: typeOf(contract, target),
    link: typeLink(linked, ofItems),
    description: note ?? target.description ?? '',
    constraints: linked === undefined ? constraintsOf(target) : [],
    isVariant: false,
    more: more ?? listOf(contract, element)?.chapter,
  };
  return [row, ...membersOf(contract, element, { ...place, path, depth: place.depth + 1 })];
}

function typeLink(whole: string | undefined, ofItems: string | undefined): TypeLink | undefined {
  if (whole !== undefined) return { name: whole, ofItems: false };
  return ofItems === undefined ? undefined : { name: ofItems, ofItems: true };
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
    more: undefined,
  };
  return [row, ...membersOf(contract, target, { ...place, path, depth: place.depth + 1 })];
}

function elementOf(contract: Contract, schema: Schema): Schema {
  return schema.items === undefined ? schema : elementOf(contract, resolveSchema(contract, schema.items));
}

/** Whether a type is described in the chapter of types. Other types are expanded where they are used. */
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
  return [schema.type ?? 'any value'].flat().join(' or ');
}

function plural(type: string): string {
  return /^(?:string|integer|number|object|map)$/.test(type) ? `${type}s` : type;
}

export function constraintsOf(schema: Schema): string[] {
  const { enum: values, pattern, format, minLength, maxLength, minimum, maximum, minItems, maxItems } = schema;
  const { exclusiveMinimum, exclusiveMaximum, multipleOf, uniqueItems, minProperties, maxProperties } = schema;
  const range = (low: number | undefined, high: number | undefined, unit: string): string[] => {
    const top = high === Number.MAX_SAFE_INTEGER ? '2^53−1' : high;
    if (low === undefined && top === undefined) return [];
    const counted = (number: number | string): string => `${number}${number === 1 ? unit.replace(/s$/, '') : unit}`;
    if (low !== undefined && top !== undefined)
      return [low === top ? `exactly ${counted(low)}` : `${low}–${counted(top)}`];
    return [low === undefined ? `at most ${counted(top ?? '')}` : `at least ${counted(low)}`];
  };
  return [
    ...(values === undefined ? [] : [`one of ${values.map((value) => `\`${String(value)}\``).join(', ')}`]),
    ...(minimum === Number.MIN_SAFE_INTEGER && maximum === Number.MAX_SAFE_INTEGER ? [] : range(minimum, maximum, '')),
    ...(exclusiveMinimum === undefined ? [] : [`more than ${exclusiveMinimum}`]),
    ...(exclusiveMaximum === undefined ? [] : [`less than ${exclusiveMaximum}`]),
    ...(multipleOf === undefined ? [] : [`a multiple of ${multipleOf}`]),
    ...range(minLength, maxLength, ' characters'),
    ...range(minItems, maxItems, ' items'),
    ...(uniqueItems === true ? ['unique items'] : []),
    ...range(minProperties, maxProperties, ' members'),
    ...(format === undefined ? [] : [`format ${format}`]),
    ...(pattern === undefined ? [] : [`matches \`${pattern}\``]),
    ...(schema.items === undefined ? [] : constraintsOf(schema.items).map((each) => `each ${each}`)),
    ...(schema['x-volatile'] === undefined ? [] : [`differs from run to run (${schema['x-volatile']})`]),
  ];
}
