/** Each change of a contract beside its schemas, and changes of schemas where they are really used, on our own contract. */
import { describe, expect, test } from 'vitest';
import { compareContracts } from './compare.ts';
import { at, findingsOf, verdictsOf, versionWith } from './testing/versions.ts';
import type { Changes } from './testing/versions.ts';

/** What the change is, the change, and every finding of it as `rule severity direction`. */
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
    'a command has one reply less',
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
    'an HTTP request needs another member',
    { [`${schemas}/ExplainRequest/required`]: ['event', 'payload', 'stream'] },
    [`required-added breaking ${SENT}`],
  ],
  [
    'an HTTP answer has another member',
    { [`${schemas}/Probe/properties/since`]: text },
    [`property-added compatible ${RECEIVED}`],
  ],
  [
    'an HTTP answer lacks a member',
    { [`${schemas}/Explanation/required`]: ['matches'] },
    [`required-removed breaking ${RECEIVED}`],
  ],
  [
    'a command takes another member',
    { [`${schemas}/SubscribeData/properties/note`]: text },
    [`property-added compatible ${SENT}`],
  ],
  [
    'a command needs another member',
    { [`${schemas}/SubscribeData/required`]: ['events', 'stream'] },
    [`required-added breaking ${SENT}`],
  ],
  [
    'a command takes a member no more',
    { [`${schemas}/SubscribeData/properties/replay`]: undefined },
    [`property-removed breaking ${SENT}`],
  ],
  [
    'a command needs a member no more',
    { [`${schemas}/SyncData/required`]: [] },
    [`required-removed compatible ${SENT}`],
  ],
  [
    'a reply has another member',
    { [`${schemas}/PongData/properties/load`]: text },
    [`property-added compatible ${RECEIVED}`],
  ],
  ['a reply may lack a member', { [`${schemas}/PongData/required`]: [] }, [`required-removed breaking ${RECEIVED}`]],
  [
    'a push has another value',
    { [`${schemas}/SubscriptionClosedReason/enum`]: ['forbidden', 'expired'] },
    [`value-added breaking ${RECEIVED}`],
  ],
  [
    'a push has another member at its top (ENV-1)',
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
    'a payload has another optional member',
    { [`${schemas}/SyncStatusPayload/properties/eta`]: text },
    [`property-added compatible ${RECEIVED}`, `property-added compatible ${SENT}`],
  ],
  [
    'a payload has one value less: who publishes it is refused',
    { [`${schemas}/SyncStatusPayload/properties/status/enum`]: ['started', 'running', 'completed'] },
    [`value-removed breaking ${SENT}`, `value-removed compatible ${RECEIVED}`],
  ],
  [
    'a payload needs a member no more: who reads it misses it',
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
    'an event has a policy that nobody can rank',
    { [`${messages}/file_change/x-replay/policy`]: 'hourly' },
    [`replay-policy-changed undecided ${RECEIVED}`],
  ],
  [
    'an event has another key',
    { [`${messages}/entity_created/x-replay/key`]: '/payload/name' },
    [`replay-key-changed breaking ${RECEIVED}`],
  ],
  [
    'a delete clears no more',
    { [`${messages}/entity_deleted/x-replay/clears`]: undefined },
    [`replay-key-changed breaking ${RECEIVED}`],
  ],
  [
    'an event loses a filter field',
    { [`${messages}/file_change/x-filterable/paths`]: undefined },
    [`filterable-removed breaking ${SENT}`],
  ],
  [
    'an event gets a filter field that others have',
    { [`${messages}/sync_status/x-filterable/paths`]: ['/payload/message'] },
    [`filterable-added breaking ${SENT}`],
  ],
  [
    'an event gets a filter field that is new',
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
    'an error is retryable no more',
    { '/x-errors/internal/retryable': false },
    [`error-retryable-changed breaking ${RECEIVED}`],
  ],
  [
    'an error has another status',
    { '/x-errors/internal/httpStatus': 503 },
    [`error-http-status-changed breaking ${RECEIVED}`],
  ],
  [
    'an error code is added to what is sent',
    { [`${schemas}/ErrorCode/enum`]: [...(at(`${schemas}/ErrorCode/enum`) as string[]), 'too_late'] },
    [`value-added breaking ${RECEIVED}`],
  ],
  [
    'a bad value is answered with another code',
    { [`${messages}/sync/x-error-pointers`]: { '/data/stream': 'forbidden' } },
    [`error-pointer-changed breaking ${RECEIVED}`],
  ],
  [
    'a close code is added',
    { '/x-close-codes/4205': { name: 'moved', class: 'retry-resume', description: '.' } },
    [`close-code-added compatible ${RECEIVED}`],
  ],
  ['a close code is removed', { '/x-close-codes/4202': undefined }, [`close-code-removed warning ${RECEIVED}`]],
  [
    'a close code is retried no more',
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
    'an operation needs a scope',
    { '/operations/get_health/x-scopes': ['admin:read'] },
    [`scope-required breaking ${SENT}`],
  ],
  [
    'an operation needs a scope no more',
    { '/operations/post_explain/x-scopes': [] },
    [`scope-not-required compatible ${SENT}`],
  ],
  ['a kind of scope is removed', { '/x-scopes/kinds/admin:read': undefined }, [`scope-kind-removed breaking ${SENT}`]],
  ['the grammar of scopes is another', { '/x-scopes/grammar': 'other' }, [`scope-grammar-changed undecided ${SENT}`]],
  ['a gap has another reason', { '/x-gap-reasons/asleep': 'Asleep.' }, [`gap-reason-added breaking ${RECEIVED}`]],
  ['the subprotocol is another', { '/x-subprotocol': 'tidemark.v2' }, [`subprotocol-changed breaking ${SENT}`]],
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
    'the text of a clause is another',
    { '/x-requirements/CON-3/text': 'Other.' },
    [`clause-text-changed warning ${RECEIVED}`],
  ],
  ['a fact appears that the gate does not know', { '/x-moods': { glad: 1 } }, [`fact-undecided undecided ${RECEIVED}`]],
  [
    'an operation says something that the gate does not know',
    { '/operations/ping/x-mood': 'glad' },
    [`fact-undecided undecided ${RECEIVED}`],
  ],
  [
    'the WebSocket asks for a header',
    { '/channels/connection/bindings/ws/headers': { type: 'object' } },
    [`fact-undecided undecided ${RECEIVED}`],
  ],
  [
    'messages are of another media type',
    { '/defaultContentType': 'application/cbor' },
    [`content-type-changed breaking ${RECEIVED}`],
  ],
  [
    'descriptions, summaries and examples are others',
    { '/info/description': 'Other.', '/operations/ping/summary': 'Other.', [`${messages}/ping/examples`]: [] },
    [],
  ],
];

describe('a change of the contract', () => {
  test.each(ROWS)('%s', (_name, change, verdicts) => {
    expect(verdictsOf(findingsOf({}, change)).toSorted()).toEqual(verdicts.toSorted());
  });
});

test('a contract does not differ from itself', () => {
  expect(compareContracts(versionWith(), versionWith())).toEqual([]);
});

test('a finding names both places with their lines, and every operation that the change reaches', () => {
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
