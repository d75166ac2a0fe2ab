/** Makes a value that matches a schema. It becomes the example of an event whose author gave no example. */
import type { Schema } from '../model.ts';
import { resolveSchema } from '../model.ts';

/** The maximum size of a list or a string in a sample. If a schema requires more, no sample is made. */
const LARGEST = 10_000;

type Schemas = Readonly<Record<string, Schema>>;

/** Below this depth optional members are omitted, so that a sample stays small. */
const DEEPEST = 6;

/** Common texts, tried against a pattern in this order, the simplest first. */
const TEXTS: readonly string[] = [
  ...[
    'example',
    'a',
    'A',
    'EXAMPLE',
    '1',
    '0',
    'a1',
    'src/app.ts',
    '/src',
    'main',
    '.ts',
    '1.0.0',
    'v1.0.0',
    '#ffffff',
  ],
  ...['2026-03-02T09:15:00.000Z', '2026-03-02', '09:15:00', 'https://example.org', 'ana@example.org', 'example.org'],
  ...['0190c1b4-7d5c-7cc0-8d0a-3f1f0a3c9d11', '01JD8Q6Z6M0000000000000001', '5f2b', 'abc123', 'ABC-123', 'a-b', 'a_b'],
  ...[
    '0123456789abcdef0123456789abcdef01234567',
    'sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
  ],
];

/**
 * @param above the schemas of the values that contain this value. No sample uses them again, because a circular schema would never end.
 * @returns undefined if no value could be made, although the schema may accept one
 */
export function sampleOf(schemas: Schemas, schema: Schema, above: readonly Schema[] = []): unknown {
  const resolved = resolveSchema({ schemas }, schema);
  if (above.includes(resolved)) return undefined;
  const inside = [...above, resolved];
  const { const: constant, enum: values, oneOf, anyOf, type } = resolved;
  if (constant !== undefined) return constant;
  if (values !== undefined) return values[0];
  const branches = oneOf ?? anyOf;
  if (branches !== undefined && resolved.properties === undefined)
    return branches.map((each) => sampleOf(schemas, each, inside)).find((each) => each !== undefined);
  switch (Array.isArray(type) ? (type as readonly string[])[0] : type) {
    case 'object':
      return sampleObject(schemas, resolved, inside);
    case 'array':
      return sampleArray(schemas, resolved, inside);
    case 'string':
      return sampleText(resolved);
    case 'integer':
    case 'number':
      return sampleNumber(resolved);
    case 'boolean':
      return true;
    case 'null':
      return null;
    default:
      return 'example';
  }
}

function sampleObject(
  schemas: Schemas,
  { properties = {}, required = [], minProperties = 0 }: Schema,
  inside: readonly Schema[],
): unknown {
  const members: [string, unknown][] = [];
  for (const [name, each] of Object.entries(properties)) {
    const isRequired = required.includes(name);
    if (!isRequired && inside.length > DEEPEST) continue;
    const value = sampleOf(schemas, each, inside);
    if (value !== undefined) members.push([name, value]);
    else if (isRequired) return undefined;
  }
  return members.length < minProperties ? undefined : Object.fromEntries(members);
}

function sampleArray(
  schemas: Schemas,
  { items, minItems = 0, maxItems, uniqueItems }: Schema,
  inside: readonly Schema[],
): unknown {
  const count = Math.min(Math.max(minItems, inside.length <= DEEPEST ? 1 : 0), maxItems ?? Number.MAX_SAFE_INTEGER);
  if (count > LARGEST) return undefined;
  const value = items === undefined ? 'example' : sampleOf(schemas, items, inside);
  if (value === undefined) return minItems === 0 ? [] : undefined;
  const values = Array.from({ length: count }, () => value);
  if (uniqueItems !== true || count <= 1) return values;
  const { enum: listed = [], ...rest } = items === undefined ? {} : resolveSchema({ schemas }, items);
  if (listed.length >= count) return listed.slice(0, count);
  const isFree = rest.pattern === undefined && rest.format === undefined && listed.length === 0;
  return typeof value === 'string' && isFree ? values.map((_each, at) => `${value}${at}`) : undefined;
}

function sampleText({
  pattern,
  format,
  minLength = 0,
  maxLength = Number.MAX_SAFE_INTEGER,
}: Schema): string | undefined {
  const byFormat = format === undefined ? undefined : FORMAT_TEXTS[format];
  const candidates = byFormat === undefined ? TEXTS : [byFormat];
  const expression = pattern === undefined ? undefined : compilePattern(pattern);
  if (expression === null || minLength > LARGEST) return undefined;
  return candidates
    .map((text) => (text.length < minLength && pattern === undefined ? text.padEnd(minLength, 'x') : text))
    .map((text) => (text.length > maxLength && pattern === undefined ? text.slice(0, maxLength) : text))
    .find((text) => text.length >= minLength && text.length <= maxLength && (expression?.test(text) ?? true));
}

/** Compiles a pattern. Returns null if it is invalid; the rules for schemas report such a pattern. */
function compilePattern(pattern: string): RegExp | null {
  try {
    return new RegExp(pattern, 'u');
  } catch {
    return null;
  }
}

const FORMAT_TEXTS: Readonly<Record<string, string>> = {
  'date-time': '2026-03-02T09:15:00.000Z',
  date: '2026-03-02',
  time: '09:15:00Z',
  uuid: '0190c1b4-7d5c-7cc0-8d0a-3f1f0a3c9d11',
  uri: 'https://example.org/',
  email: 'ana@example.org',
};

function sampleNumber(schema: Schema): number | undefined {
  const { minimum = 0, maximum = Number.MAX_SAFE_INTEGER, multipleOf: step = 1, type } = schema;
  const low = Math.max(minimum, schema.exclusiveMinimum ?? Number.NEGATIVE_INFINITY);
  const high = Math.min(maximum, schema.exclusiveMaximum ?? Number.POSITIVE_INFINITY);
  const fits = (value: number): boolean =>
    value >= minimum &&
    value <= maximum &&
    value > (schema.exclusiveMinimum ?? Number.NEGATIVE_INFINITY) &&
    value < (schema.exclusiveMaximum ?? Number.POSITIVE_INFINITY);
  const lowest = Math.ceil(low / step) * step;
  const candidates = [step, lowest, lowest + step, Math.floor(high / step) * step];
  const isWhole = type === 'integer' || schema.multipleOf !== undefined;
  return [...candidates, ...(isWhole ? [] : [(low + high) / 2])].find(fits);
}
