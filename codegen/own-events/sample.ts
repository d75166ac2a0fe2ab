/** Makes a value that matches a schema. It becomes the example of an event whose author gave no example. */
import type { Schema } from '../model.ts';
import { resolveSchema } from '../model.ts';

type Schemas = Readonly<Record<string, Schema>>;

/** Below this depth optional members are omitted, because a schema may refer to itself. */
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

/** @returns undefined if no value could be made, although the schema may accept one */
export function sampleOf(schemas: Schemas, schema: Schema, depth = 0): unknown {
  const resolved = resolveSchema({ schemas }, schema);
  const { const: constant, enum: values, oneOf, anyOf, type } = resolved;
  if (constant !== undefined) return constant;
  if (values !== undefined) return values[0];
  const branches = oneOf ?? anyOf;
  if (branches !== undefined && resolved.properties === undefined)
    return branches.map((each) => sampleOf(schemas, each, depth + 1)).find((each) => each !== undefined);
  switch (Array.isArray(type) ? (type as readonly string[])[0] : type) {
    case 'object':
      return sampleObject(schemas, resolved, depth);
    case 'array':
      return sampleArray(schemas, resolved, depth);
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

function sampleObject(schemas: Schemas, { properties = {}, required = [] }: Schema, depth: number): unknown {
  const members: [string, unknown][] = [];
  for (const [name, each] of Object.entries(properties)) {
    const isRequired = required.includes(name);
    if (!isRequired && depth >= DEEPEST) continue;
    const value = depth >= DEEPEST * 4 ? undefined : sampleOf(schemas, each, depth + 1);
    if (value !== undefined) members.push([name, value]);
    else if (isRequired) return undefined;
  }
  return Object.fromEntries(members);
}

function sampleArray(schemas: Schemas, { items, minItems = 0, maxItems }: Schema, depth: number): unknown {
  const count = Math.min(Math.max(minItems, depth < DEEPEST ? 1 : 0), maxItems ?? Number.MAX_SAFE_INTEGER);
  const value = items === undefined ? 'example' : sampleOf(schemas, items, depth + 1);
  if (value === undefined) return minItems === 0 ? [] : undefined;
  return Array.from({ length: count }, () => value);
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
  if (expression === null) return undefined;
  return candidates
    .map((text) => (text.length < minLength && pattern === undefined ? text.padEnd(minLength, 'x') : text))
    .map((text) => (text.length > maxLength && pattern === undefined ? text.slice(0, maxLength) : text))
    .find((text) => text.length >= minLength && text.length <= maxLength && (expression?.test(text) ?? true));
}

/** Null for an invalid regular expression. The rules for schemas report it. */
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

function sampleNumber({ minimum = 0, maximum = Number.MAX_SAFE_INTEGER }: Schema): number {
  if (minimum <= 1 && maximum >= 1) return 1;
  return minimum > 1 ? Math.ceil(minimum) : Math.floor(maximum);
}
