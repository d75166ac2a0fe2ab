/** Files that are not contracts, or from which no code can be generated, each with the finding that it must cause. */
import { SHOP, shopWith } from './shop.ts';
import type { Changes } from './shop.ts';
import type { Files } from './odd-files.ts';

export interface Broken {
  readonly name: string;
  readonly files: Files;
  /** Pattern of the first finding. */
  readonly finding: RegExp;
}

const SCHEMAS = '/components/schemas';
const MEMBER = `${SCHEMAS}/OrderPayload/properties/odd`;

const text = (content: string | Buffer): Files => ({ 'shop.yaml': content });
const changed = (changes: Changes): Files => text(shopWith(changes).text);
const member = (schema: unknown): Files => changed({ [MEMBER]: schema });
const described = (schema: object): Files => member({ description: 'Odd.', ...schema });
const PROTO = `${' '.repeat(8)}__proto__: { type: string, description: x }\n`;
const open = { type: 'object', description: 'Any.', additionalProperties: false };

function rows(table: Readonly<Record<string, readonly [files: Files, finding: RegExp]>>): Broken[] {
  return Object.entries(table).map(([name, [files, finding]]) => ({ name, files, finding }));
}

const UNREADABLE = rows({
  'an empty file': [text(''), /^shop.yaml:1 asyncapi \(top\): is not an AsyncAPI document\. Begin it with/],
  'a file of comments': [text('# nothing\n'), /^shop.yaml:1 asyncapi \(top\): is not an AsyncAPI document/],
  'a program': [
    text(Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 0, 255])),
    /^shop.yaml:1 file \(top\): is not UTF-8 text/,
  ],
  'Latin-1': [text(Buffer.from('a: b\nc: \xE9\n', 'latin1')), /^shop.yaml:2 file \(top\): is not UTF-8 text/],
  'UTF-16': [text(Buffer.from(`\uFEFF${SHOP}`, 'utf16le')), /^shop.yaml:1 file \(top\): is not UTF-8 text/],
  '10 MB': [text(`a: ${'x'.repeat(10_000_000)}`), /^shop.yaml:1 file \(top\): has more than 4 MiB\. Split it/],
  'a list': [text('- asyncapi: 3.0.0'), /^shop.yaml:1 asyncapi \(top\): is not an AsyncAPI document/],
  'a text': [text('just words'), /^shop.yaml:1 asyncapi \(top\): is not an AsyncAPI document/],
  'another format': [text('openapi: 3.1.0\n'), /^shop.yaml:1 asyncapi \(top\): is not an AsyncAPI document/],
  'AsyncAPI 2.6.0': [
    changed({ '/asyncapi': '2.6.0' }),
    /^shop.yaml:1 asyncapi \/asyncapi: this is AsyncAPI 2.6.0; 3.0.0 or 3.1.0/,
  ],
  'a number for a version': [changed({ '/asyncapi': 3 }), /^shop.yaml:1 asyncapi \/asyncapi: this is AsyncAPI 3;/],
  'a key given twice': [
    text('asyncapi: 3.0.0\ninfo: {}\ninfo: {}\n'),
    /^shop.yaml:3 yaml \(top\): Map keys must be unique/,
  ],
  'a key given twice in JSON': [
    text('{"asyncapi": "3.0.0",\n"a": 1,\n"a": 2}'),
    /^shop.yaml:3 yaml \(top\): Map keys must be/,
  ],
  'JSON that ends early': [text('{"asyncapi": "3.0.0",\n"info": {'), /^shop.yaml:2 yaml \(top\): .* Correct the YAML/],
  'a tab for an indent': [
    text('asyncapi: 3.0.0\ninfo:\n\ttitle: x\n'),
    /^shop.yaml:3 yaml \(top\): Tabs are not allowed/,
  ],
  'two documents': [text('asyncapi: 3.0.0\n---\nb: 1\n'), /^shop.yaml:2 yaml \(top\): begins a second document/],
  'an alias into itself': [
    text('asyncapi: 3.0.0\nx: &a\n  b: *a\n'),
    /^shop.yaml:3 yaml \(top\): is an alias of a value that contains this alias/,
  ],
  'a merge key into itself': [
    text('asyncapi: 3.0.0\nx: &a\n  <<: *a\n'),
    /^shop.yaml:3 yaml \(top\): is an alias of a value/,
  ],
  'an alias without an anchor': [
    text('asyncapi: 3.0.0\nx: *a\n'),
    /^shop.yaml:2 yaml \(top\): is an alias without an anchor/,
  ],
  'aliases that multiply': [
    text(
      'abcdefghi'
        .split('')
        .map(
          (name, at) =>
            `${name}: &${name} [${Array(10)
              .fill(at === 0 ? '1' : `*${'abcdefgh'[at - 1]}`)
              .join(', ')}]`,
        )
        .join('\n'),
    ),
    /^shop.yaml:6 yaml \(top\): has more than 1000000 values/,
  ],
  'lists in lists in lists': [
    text(`x: ${'['.repeat(5_000)}${']'.repeat(5_000)}`),
    /^shop.yaml:1 yaml \(top\): is nested too deeply/,
  ],
  'schemas in schemas in schemas': [
    text(Array.from({ length: 120 }, (_, level) => `${' '.repeat(level)}items:`).join('\n')),
    /^shop.yaml:101 yaml \(top\): is nested more than 100 levels deep/,
  ],
});

const SHAPELESS = rows({
  'no message': [
    changed({ '/components/messages': undefined }),
    /^shop.yaml:\d+ shape \/components: lacks messages\. Add it/,
  ],
  'no operations': [changed({ '/operations': null }), /^shop.yaml:\d+ shape \/operations: must be object/],
  'a list of schemas': [changed({ [SCHEMAS]: [] }), /^shop.yaml:\d+ shape \/components\/schemas: must be object/],
  'a schema that is true': [member(true), /^shop.yaml:\d+ shape \S+\/odd: must be object/],
  'an invalid type': [described({ type: 'strin' }), /^shop.yaml:\d+ shape \S+\/odd\/type: is "strin"\. Use one of/],
  'an empty enumeration': [described({ enum: [] }), /^shop.yaml:\d+ shape \S+\/odd\/enum: /],
  'a list of item schemas': [
    described({ type: 'array', items: [{}] }),
    /^shop.yaml:\d+ shape \S+\/odd\/items: must be object/,
  ],
  'a message without a payload': [
    changed({ '/components/messages/ping/payload': undefined }),
    /^shop.yaml:\d+ shape \/components\/messages\/ping: lacks payload/,
  ],
  'no custom event': [
    changed({ '/components/messages/custom_event/x-event': 'custom_event' }),
    /event-name \/components\/messages.*have no message with x-event: "\*"/,
  ],
});

const KEYWORDS = rows(
  Object.fromEntries(
    Object.entries({
      patternProperties: {},
      if: {},
      not: {},
      propertyNames: {},
      dependentSchemas: {},
      nullable: true,
      prefixItems: [],
      contains: {},
      $defs: {},
      discriminator: 'x',
    }).map(([keyword, value]) => [
      `the keyword ${keyword}`,
      [
        described({ type: 'string', [keyword]: value }),
        new RegExp(
          `^shop.yaml:\\d+ schema-keyword \\S+/odd/${keyword.replace('$', '\\$')}: is not a supported keyword`,
        ),
      ] as const,
    ]),
  ),
);

const SCHEMA_FAULTS = rows({
  'a title': [
    described({ type: 'string', title: 'X' }),
    /schema-title \S+\/odd\/title: is a title, which would rename/,
  ],
  'an allOf': [described({ allOf: [{}] }), /schema-allof \S+\/odd\/allOf: is an allOf, but an object made by allOf/],
  'a format that no validator checks': [
    described({ type: 'string', format: 'hostname' }),
    /schema-format \S+: is hostname, which/,
  ],
  'an invalid pattern': [described({ type: 'string', pattern: '(' }), /schema-compiles \S+\/odd\/pattern: cannot be/],
  'a pattern in another dialect of regular expressions': [
    described({ type: 'string', pattern: '(?<=a)\\Z' }),
    /schema-compiles \S+\/odd\/pattern: /,
  ],
  'a minimum above the maximum': [
    described({ type: 'integer', minimum: 2, maximum: 1 }),
    /schema-range \S+\/odd\/minimum: is 2/,
  ],
  'lengths that exclude each other': [
    described({ type: 'string', minLength: 2, maxLength: 1 }),
    /schema-range \S+\/odd\/minLength/,
  ],
  'a negative length': [described({ type: 'string', maxLength: -1 }), /schema-compiles \S+\/odd\/maxLength: /],
  'values twice in an enumeration': [
    described({ enum: ['a', 'a'] }),
    /schema-compiles \S+\/odd\/enum: cannot be compiled/,
  ],
  'a requirement without a property': [
    member({ ...open, required: ['x'] }),
    /schema-compiles \S+\/odd\/required: requires x/,
  ],
  'a member beside a reference': [
    member({ $ref: '#/components/schemas/Id', maxLength: 3 }),
    /schema-ref \S+\/odd: has members/,
  ],
  'numbers without bounds': [described({ type: 'integer' }), /schema-integer \S+\/odd: has no bounds within/],
  'an open object': [described({ type: 'object' }), /schema-closed \S+\/odd: does not set additionalProperties/],
  'no description': [member({ type: 'string' }), /schema-description \S+\/odd: has no description/],
});

const NAMES = rows({
  'a property called $ref': [
    changed({ [`${SCHEMAS}/OrderPayload/properties/$ref`]: { type: 'string', description: 'x' } }),
    /^shop.yaml:\d+ property-name \S+\/\$ref: is a property name that code cannot use: .* Rename it/,
  ],
  'a property called __proto__': [
    text(
      shopWith({}).text.replace(/^ +id:\n +type: string\n +description: Its number/m, (whole) => `${PROTO}${whole}`),
    ),
    /^shop.yaml:\d+ property-name \S+\/__proto__: is a property name that code cannot use/,
  ],
  'a property called hasOwnProperty': [
    changed({ [`${SCHEMAS}/OrderPayload/properties/hasOwnProperty`]: { type: 'string', description: 'x' } }),
    /^shop.yaml:\d+ property-name \S+\/hasOwnProperty: is a property name that code cannot use/,
  ],
  ...Object.fromEntries(
    [
      ['order_payload', 'OrderPayload'],
      ['orderPayload', 'OrderPayload'],
      ['ORDERPAYLOAD', 'OrderPayload'],
      ['order.line', 'OrderLine'],
      ['order-line', 'OrderLine'],
    ].map(([name = '', other = '']) => [
      `the schemas ${name} and ${other}`,
      [
        changed({ [`${SCHEMAS}/${name}`]: open, [MEMBER]: { $ref: `#/components/schemas/${name}` } }),
        new RegExp(
          `^shop.yaml:\\d+ schema-name ${SCHEMAS}/${name}: becomes the type \\w+, and the schema ${other} becomes ${other}`,
        ),
      ] as const,
    ]),
  ),
  ...Object.fromEntries(
    ['Größe', '名前', 'two words', 'a~1b', '_', '...', ''].map((name) => [
      `a schema called "${name}"`,
      [
        changed({ [`${SCHEMAS}/${name}`]: open }),
        /^shop.yaml:\d+ schema-name \S+.*: is not a valid schema name\. Use letters/,
      ] as const,
    ]),
  ),
});

const REFERENCES = rows({
  'circular schemas': [
    changed({
      [`${SCHEMAS}/A`]: { $ref: '#/components/schemas/B' },
      [`${SCHEMAS}/B`]: { $ref: '#/components/schemas/A' },
    }),
    /^shop.yaml:\d+ schema-circle \/components\/schemas\/B\/\$ref: leads back to A: A → B → A/,
  ],
  'a schema that is an alternative of itself': [
    changed({
      [`${SCHEMAS}/A`]: { oneOf: [{ type: 'string' }, { $ref: '#/components/schemas/A' }], description: 'x' },
    }),
    /^shop.yaml:\d+ schema-circle \/components\/schemas\/A\/oneOf\/1\/\$ref: leads back to A/,
  ],
  'circular tags': [
    changed({
      '/components/tags': { a: { $ref: '#/components/tags/a' } },
      '/info/tags': [{ $ref: '#/components/tags/a' }],
    }),
    /^shop.yaml:\d+ reference \/info\/tags\/0: refers to #\/components\/tags\/a, which leads back/,
  ],
  'circular files': [
    { ...member({ $ref: './a.yaml' }), 'a.yaml': '$ref: ./b.yaml', 'b.yaml': '$ref: ./a.yaml' },
    /^shop.yaml:\d+ schema-circle \S+\/odd\/\$ref: is part of a circle of references/,
  ],
  'circular tags in files': [
    { ...changed({ '/info/tags': [{ $ref: './a.yaml' }] }), 'a.yaml': '$ref: ./b.yaml', 'b.yaml': '$ref: ./a.yaml' },
    /^b.yaml:1 reference \/\$ref: refers to \.\/a\.yaml, which leads back/,
  ],
  'a schema that does not exist': [
    member({ $ref: '#/components/schemas/Nowhere' }),
    /^shop.yaml:\d+ schema-ref \S+\/odd: refers to/,
  ],
  'a schema with the name of an inherited property': [
    member({ $ref: '#/components/schemas/toString' }),
    /^shop.yaml:\d+ schema-ref \S+\/odd: /,
  ],
  'a part that does not exist': [
    member({ $ref: '#/components/schemas/Id/no' }),
    /^shop.yaml:\d+ reference \S+\/odd\/\$ref: refers/,
  ],
  'a file that does not exist': [
    member({ $ref: './no.yaml' }),
    /^shop.yaml:\d+ reference \S+: refers to .* cannot be read \(ENOENT\)/,
  ],
  'a directory': [
    member({ $ref: '../' }),
    /^shop.yaml:\d+ reference \S+: refers to \.\.\/, which is a directory or a device/,
  ],
  'a device without an end': [
    member({ $ref: '/dev/zero' }),
    /^shop.yaml:\d+ reference \S+: .* which is a directory or a device/,
  ],
  'an address': [
    member({ $ref: 'https://shop.example/x.json' }),
    /^shop.yaml:\d+ reference \S+: .* is not a local file/,
  ],
  'an anchor': [
    member({ $ref: './a.yaml#name' }),
    /^shop.yaml:\d+ reference \S+: .* whose part after # is not a JSON pointer/,
  ],
  'a % that escapes nothing': [
    member({ $ref: './a%zz.yaml' }),
    /^shop.yaml:\d+ reference \S+: .* has a % without two hexadecimal digits/,
  ],
  'a file that is not YAML': [
    { ...member({ $ref: './a.yaml' }), 'a.yaml': 'a: 1\nb: [' },
    /^a.yaml:2 yaml \(top\): .* Correct/,
  ],
  'a file that is too large': [
    { ...member({ $ref: './a.yaml' }), 'a.yaml': `a: ${'x'.repeat(5_000_000)}` },
    /^a.yaml:1 file \(top\): has more than 4 MiB/,
  ],
  'a fault in another file': [
    { ...member({ $ref: './a.yaml' }), 'a.yaml': 'type: string\ndescription: x\nformat: hostname\n' },
    /^a.yaml:3 schema-format \/format: is hostname/,
  ],
  'a message that is defined twice': [
    { ...changed({ '/channels/connection/messages/ping': { $ref: './a.yaml' } }), 'a.yaml': 'name: ping\n' },
    /^shop.yaml:\d+ message-name \/channels\/connection\/messages\/ping: is a second message named ping/,
  ],
  'a channel of another contract': [
    {
      ...changed({ '/operations/get_health/channel': { $ref: './a.yaml#/channels/x' } }),
      'a.yaml': 'channels: { x: { address: /x } }\n',
    },
    /^shop.yaml:\d+ reference \/operations\/get_health\/channel\/\$ref: .* is not part of this contract/,
  ],
  'an Avro schema': [
    changed({
      '/components/messages/ping/payload': { schemaFormat: 'application/vnd.apache.avro;version=1.9.0', schema: {} },
    }),
    /^shop.yaml:\d+ schema-format \S+\/schemaFormat: has the schema format application\/vnd\.apache\.avro/,
  ],
});

export const BROKEN: readonly Broken[] = [
  ...UNREADABLE,
  ...SHAPELESS,
  ...KEYWORDS,
  ...SCHEMA_FAULTS,
  ...NAMES,
  ...REFERENCES,
];
