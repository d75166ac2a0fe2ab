/**
 * Members that the stock contract does not have but another contract may have: unusual names and values, and every
 * supported keyword.
 */

/** A member of the payload, with valid and invalid values. */
export interface OddMember {
  readonly name: string;
  readonly schema: Readonly<Record<string, unknown>>;
  readonly fits: readonly unknown[];
  readonly misfits: readonly unknown[];
}

/** A named schema in `components`; a member of the payload refers to it. */
export type OddSchemas = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

const text = (more: object = {}): Readonly<Record<string, unknown>> => ({
  type: 'string',
  description: 'A text.',
  ...more,
});
const ref = (name: string): Readonly<Record<string, unknown>> => ({ $ref: `#/components/schemas/${name}` });
const object = (properties: object, more: object = {}): Readonly<Record<string, unknown>> => ({
  type: 'object',
  additionalProperties: false,
  description: 'An object.',
  properties,
  ...more,
});

/** Names of members: words of JavaScript, Python and JSON Schema, and names that need quotes. */
const MEMBER_NAMES: readonly string[] = [
  ...['constructor', 'toString', 'valueOf', 'isPrototypeOf', 'prototype', 'then', 'toJSON'],
  ...[
    'default',
    'class',
    'function',
    'import',
    'await',
    'None',
    'True',
    'lambda',
    'str',
    'int',
    'float',
    'bool',
    'object',
  ],
  ...['__private', '__init__', 'self', 'Literal', 'Union', 'OrderLine', 'event', 'payload', 'stream'],
  ...[
    'type',
    'enum',
    'const',
    'items',
    'properties',
    'required',
    'title',
    'description',
    'definitions',
    '$id',
    '$defs',
  ],
  ...['oneOf', 'additionalProperties', 'x-open', 'format', 'pattern', 'errors', 'data', 'readonly'],
  ...[
    "it's",
    '"quoted"',
    'two words',
    '9lives',
    'größe',
    '名前',
    'a/b~c',
    'back\\slash',
    'new\nline',
    '🙂',
    '${x}',
    '',
  ],
];

/** Names of schemas: globals of TypeScript and Python, our own names, and names that are not identifiers. */
const SCHEMA_NAMES: readonly string[] = [
  ...['Record', 'Readonly', 'Extract', 'Promise', 'Array', 'Error', 'Map', 'Object', 'String', 'Number', 'Function'],
  ...['Symbol', 'Boolean', 'Any', 'Never', 'Unknown', 'Undefined', 'Date', 'Partial', 'Awaited', 'ReadonlyArray'],
  ...['EventMap', 'AnyEvent', 'PayloadMap', 'DeclaredEvent', 'CommandMessage', 'ServerMessage', 'TidemarkContractRoot'],
  ...['TidemarkClient', 'TidemarkProtocol', 'CustomEventData', 'ClientCore', 'EventName', 'Handlers', 'Validator'],
  ...[
    'Union',
    'Literal',
    'TypedDict',
    'None',
    'True',
    'Mapping',
    'Sequence',
    'NotRequired',
    'Callable',
    'Client',
    'Gap',
  ],
  ...[
    'snake_case_name',
    'kebab-case-name',
    'dotted.name',
    'lower',
    '2ndOrder',
    'v2beta1',
    'constructor',
    'valueOf',
    '_x_',
  ],
];

const members = (
  entries: Readonly<Record<string, readonly [schema: object, fits: readonly unknown[], misfits: readonly unknown[]]>>,
): OddMember[] =>
  Object.entries(entries).map(([name, [schema, fits, misfits]]) => ({
    name,
    schema: { ...(Object.hasOwn(schema, '$ref') ? {} : { description: 'Odd.' }), ...schema },
    fits,
    misfits,
  }));

const CODE = [
  'import()',
  'require()',
  'eval(x)',
  'new Function',
  "it's",
  '"',
  '\\',
  'a\nb',
  '`${x}`',
  '*/',
  '//',
  '\u2028',
];

export const ODD_MEMBERS: readonly OddMember[] = [
  ...MEMBER_NAMES.map((name) => ({ name, schema: text({ maxLength: 3 }), fits: ['a'], misfits: [1, 'long', null] })),
  ...SCHEMA_NAMES.map((name) => ({
    name: `a ${name}`,
    schema: ref(name),
    fits: [{ of: name }],
    misfits: [{}, { of: 'x' }, 1],
  })),
  ...members({
    'enum of code': [{ type: 'string', enum: CODE }, CODE, ['import', '']],
    'enum of all': [{ enum: [1, 'a', null, true, 0.5] }, [1, 'a', null, true, 0.5], [2, false, '1', {}]],
    'enum of prototypes': [{ type: 'string', enum: ['__proto__', 'constructor', ''] }, ['__proto__', ''], ['toString']],
    'constant text': [{ const: "import('x')" }, ["import('x')"], ['import']],
    'constant null': [{ const: null }, [null], [0, '', false]],
    'constant false': [{ const: false }, [false], [0, null, true]],
    'constant list': [{ const: [1, [2]] }, [[1, [2]]], [[1, 2], []]],
    'constant object': [{ const: { a: 'x', constructor: 1 } }, [{ a: 'x', constructor: 1 }], [{ a: 'x' }, {}]],
    'described by code': [text({ description: 'Never eval(x), import(y) or `*/ new Function`.' }), ['a'], [1]],
    'described oddly': [text({ description: '*/ """ \\ \u0000 \' ${x}\n#: two\r\nlines\u2028here "' }), ['a'], [1]],
    'described as a type': [text({ description: 'x\nexport interface Injected {\n  foo: string[];\n}' }), ['a'], [1]],
    nullable: [{ type: ['string', 'null'], maxLength: 2 }, ['a', null], ['long', 1]],
    'any of many types': [
      { type: ['integer', 'boolean', 'array'], items: text(), minimum: 0, maximum: 9 },
      [1, true, ['a']],
      [-1, 'a', [1]],
    ],
    'nullable object': [
      { type: ['object', 'null'], additionalProperties: false, properties: { a: text() }, required: ['a'] },
      [null, { a: 'x' }],
      [{}, { a: 1 }, 'x'],
    ],
    'without a type': [{ minLength: 2 }, ['ab', 1, null], ['a']],
    anything: [{}, [1, null, { a: [] }], []],
    nothing: [{ type: 'null' }, [null], [0, '']],
    'list of anything': [{ type: 'array', maxItems: 2 }, [[1, 'a'], []], [[1, 2, 3], {}]],
    'lists of lists': [
      { type: 'array', items: { type: 'array', minItems: 1, items: { type: ['string', 'null'] } } },
      [[], [['a', null]]],
      [[[]], [[1]]],
    ],
    'open map': [
      { type: 'object', additionalProperties: { type: 'array', items: text() }, 'x-open': 'Names are free.' },
      [{}, { constructor: ['a'], x: [] }],
      [{ x: 1 }, { toString: 'x' }],
    ],
    'members and more': [
      {
        ...object({ a: text() }),
        additionalProperties: { type: 'integer', minimum: 0, maximum: 9 },
        'x-open': 'Counts.',
      },
      [{ a: 'x', b: 1 }],
      [{ a: 'x', b: 'y' }, { a: 1 }],
    ],
    'members without a type': [
      { properties: { a: text() }, additionalProperties: false },
      [{}, { a: 'x' }],
      [{ b: 1 }],
    ],
    'inherited and required': [
      object({ constructor: text(), other: text() }, { required: ['constructor'] }),
      [{ constructor: 'x' }],
      [{}, { other: 'x' }, { constructor: 1 }],
    ],
    'text of a form': [{ type: 'string', pattern: '^[\\p{L}/"\'`]{1,3}$' }, ['ä/"', "'"], ['', '1', 'abcd']],
    'text of code points': [{ type: 'string', minLength: 2, maxLength: 2 }, ['🙂🙂', 'ab'], ['🙂', 'abc']],
    instant: [{ type: 'string', format: 'date-time' }, ['2026-01-31T23:59:59Z'], ['2026-01-31', 'now']],
    uuid: [{ type: 'string', format: 'uuid' }, ['0190c1b4-7d5c-7cc0-8d0a-3f1f0a3c9d11'], ['0190c1b4', '']],
    fraction: [{ type: 'number', minimum: -0.5, maximum: 1.5 }, [0, -0.5, 1.5], [2, '1']],
    count: [{ type: 'integer', minimum: -3, maximum: 3 }, [-3, 0], [0.5, 4]],
    'one of, with a tag': [
      { oneOf: [ref('ByMail'), ref('AliasOfByHand')] },
      [{ way: 'mail', to: 'x' }, { way: 'hand' }],
      [{ way: 'mail' }, { way: 'air' }, {}, null],
    ],
    'one of, without a tag': [{ oneOf: [text(), { type: 'integer', minimum: 0, maximum: 9 }] }, ['a', 1], [10, null]],
    'one of, overlapping': [
      {
        oneOf: [
          { type: 'integer', minimum: 0, maximum: 5 },
          { type: 'integer', minimum: 5, maximum: 9 },
        ],
      },
      [4, 6],
      [5, 10],
    ],
    'one of, or null': [{ oneOf: [ref('ByMail'), { type: 'null' }] }, [null, { way: 'mail', to: 'x' }], [{}, 1]],
    'any of': [{ anyOf: [{ type: 'boolean' }, { type: 'array', items: ref('ByMail') }] }, [true, []], [[1], 'x']],
    'exclusive bounds': [
      { type: 'number', exclusiveMinimum: 0, exclusiveMaximum: 1, minimum: -9, maximum: 9, description: 'A share.' },
      [0.5, 1e-9],
      [0, 1, -1, 9],
    ],
    multiples: [
      { type: 'integer', multipleOf: 4, minimum: -8, maximum: 800, description: 'Bytes.' },
      [0, 4, -8],
      [1, 6, 804],
    ],
    'items that occur once': [
      { type: 'array', uniqueItems: true, items: text(), description: 'Tags.' },
      [[], ['a', 'b'], ['constructor', 'toString']],
      [
        ['a', 'a'],
        ['constructor', 'a', 'constructor'],
      ],
    ],
    'a map of some size': [
      {
        type: 'object',
        additionalProperties: text(),
        'x-open': 'Labels.',
        minProperties: 1,
        maxProperties: 2,
        description: 'Labels.',
      },
      [{ a: 'b' }, { a: 'b', c: 'd' }],
      [{}, { a: 'b', c: 'd', e: 'f' }, { a: 1 }],
    ],
    tree: [ref('Tree'), [{}, { left: { right: {} }, name: 'x' }], [{ left: { middle: {} } }, []]],
    'list of lists of lists': [ref('Nest'), [[], [[], [[]]]], [[1], {}]],
    'map of maps': [ref('Maze'), [{}, { a: { b: {} } }], [{ a: 1 }]],
    'text or list of texts': [ref('Words'), ['a', [['b'], 'c']], [1, [[1]]]],
    'two schemas that contain each other': [ref('Egg'), [{}, { hen: { eggs: [{}] } }], [{ hen: { eggs: [1] } }]],
    'a second name of a schema': [ref('AliasOfAlias'), [{ way: 'hand' }], [{ way: 'mail' }]],
  }),
];

export const ODD_SCHEMAS: OddSchemas = {
  ...Object.fromEntries(
    SCHEMA_NAMES.map((name) => [name, object({ of: { const: name, description: 'Its name.' } }, { required: ['of'] })]),
  ),
  ByMail: object(
    { way: { type: 'string', const: 'mail', description: 'How.' }, to: text() },
    { required: ['way', 'to'] },
  ),
  ByHand: object({ way: { type: 'string', const: 'hand', description: 'How.' } }, { required: ['way'] }),
  AliasOfByHand: ref('ByHand'),
  AliasOfAlias: ref('AliasOfByHand'),
  Tree: object({ left: ref('Tree'), right: ref('Tree'), name: text() }),
  Nest: { type: 'array', items: ref('Nest'), description: 'Lists.' },
  Maze: { type: 'object', additionalProperties: ref('Maze'), 'x-open': 'Rooms.', description: 'Maps.' },
  Words: { anyOf: [{ type: 'string' }, { type: 'array', items: ref('Words') }], description: 'Words.' },
  Egg: object({ hen: ref('Hen') }),
  Hen: object({ eggs: { type: 'array', items: ref('Egg'), description: 'Eggs.' } }),
};
