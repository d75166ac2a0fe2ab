/**
 * Tests changes of the stock contract: of facts other than schemas, and of schemas in the places where the contract
 * uses them.
 */
import { describe, expect, test } from 'vitest';
import { compareContracts } from './compare.ts';
import { at, findingsOf, verdictsOf, versionWith } from './testing/versions.ts';
import type { Changes } from './testing/versions.ts';

/** Name of the change, the change, and every finding as `rule severity direction`. */
type Row = readonly [name: string, change: Changes, verdicts: readonly string[]];

const [SENT, RECEIVED] = ['client-to-server', 'server-to-client'];
const schemas = '/components/schemas';
const messages = '/components/messages';
const text = { type: 'string', maxLength: 9 };

const ROWS: readonly Row[] = [
  ['a command is removed', { '/operations/sync': undefined }, [`command-removed breaking ${SENT}`]],
  ['a command is added', { '/operations/nap': at('/operations/ping') }, [`command-added compatible ${SENT}`]],
  ['a push is removed', { '/operations/heartbeat': undefined }, [`push-removed breaking ${RECEIVED}`]],
  ['a push is added', { '/operations/notice': at('/operations/closing') }, [`push-added compatible ${RECEIVED}`]],
  [
    'a command has another reply',
    { '/operations/ping/reply/messages/0/$ref': '#/channels/connection/messages/synced' },
    [`reply-added breaking ${RECEIVED}`, `reply-removed compatible ${RECEIVED}`],
  ],
  [
    'a command loses a reply',
    { '/operations/ping/reply/messages/1': undefined },
    [`reply-removed compatible ${RECEIVED}`],
  ],
  ['an HTTP operation is removed', { '/operations/post_explain': undefined }, [`http-removed breaking ${SENT}`]],
  [
    'an HTTP operation has another method',
    { '/operations/post_explain/bindings/http/method': 'PUT' },
    [`method-changed breaking ${SENT}`],
  ],
  [
    'an HTTP operation has another address',
    { '/channels/health/address': '/health' },
    [`address-changed breaking ${SENT}`],
  ],
  [
    'the WebSocket has another address',
    { '/channels/connection/address': '/socket' },
    [`address-changed breaking ${SENT}`],
  ],
  [
    'an HTTP operation becomes a push',
    { '/operations/get_health/channel/$ref': '#/channels/connection' },
    [`operation-moved breaking ${SENT}`],
  ],
  [
    'a parameter of a query is removed',
    { '/operations/get_subscriptions/bindings/http/query/properties/event': undefined },
    [`property-removed breaking ${SENT}`],
  ],
  [
    'a parameter of a query is added',
    { '/operations/get_subscriptions/bindings/http/query/properties/slow': { type: 'boolean' } },
    [`property-added compatible ${SENT}`],
  ],
  [
    'an HTTP request requires a new member',
    { [`${schemas}/ExplainRequest/required`]: ['event', 'payload', 'stream'] },
    [`required-added breaking ${SENT}`],
  ],
  [
    'an HTTP response has a new member',
    { [`${schemas}/Probe/properties/since`]: text },
    [`property-added compatible ${RECEIVED}`],
  ],
  [
    'an HTTP response loses a member',
    { [`${schemas}/SubscriptionsPage/required`]: ['items', 'total', 'aggregates', 'partial'] },
    [`required-removed breaking ${RECEIVED}`],
  ],
  [
    'a command accepts a new member',
    { [`${schemas}/SubscribeData/properties/note`]: text },
    [`property-added compatible ${SENT}`],
  ],
  [
    'a command requires another member',
    { [`${schemas}/SubscribeData/required`]: ['events', 'stream'] },
    [`required-added breaking ${SENT}`],
  ],
  [
    'a command no longer accepts a member',
    { [`${schemas}/SubscribeData/properties/replay`]: undefined },
    [`property-removed breaking ${SENT}`],
  ],
  [
    'a command no longer requires a member',
    { [`${schemas}/SyncData/required`]: [] },
    [`required-removed compatible ${SENT}`],
  ],
  [
    'a reply has a new member',
    { [`${schemas}/PongData/properties/load`]: text },
    [`property-added compatible ${RECEIVED}`],
  ],
  [
    'a member of a reply becomes optional',
    { [`${schemas}/PongData/required`]: [] },
    [`required-removed breaking ${RECEIVED}`],
  ],
  [
    'a push has a new value',
    { [`${schemas}/SubscriptionClosedReason/enum`]: ['forbidden', 'expired'] },
    [`value-added breaking ${RECEIVED}`],
  ],
  [
    'a push has a new member at its top level (ENV-1)',
    { [`${schemas}/ClosingMessage/properties/at`]: text },
    [`property-added breaking ${RECEIVED}`],
  ],
  [
    'a shared schema narrows',
    { [`${schemas}/SubscriptionId/maxLength`]: 8 },
    [`max-length-added breaking ${SENT}`, `max-length-added compatible ${RECEIVED}`],
  ],
  ['an event is removed', { [`${messages}/sync_status`]: undefined }, [`event-removed breaking ${RECEIVED}`]],
  [
    'an event is added',
    { [`${messages}/build_done`]: { ...(at(`${messages}/sync_status`) as object), 'x-event': 'build_done' } },
    [`event-added compatible ${RECEIVED}`],
  ],
  [
    'an event has another name',
    { [`${messages}/sync_status/x-event`]: 'sync_state' },
    [`event-added compatible ${RECEIVED}`, `event-removed breaking ${RECEIVED}`],
  ],
  [
    'a payload has a new optional member',
    { [`${schemas}/SyncStatusPayload/properties/eta`]: text },
    [`property-added compatible ${RECEIVED}`, `property-added compatible ${SENT}`],
  ],
  [
    'a payload no longer allows a value, so publishers that use it are refused',
    { [`${schemas}/SyncStatusPayload/properties/status/enum`]: ['started', 'running', 'completed'] },
    [`value-removed breaking ${SENT}`, `value-removed compatible ${RECEIVED}`],
  ],
  [
    'a member of a payload becomes optional, so readers that need it may miss it',
    { [`${schemas}/GraphUpdatePayload/required`]: [] },
    [`required-removed breaking ${RECEIVED}`, `required-removed compatible ${SENT}`],
  ],
  [
    'an event replays less',
    { [`${messages}/session_event/x-replay/policy`]: 'latest' },
    [`replay-policy-changed breaking ${RECEIVED}`],
  ],
  [
    'an event replays more',
    { [`${messages}/file_change/x-replay/policy`]: 'log' },
    [`replay-policy-changed warning ${RECEIVED}`],
  ],
  [
    'an event has an unknown policy',
    { [`${messages}/file_change/x-replay/policy`]: 'hourly' },
    [`replay-policy-changed undecided ${RECEIVED}`],
  ],
  [
    'an event has another key',
    { [`${messages}/entity_created/x-replay/key`]: '/payload/name' },
    [`replay-key-changed breaking ${RECEIVED}`],
  ],
  [
    'a deletion no longer clears its key',
    { [`${messages}/entity_deleted/x-replay/clears`]: undefined },
    [`replay-key-changed breaking ${RECEIVED}`],
  ],
  [
    'an event loses a filter field',
    { [`${messages}/file_change/x-filterable/paths`]: undefined },
    [`filterable-removed breaking ${SENT}`],
  ],
  [
    'an event gets a filter field that other events have',
    { [`${messages}/sync_status/x-filterable/paths`]: ['/payload/message'] },
    [`filterable-added breaking ${SENT}`],
  ],
  [
    'an event gets a new filter field',
    { [`${messages}/sync_status/x-filterable/states`]: ['/payload/status'] },
    [`filterable-added compatible ${SENT}`],
  ],
  [
    'a filter field reads another value',
    { [`${messages}/file_change/x-filterable/paths`]: ['/payload/path'] },
    [`filterable-changed breaking ${SENT}`],
  ],
  ['a filter field is removed', { '/x-filters/actors': undefined }, [`filter-field-removed breaking ${SENT}`]],
  [
    'a filter field is added',
    { '/x-filters/states': { kind: 'exact', description: '.' } },
    [`filter-field-added compatible ${SENT}`],
  ],
  [
    'a filter field matches differently',
    { '/x-filters/actors/kind': 'path' },
    [`filter-field-kind-changed breaking ${SENT}`],
  ],
  [
    'an error is added',
    { '/x-errors/too_late': { retryable: false, httpStatus: 409, description: '.' } },
    [`error-added breaking ${RECEIVED}`],
  ],
  ['an error is removed', { '/x-errors/internal': undefined }, [`error-removed warning ${RECEIVED}`]],
  [
    'an error is no longer retryable',
    { '/x-errors/internal/retryable': false },
    [`error-retryable-changed breaking ${RECEIVED}`],
  ],
  [
    'an error has another status',
    { '/x-errors/internal/httpStatus': 503 },
    [`error-http-status-changed breaking ${RECEIVED}`],
  ],
  [
    'a reply may contain a new error code',
    { [`${schemas}/ErrorCode/enum`]: [...(at(`${schemas}/ErrorCode/enum`) as string[]), 'too_late'] },
    [`value-added breaking ${RECEIVED}`],
  ],
  [
    'an invalid value gets another error code',
    { [`${messages}/sync/x-error-pointers`]: { '/data/stream': 'forbidden' } },
    [`error-pointer-changed breaking ${RECEIVED}`],
  ],
  [
    'a close code is added',
    { '/x-close-codes/4299': { name: 'moved', class: 'retry-resume', description: '.' } },
    [`close-code-added compatible ${RECEIVED}`],
  ],
  ['a close code is removed', { '/x-close-codes/4202': undefined }, [`close-code-removed warning ${RECEIVED}`]],
  [
    'a close code is no longer retried',
    { '/x-close-codes/4202/class': 'do-not-retry' },
    [`close-code-class-changed breaking ${RECEIVED}`],
  ],
  [
    'a close code has another name',
    { '/x-close-codes/4202/name': 'busy' },
    [`close-code-name-changed breaking ${RECEIVED}`],
  ],
  ['a class of close codes is added', { '/x-close-classes/wait': 'Wait.' }, [`close-class-added breaking ${RECEIVED}`]],
  ['a limit falls', { '/x-limits/payloadBytes/default': 32768 }, [`limit-default-lowered warning ${SENT}`]],
  ['a limit rises', { '/x-limits/payloadBytes/default': 131072 }, [`limit-default-raised compatible ${SENT}`]],
  [
    'the minimum of a limit rises',
    { '/x-limits/payloadBytes/minimum': 512 },
    ['limit-minimum-raised breaking operator'],
  ],
  [
    'the minimum of a limit falls',
    { '/x-limits/payloadBytes/minimum': 128 },
    [`limit-minimum-lowered warning ${SENT}`],
  ],
  [
    'the maximum of a limit falls',
    { '/x-limits/payloadBytes/maximum': 1048576 },
    ['limit-maximum-lowered breaking operator'],
  ],
  [
    'the maximum of a limit rises',
    { '/x-limits/payloadBytes/maximum': 33554432 },
    [`limit-maximum-raised compatible ${SENT}`],
  ],
  ['a limit is removed', { '/x-limits/jsonDepth': undefined }, [`limit-removed breaking ${SENT}`]],
  ['a limit is added', { '/x-limits/words': at('/x-limits/jsonDepth') }, [`limit-added warning ${SENT}`]],
  ['a limit has another unit', { '/x-limits/drainMs/unit': 's' }, [`limit-unit-changed breaking ${SENT}`]],
  [
    'an operation requires a scope',
    { '/operations/get_health/x-scopes': ['admin:read'] },
    [`scope-required breaking ${SENT}`],
  ],
  [
    'an operation no longer requires a scope',
    { '/operations/post_explain/x-scopes': [] },
    [`scope-not-required compatible ${SENT}`],
  ],
  ['a kind of scope is removed', { '/x-scopes/kinds/admin:read': undefined }, [`scope-kind-removed breaking ${SENT}`]],
  ['the grammar of scopes changes', { '/x-scopes/grammar': 'other' }, [`scope-grammar-changed undecided ${SENT}`]],
  ['a gap has a new reason', { '/x-gap-reasons/asleep': 'Asleep.' }, [`gap-reason-added breaking ${RECEIVED}`]],
  ['the subprotocol changes', { '/x-subprotocol': 'tidemark.v2' }, [`subprotocol-changed breaking ${SENT}`]],
  [
    'another query parameter is refused',
    { '/x-credential-parameters': [...(at('/x-credential-parameters') as string[]), 'pass'] },
    [`credential-parameter-added breaking ${SENT}`],
  ],
  ['a clause is removed', { '/x-requirements/CON-3': undefined }, [`clause-removed breaking ${RECEIVED}`]],
  [
    'a clause is added',
    { '/x-requirements/CON-9': at('/x-requirements/CON-3') },
    [`clause-added compatible ${RECEIVED}`],
  ],
  ['a clause is weaker', { '/x-requirements/CON-3/level': 'should' }, [`clause-level-changed breaking ${RECEIVED}`]],
  [
    'the text of a clause changes',
    { '/x-requirements/CON-3/text': 'Other.' },
    [`clause-text-changed warning ${RECEIVED}`],
  ],
  ['an unknown fact appears', { '/x-moods': { glad: 1 } }, [`fact-undecided undecided ${RECEIVED}`]],
  ['an operation has an unknown fact', { '/operations/ping/x-mood': 'glad' }, [`fact-undecided undecided ${RECEIVED}`]],
  [
    'the WebSocket requires a header',
    { '/channels/connection/bindings/ws/headers': { type: 'object' } },
    [`fact-undecided undecided ${RECEIVED}`],
  ],
  [
    'messages have another media type',
    { '/defaultContentType': 'application/cbor' },
    [`content-type-changed breaking ${RECEIVED}`],
  ],
  [
    'descriptions, summaries and examples change',
    { '/info/description': 'Other.', '/operations/ping/summary': 'Other.', [`${messages}/ping/examples`]: [] },
    [],
  ],
];

describe('a change of the contract', () => {
  test.each(ROWS)('%s', (_name, change, verdicts) => {
    expect(verdictsOf(findingsOf({}, change)).toSorted()).toEqual(verdicts.toSorted());
  });
});

test('a contract has no findings against itself', () => {
  expect(compareContracts(versionWith(), versionWith())).toEqual([]);
});

test('a finding names both places with their lines, and every operation that the change affects', () => {
  const [finding] = findingsOf(
    {},
    { [`${schemas}/Position/properties/node`]: text, [`${schemas}/Position/required`]: ['epoch'] },
  ).filter(({ rule, severity }) => rule === 'required-removed' && severity === 'breaking');
  expect(finding).toMatchObject({
    was: { pointer: `${schemas}/Position/required`, value: ['epoch', 'sequenceId'] },
    now: { pointer: `${schemas}/Position/required`, value: ['epoch'] },
  });
  expect(finding?.now.line).toBeGreaterThan(1);
  expect(finding?.usedBy).toEqual(expect.arrayContaining(['subscribe', 'sync', 'gap', 'replay_complete']));
});
