/** The small contract in `fixtures/shop.yaml`, unchanged or with some parts changed. */
import { readFileSync } from 'node:fs';
import { stringify } from 'yaml';
import { fromPointer, sourceOf } from '../source.ts';
import type { Source } from '../source.ts';

export const SHOP = readFileSync(new URL('../fixtures/shop.yaml', import.meta.url), 'utf8');

/** The new value for each pointer; `undefined` removes the part. */
export type Changes = Readonly<Record<string, unknown>>;

export function shopWith(changes: Changes): Source {
  const value = structuredClone(sourceOf('shop.yaml', SHOP).value) as Record<string, unknown>;
  for (const [pointer, part] of Object.entries(changes)) {
    const path = fromPointer(pointer);
    const last = path.pop() ?? '';
    let parent: Record<string, unknown> = value;
    for (const key of path) parent = parent[key] as Record<string, unknown>;
    if (part === undefined) delete parent[last];
    else parent[last] = part;
  }
  return sourceOf('shop.yaml', stringify(value, { aliasDuplicateObjects: false }));
}

const schema = (name: string): object => ({ $ref: `#/components/schemas/${name}` });

/**
 * Parts that the stock contract does not have but another contract may have: names and texts that are special in
 * TypeScript, and every keyword.
 */
const ODD_PAYLOAD = {
  type: 'object',
  additionalProperties: false,
  required: ['id'],
  description: 'An order, */ oddly described.\nexport interface Injected {\n  foo: string[];\n}',
  properties: {
    id: { type: 'string', maxLength: 8, description: "Don't [] mind `${this}`." },
    lines: { type: 'array', maxItems: 3, items: schema('OrderLine'), description: 'Lines.' },
    "it's": { type: 'string', enum: ["a'b", 'c"d', 'e\\f', 'g\nh', '[]', '`${x}`', '*/'], description: '/* Odd. */' },
    'two words': { type: 'string', format: 'date-time', description: 'When.' },
    '9lives': { type: 'string', format: 'uuid', description: 'Which.' },
    'a-b/c~d': { type: 'integer', minimum: -3, maximum: 3, description: 'How many.' },
    ratio: { type: 'number', minimum: 0, maximum: 1, description: 'How much.' },
    mixed: {
      anyOf: [{ type: 'boolean' }, { type: 'array', items: { type: 'array', items: { type: 'string' } } }],
      description: 'A flag, or a table.',
    },
    inline: {
      type: 'array',
      minItems: 1,
      description: 'Objects without a name.',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['past'],
        properties: {
          past: {
            type: 'array',
            items: { oneOf: [schema('ReplayNone'), schema('ReplayResume')] },
            description: 'Past.',
          },
        },
      },
    },
    grades: { type: 'array', items: { type: 'string', enum: ['a', 'b'] }, description: 'Grades.' },
    one: { type: 'array', items: { type: 'string', const: 'one' }, description: 'Ones.' },
    byName: {
      type: 'object',
      additionalProperties: { type: 'array', items: { type: 'string', pattern: '^[a-z]\\S*$' } },
      'x-open': 'Names are free.',
      description: 'Lists by name.',
    },
    twig: schema('Twig'),
  },
};

/**
 * `Twig` and `Branch` refer to each other and are open. Only `OrderLine`, the leaf of a twig, is closed. So their tolerant validators
 * differ from the strict ones only because of a schema that is reached through the circle.
 */
const CIRCLE = {
  Twig: {
    type: 'object',
    additionalProperties: true,
    'x-open': 'It grows.',
    description: 'A twig.',
    properties: { branch: schema('Branch'), leaf: schema('OrderLine') },
  },
  Branch: {
    type: 'object',
    additionalProperties: true,
    'x-open': 'It grows.',
    description: 'A branch.',
    properties: { twig: schema('Twig'), twigs: { type: 'array', items: schema('Twig'), description: 'Twigs.' } },
  },
};

export const ODD_EXAMPLE = {
  id: 'o1',
  lines: [{ tag: 'book' }],
  "it's": 'g\nh',
  'two words': '2026-01-31T23:59:59.999Z',
  '9lives': '0190c1b4-7d5c-7cc0-8d0a-3f1f0a3c9d11',
  'a-b/c~d': -1,
  ratio: 0.5,
  mixed: [['a'], []],
  inline: [{ past: [{ mode: 'none' }, { mode: 'resume', after: { epoch: 'e', sequenceId: 7 } }] }],
  grades: ['a', 'b'],
  one: ['one'],
  byName: { letters: ['a', 'b'] },
  twig: { leaf: { tag: 'green' }, branch: { twig: { leaf: { tag: 'brown' } }, twigs: [{}, { branch: {} }] } },
};

export const ODD: Changes = {
  '/components/schemas/OrderPayload': ODD_PAYLOAD,
  '/components/schemas/Twig': CIRCLE.Twig,
  '/components/schemas/Branch': CIRCLE.Branch,
  '/components/messages/order_placed/examples/0/payload/data/payload': ODD_EXAMPLE,
  '/operations/subscribe/summary': "Don't */ end `${here}`.",
  '/x-limits/eventsPerSubscription/description': 'It\'s */ "quoted" \\ and `${not}`,\non two lines.',
  "/x-gap-reasons/it's over": 'Odd.',
  '/components/schemas/GapReason/enum': ['epoch_changed', "it's over"],
  '/x-requirements/EVT-1/text': "Numbers aren't \\ odd.",
};
