/** Random schemas of the keywords that contracts use, variants with small changes, and values near their bounds. */
import * as fc from 'fast-check';

export type Schema = Readonly<Record<string, unknown>>;

const NAMES = ['a', 'b', 'c'];
const WORDS = ['x', 'y', 'zz', ''];

const scalar: fc.Arbitrary<Schema> = fc.oneof(
  fc.record(
    {
      type: fc.constant('string'),
      minLength: fc.nat(2),
      maxLength: fc.nat(3),
      pattern: fc.constantFrom('^x', 'z$', '^[a-z]*$'),
    },
    { requiredKeys: ['type'], noNullPrototype: true },
  ),
  fc.record(
    {
      type: fc.constantFrom('integer', 'number'),
      minimum: fc.integer({ min: -2, max: 1 }),
      maximum: fc.integer({ min: 0, max: 3 }),
      exclusiveMinimum: fc.integer({ min: -2, max: 1 }),
      multipleOf: fc.constantFrom(0.5, 1, 2, 4),
    },
    { requiredKeys: ['type'], noNullPrototype: true },
  ),
  fc.constantFrom<Schema>({ type: 'boolean' }, { type: 'null' }, { type: ['string', 'null'] }, {}),
  fc
    .uniqueArray(fc.constantFrom<unknown>(...WORDS, 1, 0.5, true, null), { minLength: 1, maxLength: 4 })
    .map((list) => ({ enum: list })),
  fc.constantFrom<unknown>('x', 'zz', 1, true).map((value) => ({ const: value })),
);

const { schema } = fc.letrec<{ schema: Schema; object: Schema; tagged: Schema }>((tie) => ({
  object: fc
    .record({
      properties: fc.dictionary(fc.constantFrom(...NAMES), tie('schema'), { maxKeys: 3, noNullPrototype: true }),
      required: fc.subarray(NAMES),
      additionalProperties: fc.oneof(
        { weight: 3, arbitrary: fc.constant<unknown>(false) },
        fc.constant<unknown>(true),
        tie('schema'),
      ),
      more: fc.record(
        { minProperties: fc.nat(2), maxProperties: fc.nat(3) },
        { requiredKeys: [], noNullPrototype: true },
      ),
    })
    .map(({ more, ...rest }) => ({ type: 'object', ...rest, ...more })),
  tagged: fc
    .record({ tag: fc.constantFrom(...WORDS), rest: tie('schema'), isRequired: fc.boolean() })
    .map(({ tag, rest, isRequired }) => ({
      type: 'object',
      additionalProperties: false,
      required: isRequired ? ['tag'] : [],
      properties: { tag: { const: tag }, rest },
    })),
  schema: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    scalar,
    tie('object'),
    fc.record(
      {
        type: fc.constant('array'),
        items: tie('schema'),
        minItems: fc.nat(2),
        maxItems: fc.nat(3),
        uniqueItems: fc.boolean(),
      },
      { requiredKeys: ['type'], noNullPrototype: true },
    ),
    fc
      .array(fc.oneof(tie('tagged'), tie('schema')), { minLength: 1, maxLength: 3 })
      .chain((branches) => fc.constantFrom('oneOf', 'anyOf').map((keyword) => ({ [keyword]: branches }))),
    fc.array(tie('schema'), { minLength: 1, maxLength: 2 }).map((parts) => ({ allOf: parts })),
  ),
}));

/** A schema and a variant of it that differs in one or two places; sometimes an unrelated schema. */
export const schemaPairs: fc.Arbitrary<readonly [Schema, Schema]> = schema.chain((before) =>
  fc.tuple(
    fc.constant(before),
    fc.oneof(
      { weight: 5, arbitrary: changed(before) },
      { weight: 2, arbitrary: changed(before).chain(changed) },
      schema,
    ),
  ),
);

function pathsOf(value: unknown, path: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, each]) => pathsOf(each, [...path, key]))];
}

/** Replaces or removes one value. If the result is not a schema, the schema stays unchanged. */
function changed(before: Schema): fc.Arbitrary<Schema> {
  const paths = pathsOf(before);
  const extra = fc.constantFrom<readonly [string, unknown]>(
    ['maxLength', 2],
    ['minimum', 0],
    ['required', ['a']],
    ['additionalProperties', false],
    ['additionalProperties', true],
    ['uniqueItems', true],
    ['pattern', '^x'],
    ['type', 'object'],
    ['type', 'string'],
    ['maxProperties', 1],
  );
  return fc
    .tuple(
      fc.constantFrom(...paths),
      fc.constantFrom('drop', 'replace', 'schema', 'extra'),
      extra,
      schema,
      fc.constantFrom<unknown>('x', 0, 1, 2, 3, true, false, null),
    )
    .map(([path, way, [keyword, value], other, scalarValue]) => {
      const copy = structuredClone(before);
      const last = path.at(-1);
      const parent = path
        .slice(0, -1)
        .reduce<unknown>((at, key) => (at as Record<string, unknown>)[key], copy) as Record<string, unknown>;
      if (last === undefined || way === 'extra') {
        const target = path.reduce<unknown>((at, key) => (at as Record<string, unknown>)[key], copy);
        if (typeof target === 'object' && target !== null && !Array.isArray(target))
          (target as Record<string, unknown>)[keyword] = value;
      } else if (way === 'drop') {
        if (Array.isArray(parent)) parent.splice(Number(last), 1);
        else delete parent[last];
      } else parent[last] = way === 'schema' ? other : scalarValue;
      return copy;
    });
}

const leaf = fc.constantFrom<unknown>(
  '',
  'x',
  'y',
  'xz',
  'zz',
  'xyz',
  'abcd',
  -2,
  -1,
  0,
  0.5,
  1,
  1.5,
  2,
  3,
  4,
  7,
  true,
  false,
  null,
);

/** Random values of the kinds that the schemas above describe. */
export const values: fc.Arbitrary<unknown> = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    { weight: 3, arbitrary: leaf },
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.constantFrom(...NAMES, 'tag', 'rest', 'd'), tie('value'), { maxKeys: 4, noNullPrototype: true }),
    fc.record({ tag: fc.constantFrom(...WORDS), rest: tie('value') }, { requiredKeys: [], noNullPrototype: true }),
  ),
})).value;
