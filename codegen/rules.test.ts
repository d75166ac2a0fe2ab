import { describe, expect, test } from 'vitest';
import { parseContract } from './contract.ts';
import { checkExtensions } from './extensions.ts';
import { resolveReferences } from './references.ts';
import { lint, RULES } from './rules.ts';
import { readSource } from './files.ts';
import { sourceOf } from './source.ts';
import type { Finding } from './source.ts';
import { SHOP, shopWith } from './testing/shop.ts';
import type { Changes } from './testing/shop.ts';

function findingsOf(changes: Changes): string[] {
  return lint(shopWith(changes)).map(({ rule, pointer }) => `${rule} ${pointer}`);
}

const MESSAGES = '/components/messages';
const SCHEMAS = '/components/schemas';

describe('the fixture', () => {
  test('satisfies every rule', async () => {
    const source = sourceOf('shop.yaml', SHOP);
    expect([...checkExtensions(source), ...lint(source)]).toEqual([]);
    await expect(parseContract(source)).resolves.toHaveProperty('contract.version', '2.1.0');
  });
});

describe('asyncapi.yaml', () => {
  test('satisfies every rule', async () => {
    const written = await readSource(new URL('../asyncapi.yaml', import.meta.url).pathname);
    const { value, findings } = resolveReferences(written);
    expect(findings).toEqual([]);
    const source = { ...written, value };
    expect([...checkExtensions(source), ...lint(source)]).toEqual([]);
  });
});

/** Rule, changes that break it, pointer of the expected finding. */
const BROKEN: readonly (readonly [rule: string, changes: Changes, pointer: string])[] = [
  [
    'schema-ref',
    { [`${SCHEMAS}/OrderPayload/properties/id`]: { $ref: '#/components/schemas/Nowhere' } },
    `${SCHEMAS}/OrderPayload/properties/id`,
  ],
  [
    'schema-ref',
    { [`${SCHEMAS}/OrderPayload/properties/id`]: { $ref: './other.yaml#/Id' } },
    `${SCHEMAS}/OrderPayload/properties/id`,
  ],
  [
    'schema-ref',
    { [`${SCHEMAS}/ErrorData/properties/code/description`]: 'Beside a reference.' },
    `${SCHEMAS}/ErrorData/properties/code`,
  ],
  [
    'schema-ref',
    { [`${MESSAGES}/welcome/payload`]: { $ref: '#/components/messages/welcome' } },
    `${MESSAGES}/welcome/payload`,
  ],
  [
    'schema-circle',
    {
      [`${SCHEMAS}/A`]: { $ref: '#/components/schemas/B' },
      [`${SCHEMAS}/B`]: { $ref: '#/components/schemas/A' },
    },
    `${SCHEMAS}/B/$ref`,
  ],
  [
    'schema-circle',
    { [`${SCHEMAS}/Tree`]: { anyOf: [{ type: 'string' }, { $ref: '#/components/schemas/Tree' }] } },
    `${SCHEMAS}/Tree/anyOf/1/$ref`,
  ],
  ['schema-name', { [`${SCHEMAS}/order_payload`]: { type: 'string', description: 'x' } }, `${SCHEMAS}/order_payload`],
  ['schema-name', { [`${SCHEMAS}/Größe`]: { type: 'string', description: 'x' } }, `${SCHEMAS}/Größe`],
  ['schema-name', { [`${SCHEMAS}/_`]: { type: 'string', description: 'x' } }, `${SCHEMAS}/_`],
  [
    'property-name',
    { [`${SCHEMAS}/OrderPayload/properties/$ref`]: { type: 'string', description: 'x' } },
    `${SCHEMAS}/OrderPayload/properties/$ref`,
  ],
  ['schema-range', { [`${SCHEMAS}/MessageId/minLength`]: 1e9 }, `${SCHEMAS}/MessageId/minLength`],
  ['schema-range', { [`${SCHEMAS}/Count/exclusiveMaximum`]: 0 }, `${SCHEMAS}/Count/exclusiveMaximum`],
  ['schema-multiple', { [`${SCHEMAS}/Count/multipleOf`]: 0 }, `${SCHEMAS}/Count/multipleOf`],
  ['schema-unique', { [`${SCHEMAS}/MessageId/uniqueItems`]: true }, `${SCHEMAS}/MessageId/uniqueItems`],
  ['schema-map-size', { [`${SCHEMAS}/Health/minProperties`]: 1 }, `${SCHEMAS}/Health/minProperties`],
  ['schema-title', { [`${SCHEMAS}/Count/title`]: 'Count' }, `${SCHEMAS}/Count/title`],
  ['schema-allof', { [`${SCHEMAS}/Health/allOf`]: [] }, `${SCHEMAS}/Health/allOf`],
  ['schema-keyword', { [`${SCHEMAS}/Count/or none.`]: null }, `${SCHEMAS}/Count/or none.`],
  [
    'schema-keyword',
    { '/operations/get_health/bindings/http/query': { type: 'object', additionalProperties: false, propertis: {} } },
    '/operations/get_health/bindings/http/query/propertis',
  ],
  ['schema-keyword', { [`${SCHEMAS}/MessageId/x-volatile`]: 'often' }, `${SCHEMAS}/MessageId/x-volatile`],
  ['schema-closed', { [`${SCHEMAS}/Health/additionalProperties`]: undefined }, `${SCHEMAS}/Health`],
  ['schema-closed', { [`${SCHEMAS}/OpenObject/x-open`]: undefined }, `${SCHEMAS}/OpenObject`],
  ['schema-closed', { [`${SCHEMAS}/Health/x-open`]: 'It is not.' }, `${SCHEMAS}/Health/x-open`],
  [
    'schema-description',
    { [`${SCHEMAS}/OrderPayload/properties/id/description`]: undefined },
    `${SCHEMAS}/OrderPayload/properties/id`,
  ],
  ['schema-integer', { [`${SCHEMAS}/Count/maximum`]: undefined }, `${SCHEMAS}/Count`],
  ['schema-integer', { [`${SCHEMAS}/Count/maximum`]: 2 ** 53 }, `${SCHEMAS}/Count`],
  ['schema-format', { [`${SCHEMAS}/MessageId/format`]: 'hostname' }, `${SCHEMAS}/MessageId/format`],
  ['schema-unused', { [`${SCHEMAS}/Spare`]: { type: 'string', description: 'Nobody needs it.' } }, `${SCHEMAS}/Spare`],
  ['schema-compiles', { [`${SCHEMAS}/MessageId/pattern`]: '(' }, `${SCHEMAS}/MessageId/pattern`],
  ['schema-compiles', { [`${SCHEMAS}/Health/required`]: ['status', 'stock', 'mood'] }, `${SCHEMAS}/Health/required`],
  ['message-name', { [`${MESSAGES}/health/name`]: 'wealth' }, `${MESSAGES}/health/name`],
  ['message-traits', { [`${MESSAGES}/health/traits`]: [] }, `${MESSAGES}/health/traits`],
  ['message-example', { [`${MESSAGES}/health/examples/0/payload/status`]: 'so-so' }, `${MESSAGES}/health/examples/0`],
  [
    'message-example',
    { [`${MESSAGES}/health/examples/1`]: { name: 'ok', summary: 'Again.', payload: { status: 'ok', stock: {} } } },
    `${MESSAGES}/health/examples`,
  ],
  [
    'message-type',
    {
      [`${SCHEMAS}/WelcomeMessage/properties/type/const`]: 'hello',
      [`${MESSAGES}/welcome/examples/0/payload/type`]: 'hello',
    },
    `${MESSAGES}/welcome/payload`,
  ],
  ['message-used', { '/operations/get_health': undefined }, `${MESSAGES}/health`],
  [
    'message-error-pointer',
    { [`${MESSAGES}/subscribe/x-error-pointers/~1data~1nothing`]: 'internal' },
    `${MESSAGES}/subscribe/x-error-pointers/~1data~1nothing`,
  ],
  [
    'message-error-pointer',
    { [`${MESSAGES}/subscribe/x-error-pointers/~1data~1events`]: 'nonsense' },
    `${MESSAGES}/subscribe/x-error-pointers/~1data~1events`,
  ],
  [
    'operation-message',
    { '/operations/get_health/reply/messages/0': { $ref: '#/channels/connection/messages/welcome' } },
    '/operations/get_health/reply/messages/0',
  ],
  [
    'operation-message',
    { '/operations/get_health/channel': { $ref: '#/channels/wealth' } },
    '/operations/get_health/channel',
  ],
  [
    'operation-message',
    { '/channels/health/messages/health': { $ref: '#/components/messages/empty' } },
    '/channels/health/messages/health',
  ],
  [
    'operation-name',
    { '/operations/welcome/messages': [{ $ref: '#/channels/connection/messages/subscribed' }] },
    '/operations/welcome/messages',
  ],
  [
    'operation-name',
    { '/operations/event/messages/0': { $ref: '#/channels/connection/messages/welcome' } },
    '/operations/event/messages',
  ],
  ['operation-name', { '/operations/get_health/bindings/http/method': 'POST' }, '/operations/get_health'],
  ['operation-name', { '/operations/get_health/bindings': undefined }, '/operations/get_health'],
  ['operation-reply', { '/operations/subscribe/reply': undefined }, '/operations/subscribe/reply'],
  [
    'operation-reply',
    { '/operations/welcome/reply': { messages: [{ $ref: '#/channels/connection/messages/error' }] } },
    '/operations/welcome/reply',
  ],
  ['operation-scope', { '/operations/subscribe/x-scopes/0': 'publish:<event>' }, '/operations/subscribe/x-scopes/0'],
  ['operation-tag', { '/operations/subscribe/tags/0/name': 'other' }, '/operations/subscribe/tags/0'],
  ['event-name', { [`${MESSAGES}/order_placed/x-event`]: 'order_paid' }, `${MESSAGES}/order_placed/x-event`],
  ['event-name', { [`${MESSAGES}/custom_event/x-event`]: 'custom_event' }, MESSAGES],
  ['event-payload', { [`${MESSAGES}/order_placed/x-payload`]: 'CustomPayload' }, `${MESSAGES}/order_placed/x-payload`],
  ['event-replay', { [`${MESSAGES}/order_placed/x-replay/policy`]: 'all' }, `${MESSAGES}/order_placed/x-replay`],
  ['event-replay', { [`${MESSAGES}/order_placed/x-replay/key`]: undefined }, `${MESSAGES}/order_placed/x-replay`],
  [
    'event-replay',
    { [`${MESSAGES}/order_placed/x-replay/key`]: '/payload/number' },
    `${MESSAGES}/order_placed/x-replay/key`,
  ],
  ['event-replay', { [`${MESSAGES}/custom_event/x-replay/clears`]: true }, `${MESSAGES}/custom_event/x-replay`],
  [
    'event-filterable',
    { [`${MESSAGES}/order_placed/x-filterable/colours`]: ['/payload/id'] },
    `${MESSAGES}/order_placed/x-filterable/colours`,
  ],
  [
    'event-filterable',
    { [`${MESSAGES}/order_placed/x-filterable/tags/0`]: '/payload/lines/colour' },
    `${MESSAGES}/order_placed/x-filterable/tags/0`,
  ],
  [
    'event-stream',
    { [`${MESSAGES}/order_placed/x-stream`]: { kind: 'session', id: '/payload/nowhere' } },
    `${MESSAGES}/order_placed/x-stream/id`,
  ],
  ['filter-declared', { '/x-filters/colours': { kind: 'exact', description: 'Of what.' } }, '/x-filters/colours'],
  [
    'filter-declared',
    {
      [`${SCHEMAS}/SubscriptionFilter`]: {
        type: 'object',
        additionalProperties: false,
        description: 'Filter.',
        properties: {},
      },
    },
    `${SCHEMAS}/SubscriptionFilter/properties`,
  ],
  [
    'error-code',
    { '/x-errors/Other': { retryable: false, httpStatus: 400, description: 'Other.' } },
    '/x-errors/Other',
  ],
  ['error-code', { '/x-errors/internal/httpStatus': 418 }, '/x-errors/internal/httpStatus'],
  [
    'error-code',
    { [`${SCHEMAS}/ErrorCode/enum`]: ['filter_invalid', 'internal', 'more'] },
    `${SCHEMAS}/ErrorCode/enum`,
  ],
  ['close-code', { '/x-close-codes/4000/class': 'retry-resume' }, '/x-close-codes/4000/class'],
  [
    'close-code',
    { '/x-close-codes/5000': { name: 'five', class: 'do-not-retry', description: 'Five.' } },
    '/x-close-codes/5000',
  ],
  ['close-code', { '/x-close-codes/4200/name': 'protocol_error' }, '/x-close-codes/4200/name'],
  [
    'gap-reason',
    { [`${SCHEMAS}/GapReason`]: { type: 'string', enum: ['lost'], description: 'Why.' } },
    `${SCHEMAS}/GapReason/enum`,
  ],
  [
    'replay-policy',
    { [`${SCHEMAS}/ReplayPolicyName`]: { type: 'string', enum: ['none'], description: 'What.' } },
    `${SCHEMAS}/ReplayPolicyName/enum`,
  ],
  ['limit', { '/x-limits/eventsPerSubscription/default': 0 }, '/x-limits/eventsPerSubscription/default'],
  ['limit', { '/x-limits/eventsPerSubscription/minimum': 2000 }, '/x-limits/eventsPerSubscription'],
  [
    'limit',
    {
      [`${SCHEMAS}/EffectiveLimits`]: {
        type: 'object',
        additionalProperties: false,
        description: 'Limits.',
        properties: { size: { $ref: '#/components/schemas/Count' } },
      },
    },
    `${SCHEMAS}/EffectiveLimits/properties/size`,
  ],
  ['clause-known', { '/operations/subscribe/x-requirements/0': 'SUB-9' }, '/operations/subscribe/x-requirements/0'],
  [
    'clause-cited',
    { '/x-requirements/SUB-2': { level: 'must', observable: 'client', text: 'Nobody cites it.' } },
    '/x-requirements/SUB-2',
  ],
];

describe('house lint', () => {
  test.each(BROKEN.map(([rule, changes, pointer]) => [rule, pointer, changes] as const))(
    '%s points to %s',
    (rule, pointer, changes) => {
      expect(findingsOf(changes)).toContain(`${rule} ${pointer}`);
    },
  );

  test('has a broken contract for every rule', () => {
    expect([...new Set(BROKEN.map(([rule]) => rule))].toSorted()).toEqual(Object.keys(RULES).toSorted());
  });

  test('allows an uncited clause if only an operator can observe it', () => {
    expect(
      findingsOf({ '/x-requirements/OPS-2': { level: 'must', observable: 'operator', text: 'Log files rotate.' } }),
    ).toEqual([]);
  });
});

describe('the shape of extensions', () => {
  const shapeOf = (changes: Changes): Finding[] => checkExtensions(shopWith(changes));

  test('refuses a message without example, summary or clause', () => {
    for (const member of ['examples', 'summary', 'x-requirements']) {
      expect(shapeOf({ [`${MESSAGES}/welcome/${member}`]: undefined })).toMatchObject([
        { rule: 'shape', pointer: `${MESSAGES}/welcome`, text: `lacks ${member}. Add it.` },
      ]);
    }
  });

  test('refuses an unknown member, and mentions that an unquoted comma may be the cause', () => {
    expect(shapeOf({ '/x-limits/eventsPerSubscription/or fewer.': null })).toMatchObject([
      {
        pointer: '/x-limits/eventsPerSubscription/or fewer.',
        text: expect.stringContaining('put the whole text in quotes'),
      },
    ]);
  });

  test('refuses a clause that is cited twice in one place', () => {
    expect(shapeOf({ '/operations/subscribe/x-requirements': ['SUB-1', 'SUB-1'] })).toHaveLength(1);
  });
});

describe('a reference in place of a tag, an operation or a reply', () => {
  const TAG = { name: 'orders', description: 'About orders.' };

  test('is replaced by its target, in 3.0 and in 3.1', async () => {
    for (const asyncapi of ['3.0.0', '3.1.0']) {
      const source = shopWith({
        '/asyncapi': asyncapi,
        '/components/tags': { orders: TAG },
        '/info/tags': [{ $ref: '#/components/tags/orders' }],
        '/operations/subscribe/tags': [{ $ref: '#/components/tags/orders' }],
      });
      const { contract } = await parseContract(source);
      expect(contract.commands.find(({ name }) => name === 'subscribe')?.tags).toEqual(['orders']);
    }
  });

  test.each([
    [{ '/info/tags': [{ $ref: '#/components/tags/nowhere' }] }, '/info/tags/0', /which is not in this file/],
    [
      {
        '/info/tags': [{ $ref: '#/components/tags/a' }],
        '/components/tags': { a: { $ref: '#/components/tags/b' }, b: { $ref: '#/components/tags/a' } },
      },
      '/info/tags/0',
      /leads back to this reference/,
    ],
  ])('that does not resolve or is circular is a finding %#', (changes: Changes, pointer, text) => {
    const [finding] = resolveReferences(shopWith(changes)).findings;
    expect(finding).toMatchObject({
      rule: 'reference',
      pointer,
      text: expect.stringMatching(text),
      line: expect.any(Number),
    });
  });
});
